//! Rules over answer files: what each of them finds, where, and what it leaves alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use wimkey::catalog::{self, rules};
use wimkey::finding::{Finding, Level};
use wimkey::lint::{self, KnownImage, Neighbour, NeighbourKind, Surroundings};
use wimkey::pkeyconfig::{KeyConfiguration, sample};
use wimkey::text::{self, Encoding, Form};

/// Published by Microsoft: Windows 10 and 11 Enterprise.
const ENTERPRISE: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";
/// Published by Microsoft: Windows 10 and 11 Pro.
const PRO: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
/// Published by Microsoft: Windows 7 Enterprise.
const SEVEN: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";

const SETUP: &str = "Microsoft-Windows-Setup";
const SHELL: &str = "Microsoft-Windows-Shell-Setup";

/// An answer file with these (pass, component, content).
fn file(components: &[(&str, &str, &str)]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\n",
    );
    for (pass, component, content) in components {
        write!(
            text,
            "<settings pass=\"{pass}\">\n<component name=\"{component}\" processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\">\n{content}\n</component>\n</settings>\n"
        )
        .unwrap();
    }
    text.push_str("</unattend>\n");
    text
}

fn installation(key: &str) -> String {
    format!("<UserData><ProductKey>{key}</ProductKey></UserData>")
}

fn setup_key(key: &str) -> String {
    file(&[("windowsPE", SETUP, &installation(&format!("<Key>{key}</Key>")))])
}

fn shell_key(key: &str) -> String {
    file(&[("specialize", SHELL, &format!("<ProductKey>{key}</ProductKey>"))])
}

fn from_index(value: &str) -> String {
    from("/IMAGE/INDEX", value)
}

fn from(key: &str, value: &str) -> String {
    format!(
        "<ImageInstall><OSImage><InstallFrom><MetaData><Key>{key}</Key><Value>{value}</Value></MetaData></InstallFrom></OSImage></ImageInstall>"
    )
}

/// A text of the shape of a Windows 7 key that is none: the groups of a published one in another order.
fn shuffled() -> String {
    let groups: Vec<&str> = SEVEN.split('-').collect();
    [groups[3], groups[0], groups[4], groups[2], groups[1]].join("-")
}

fn lint(text: &str) -> Vec<Finding> {
    lint_with(text, &Surroundings::default())
}

fn lint_with(text: &str, surroundings: &Surroundings<'_>) -> Vec<Finding> {
    lint::answer_file(text.as_bytes(), surroundings)
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule.id).collect()
}

const IMAGE: KnownImage<'static> = KnownImage {
    index: 1,
    name: "Windows 11 Pro",
    description: Some("Windows 11 Pro with tools"),
    meant: true,
    edition: "Professional",
    build: 22621,
    architecture: Some("amd64"),
    configuration: None,
    licences: None,
};

fn for_image(text: &str, image: KnownImage<'_>) -> Vec<Finding> {
    let surroundings = Surroundings {
        images: &[image],
        ..Surroundings::default()
    };
    lint_with(text, &surroundings)
}

fn beside(kind: NeighbourKind, content: &str) -> Neighbour {
    Neighbour {
        path: "media/sources/beside".to_owned(),
        kind,
        content: content.as_bytes().to_vec().into(),
    }
}

fn password(value: &str, plain: &str) -> String {
    file(&[(
        "oobeSystem",
        SHELL,
        &format!(
            "<AutoLogon><Password><Value>{value}</Value><PlainText>{plain}</PlainText></Password></AutoLogon>"
        ),
    )])
}

/// Every rule with files that break it and no other rule of the same level or above.
fn broken() -> Vec<(&'static str, String)> {
    [broken_keys(), broken_settings(), broken_structure()].concat()
}

fn broken_keys() -> Vec<(&'static str, String)> {
    vec![
        (
            "WK-U001",
            file(&[("windowsPE", SETUP, "<UserData/><ImageInstall/>")]),
        ),
        ("WK-U002", setup_key("")),
        ("WK-U002", shell_key(" ")),
        (
            "WK-U003",
            file(&[("windowsPE", SETUP, &installation(ENTERPRISE))]),
        ),
        ("WK-U004", setup_key("00000-00000-00000-00000-00000")),
        ("WK-U004", shell_key("XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")),
        ("WK-U004", shell_key("{{ product_key }}")),
        ("WK-U004", shell_key("*SENSITIVE*DATA*DELETED*")),
        ("WK-U005", shell_key(ENTERPRISE.get(..23).unwrap())),
        ("WK-U005", shell_key(&ENTERPRISE.replace('2', "O"))),
        ("WK-U006", shell_key(&ENTERPRISE.replace("FWDCX", "FWDXC"))),
    ]
}

/// As [`broken_keys`], of the rules that are not about keys.
fn broken_settings() -> Vec<(&'static str, String)> {
    let twice = file(&[
        ("specialize", SHELL, "<ComputerName>*</ComputerName>"),
        ("specialize", SHELL, ""),
    ]);
    vec![
        (
            "WK-U013",
            file(&[("oobeSystem", SHELL, &format!("<ProductKey>{PRO}</ProductKey>"))]),
        ),
        (
            "WK-U013",
            file(&[(
                "specialize",
                "Microsoft-Windows-Security-SPP",
                "<SkipRearm>0</SkipRearm>",
            )]),
        ),
        (
            "WK-U014",
            file(&[(
                "generalize",
                "Microsoft-Windows-Security-SPP",
                "<SkipRearm>1</SkipRearm>",
            )]),
        ),
        ("WK-U015", file(&[("windowsPE", SETUP, &from_index("0"))])),
        ("WK-U018", password("hunter-2", "true")),
        ("WK-U018", password("hunter-2", "")),
        (
            "WK-U019",
            password("cwBlAGMAcgBlAHQAUABhAHMAcwB3AG8AcgBkAA==", "false"),
        ),
        ("WK-U020", shell_key(&shuffled())),
        (
            "WK-U020",
            format!(
                "<!-- was {} -->{}",
                shuffled(),
                file(&[]).split_once('\n').unwrap().1
            ),
        ),
        (
            "WK-U020",
            file(&[(
                "specialize",
                SHELL,
                &format!("<Path>slmgr /ipk {}</Path>", shuffled()),
            )]),
        ),
        ("WK-U021", shell_key(ENTERPRISE)),
        ("WK-U023", file(&[]).replace("utf-8", "utf-16")),
        (
            "WK-U024",
            file(&[(
                "specialize",
                SHELL,
                "<ComputerName>A-name-that-is-far-too-long</ComputerName>",
            )]),
        ),
        ("WK-U025", twice),
        (
            "WK-U026",
            file(&[(
                "generalize",
                "Microsoft-Windows-Security-SPP",
                "<SkipRearm>0</SkipRearm><SkipRearm>0</SkipRearm>",
            )]),
        ),
    ]
}

/// As [`broken_keys`], of the rules about what holds the settings.
fn broken_structure() -> Vec<(&'static str, String)> {
    vec![
        ("WK-U027", "<unattend>".to_owned()),
        ("WK-U028", "<unattend/>".to_owned()),
        ("WK-U029", file(&[("windowspe", SETUP, "")])),
        (
            "WK-U030",
            file(&[("windowsPE", SETUP, "")]).replace("amd64", "x64"),
        ),
        (
            "WK-U031",
            file(&[(
                "generalize",
                "Microsoft-Windows-Security-SPP",
                "<SkipRearm>yes</SkipRearm>",
            )]),
        ),
        (
            "WK-U032",
            file(&[("windowsPE", SETUP, "")]).replace("31bf3856ad364e35", "31bf3856ad364e3"),
        ),
        (
            "WK-U032",
            file(&[("windowsPE", SETUP, "")]).replace("language=\"neutral\"", ""),
        ),
        (
            "WK-U033",
            file(&[("windowsPE", SETUP, "")]).replace("<settings", "<settings wasPassProcessed=\"true\""),
        ),
        (
            "WK-U034",
            format!(
                "<!-- wimkey: allow WK-U018 -->{}",
                file(&[]).split_once('\n').unwrap().1
            ),
        ),
        (
            "WK-U034",
            format!(
                "<!-- wimkey: allow WK-U999 -->{}",
                file(&[]).split_once('\n').unwrap().1
            ),
        ),
        ("WK-U036", password("Passw0rd", "false")),
    ]
}

#[test]
fn every_rule_about_the_file_alone_finds_what_it_is_for() {
    for (id, text) in broken() {
        let findings = lint(&text);
        assert!(
            ids(&findings).contains(&id),
            "{id}: {:?} in {text}",
            ids(&findings)
        );
        let severe: Vec<_> = findings
            .iter()
            .filter(|finding| finding.rule.id != id && finding.level == Level::Error)
            .filter(|finding| !(id == "WK-U021" && finding.rule.id == "WK-U003"))
            .collect();
        assert!(severe.is_empty(), "{id}: {severe:?}");
    }
}

#[test]
fn no_finding_repeats_a_key_or_a_password() {
    for (id, text) in broken() {
        for finding in lint(&text) {
            let picture = finding.picture.as_ref().map_or("", |picture| picture.text());
            let shown = format!("{} {} {picture} {}", finding.message, finding.place, finding.help);
            for secret in [shuffled().as_str(), "hunter-2", "Passw0rd", "cwBlAGM"] {
                assert!(!shown.contains(secret), "{id}: {shown}");
            }
        }
    }
}

fn expect(id: &'static str, findings: &[Finding]) {
    assert!(ids(findings).contains(&id), "{id}: {:?}", ids(findings));
}

/// The rules that are tested with more than the file.
const BEYOND: [&str; 11] = [
    "WK-U007", "WK-U008", "WK-U009", "WK-U010", "WK-U011", "WK-U012", "WK-U015", "WK-U016", "WK-U017",
    "WK-U022", "WK-U035",
];

#[test]
fn every_rule_is_tested() {
    let mut seen: BTreeSet<_> = broken().into_iter().map(|(id, _)| id).collect();
    seen.extend(BEYOND);
    let all: BTreeSet<_> = rules::RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(seen, all);
}

#[test]
fn rules_about_an_image_find_what_they_are_for() {
    expect("WK-U007", &for_image(&shell_key(ENTERPRISE), IMAGE));
    let evaluation = KnownImage {
        edition: "EnterpriseEval",
        ..IMAGE
    };
    expect("WK-U009", &for_image(&shell_key(ENTERPRISE), evaluation));
    expect(
        "WK-U010",
        &lint(&file(&[
            ("windowsPE", SETUP, &installation(&format!("<Key>{PRO}</Key>"))),
            (
                "specialize",
                SHELL,
                &format!("<ProductKey>{ENTERPRISE}</ProductKey>"),
            ),
        ])),
    );
    let other = KnownImage {
        architecture: Some("arm64"),
        ..IMAGE
    };
    expect("WK-U011", &for_image(&shell_key(PRO), other));
    let old = file(&[(
        "generalize",
        "Microsoft-Windows-Security-Licensing-SLC",
        "<SkipRearm>0</SkipRearm>",
    )]);
    expect("WK-U012", &for_image(&old, IMAGE));
    for named in [
        from_index("2"),
        from("/IMAGE/NAME", "Windows 11 Home"),
        from("/IMAGE/DESCRIPTION", "Windows 11 Pro"),
    ] {
        expect(
            "WK-U015",
            &for_image(&file(&[("windowsPE", SETUP, &named)]), IMAGE),
        );
    }
}

#[test]
fn rules_about_what_lies_beside_find_what_they_are_for() {
    let no_key = file(&[("windowsPE", SETUP, "<UserData/><ImageInstall/>")]);
    let files = [beside(
        NeighbourKind::EiCfg,
        "[EditionID]\r\nEnterprise\r\n[Channel]\r\nRetail\r\n[VL]\r\n0\r\n",
    )];
    let surroundings = Surroundings {
        beside: &files,
        ..Surroundings::default()
    };
    let found = lint_with(&no_key, &surroundings);
    expect("WK-U016", &found);
    assert_eq!(
        (found[0].target.as_str(), found[0].line),
        ("media/sources/beside", Some(2))
    );
    expect("WK-U016", &lint_with(&setup_key(PRO), &surroundings));
    assert!(!ids(&lint_with(&setup_key(ENTERPRISE), &surroundings)).contains(&"WK-U016"));
    let files = [beside(
        NeighbourKind::PidTxt,
        &format!("[PID]\r\nValue={PRO}\r\n"),
    )];
    let surroundings = Surroundings {
        beside: &files,
        ..Surroundings::default()
    };
    expect("WK-U017", &lint_with(&no_key, &surroundings));
    expect("WK-U017", &lint_with(&setup_key(ENTERPRISE), &surroundings));
    assert!(!ids(&lint_with(&setup_key(PRO), &surroundings)).contains(&"WK-U017"));
    let wds = "<WindowsDeploymentServices><Login><Credentials><Password>hunter-2</Password></Credentials></Login></WindowsDeploymentServices>";
    expect("WK-U022", &lint(&file(&[("windowsPE", SETUP, wds)])));
    let surroundings = Surroundings {
        path: "/mnt/RemoteInstall/WdsClientUnattend/a.xml",
        ..Surroundings::default()
    };
    expect(
        "WK-U022",
        &lint_with(&password("hunter-2", "true"), &surroundings),
    );
}

#[test]
fn rules_about_what_a_key_is_find_what_they_are_for() {
    let superseded = catalog::published()
        .iter()
        .find(|row| row.status == catalog::Status::Superseded)
        .unwrap();
    expect("WK-U035", &lint(&shell_key(superseded.text)));
    // A key whose group a configuration of our own calls a MAK.
    let row = catalog::by_symbols(b"NPPR9FWDCXD2C8JH872K2YT43").unwrap();
    let (group, serial) = row.group_and_serial.unwrap();
    let ranges = [("X00-00001", serial, serial + 9)];
    let mak = sample::Row {
        group,
        editions: "Enterprise",
        key_type: "Volume:MAK",
        activation_id: "4de7cb65-cdf1-4de9-8ae8-e3cce27b9f2c",
        eula_type: "Volume",
        ranges: &ranges,
    };
    let configuration = KeyConfiguration::parse(sample::file(&[mak], true).as_bytes()).unwrap();
    let image = KnownImage {
        edition: "Enterprise",
        configuration: Some(&configuration),
        ..IMAGE
    };
    expect("WK-U008", &for_image(&setup_key(ENTERPRISE), image));
    assert!(!ids(&for_image(&shell_key(ENTERPRISE), image)).contains(&"WK-U008"));
}

#[test]
fn what_is_well_is_left_alone() {
    let quiet = [
        file(&[]),
        setup_key("00000-00000-00000-00000-00000").replace("</Key>", "</Key><WillShowUI>Always</WillShowUI>"),
        file(&[(
            "windowsPE",
            SETUP,
            &installation("<WillShowUI>OnError</WillShowUI>"),
        )]),
        file(&[("windowsPE", SETUP, &installation(""))]),
        file(&[("windowsPE", SETUP, &from("/IMAGE/NAME", "Windows 11 Pro"))]),
        file(&[("windowsPE", SETUP, &from("/IMAGE/NAME", "${image}"))]),
        file(&[("specialize", SHELL, "<ComputerName>%NAME%</ComputerName>")]),
        file(&[("specialize", SHELL, "")]).replace("amd64", "${architecture}"),
        file(&[("specialize", SHELL, "")]).replace("amd64", "wow64"),
        file(&[(
            "generalize",
            "Microsoft-Windows-Security-SPP",
            "<SkipRearm>0</SkipRearm>",
        )]),
        file(&[(
            "specialize",
            "Microsoft-Windows-Security-SPP-UX",
            "<SkipAutoActivation>true</SkipAutoActivation>",
        )]),
        password("", "true"),
        password("*SENSITIVE*DATA*DELETED*", "false"),
        password("{{ password }}", "true"),
        file(&[("oobeSystem", SHELL, &format!("<Path>slmgr /ipk {PRO}</Path>"))]),
        format!("{}<!-- {PRO} -->", file(&[])),
    ];
    for text in quiet {
        let findings: Vec<_> = lint(&text)
            .into_iter()
            .filter(|finding| finding.level > Level::Note)
            .collect();
        assert!(findings.is_empty(), "{findings:?} in {text}");
    }
    for (text, image) in [
        (shell_key(PRO), IMAGE),
        (setup_key(PRO), IMAGE),
        (file(&[("windowsPE", SETUP, &from_index("1"))]), IMAGE),
        (
            file(&[("windowsPE", SETUP, &from("/IMAGE/NAME", "windows 11 pro"))]),
            IMAGE,
        ),
        (
            file(&[(
                "windowsPE",
                SETUP,
                &from("/IMAGE/DESCRIPTION", "windows 11 pro with tools"),
            )]),
            IMAGE,
        ),
    ] {
        let findings: Vec<_> = for_image(&text, image)
            .into_iter()
            .filter(|finding| finding.level > Level::Note)
            .collect();
        assert!(findings.is_empty(), "{findings:?} in {text}");
    }
}

#[test]
fn one_image_of_several_may_fit_and_a_named_one_must() {
    let second = KnownImage {
        index: 2,
        name: "Windows 11 Enterprise",
        edition: "Enterprise",
        ..IMAGE
    };
    let surroundings = Surroundings {
        images: &[IMAGE, second],
        ..Surroundings::default()
    };
    assert_eq!(
        ids(&lint_with(&setup_key(ENTERPRISE), &surroundings)),
        ["WK-U021"]
    );
    let content = format!(
        "{}{}",
        from_index("1"),
        installation(&format!("<Key>{ENTERPRISE}</Key>"))
    );
    let findings = lint_with(&file(&[("windowsPE", SETUP, &content)]), &surroundings);
    assert_eq!(ids(&findings), ["WK-U007", "WK-U021"]);
    let only_first = Surroundings {
        images: &[
            IMAGE,
            KnownImage {
                meant: false,
                ..second
            },
        ],
        ..Surroundings::default()
    };
    assert!(ids(&lint_with(&setup_key(ENTERPRISE), &only_first)).contains(&"WK-U007"));
}

#[test]
fn a_fault_within_a_key_is_pointed_at() {
    let text = shell_key(&ENTERPRISE.replace("FWDCX", "FWDOX"));
    let findings = lint(&text);
    let finding = findings
        .iter()
        .find(|finding| finding.rule.id == "WK-U005")
        .unwrap();
    let line = text.lines().nth(finding.line.unwrap() - 1).unwrap();
    assert_eq!(line.chars().nth(finding.column.unwrap() - 1), Some('O'));
    assert_eq!(finding.length, 1);
    assert!(finding.help.contains(ENTERPRISE), "{}", finding.help);
    let picture = finding.picture.as_ref().unwrap();
    assert_eq!(
        picture.text(),
        "<ProductKey>*****************************</ProductKey>"
    );
    assert_eq!(picture.caret(), finding.column.unwrap() - 1);
}

#[test]
fn places_are_the_same_in_every_encoding() {
    for (id, text) in broken() {
        if id == "WK-U023" {
            continue;
        }
        let plain = lint(&text);
        for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
            let stored = text::encode(&text.replace("utf-8", "utf-16"), Form { encoding, mark: true });
            let mut other = lint::answer_file(&stored, &Surroundings::default());
            for finding in &mut other {
                finding.column = finding.column.map(|column| {
                    if finding.line == Some(1) && text.starts_with("<?xml") {
                        column - 1
                    } else {
                        column
                    }
                });
            }
            assert_eq!(ids(&plain), ids(&other), "{id}");
            assert_eq!(
                plain.iter().map(|f| f.line).collect::<Vec<_>>(),
                other.iter().map(|f| f.line).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn a_comment_allows_a_finding_on_its_line_its_element_or_in_the_whole_file() {
    let bad = password("hunter-2", "true");
    let on_line = bad.replace(
        "</AutoLogon>",
        "</AutoLogon> <!-- wimkey: allow WK-U018 test machines only -->",
    );
    assert!(lint(&on_line).is_empty());
    let before = bad.replace("<AutoLogon>", "<!-- wimkey: allow WK-U018 -->\n<AutoLogon>");
    assert!(lint(&before).is_empty());
    let whole = bad.replace("<unattend", "<!-- wimkey: allow WK-U014, WK-U018 -->\n<unattend");
    assert_eq!(ids(&lint(&whole)), ["WK-U034"]);
    let elsewhere = bad.replace(
        "</component>",
        "<!-- wimkey: allow WK-U018 -->\n<Extra/></component>",
    );
    assert_eq!(ids(&lint(&elsewhere)), ["WK-U018", "WK-U034"]);
    let talk = bad.replace("<unattend", "<!-- wimkey: allowed WK-U018 -->\n<unattend");
    assert_eq!(ids(&lint(&talk)), ["WK-U018"]);
}

#[test]
fn a_copy_inside_an_image_is_not_asked_what_only_media_decide() {
    let no_key = file(&[("windowsPE", SETUP, &format!("<UserData/>{}", from_index("7")))])
        .replace("<settings", "<settings wasPassProcessed=\"true\"");
    let surroundings = Surroundings {
        images: &[IMAGE],
        in_image: true,
        ..Surroundings::default()
    };
    assert!(lint_with(&no_key, &surroundings).is_empty());
    assert_eq!(
        ids(&lint_with(&shell_key(ENTERPRISE), &surroundings)),
        ["WK-U007", "WK-U021"]
    );
}

#[test]
fn nothing_makes_the_linter_panic() {
    let text = file(&[
        (
            "windowsPE",
            SETUP,
            &installation(&format!("<Key>{ENTERPRISE}</Key>")),
        ),
        (
            "oobeSystem",
            SHELL,
            "<AutoLogon><Password><Value>s</Value><PlainText>false</PlainText></Password></AutoLogon>",
        ),
    ]);
    for end in 0..text.len() {
        lint(text.get(..end).unwrap());
        let mut bytes = text.clone().into_bytes();
        bytes[end] ^= 0x15;
        lint::answer_file(&bytes, &Surroundings::default());
        bytes.remove(end);
        lint::answer_file(&bytes, &Surroundings::default());
    }
}

#[test]
fn a_file_made_to_be_slow_is_not() {
    let many = "<ProductKey></ProductKey>".repeat(20_000);
    let on_one_line = file(&[("specialize", SHELL, &many)]).replace('\n', "");
    assert_eq!(lint(&on_one_line).len(), 1000);
    let component = file(&[("specialize", SHELL, "")]);
    let (head, rest) = component.split_once("<settings").unwrap();
    let (one, tail) = rest.split_once("</unattend>").unwrap();
    let components = format!("<settings{one}").repeat(20_000);
    let findings = lint(&format!("{head}{components}</unattend>{tail}"));
    assert_eq!(findings.len(), 1000);
    let keys = format!("{} ", shuffled()).repeat(20_000);
    assert_eq!(
        lint(&file(&[("specialize", SHELL, &format!("<Path>{keys}</Path>"))])).len(),
        1000
    );
}
