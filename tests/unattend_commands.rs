//! `wimkey unattend` as a user runs it: lint, show, set, clear; formats and exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::{Desk, wimkey};
use serde_json::Value;
use std::path::Path;

/// Published by Microsoft: Windows 10 and 11 Enterprise.
const ENTERPRISE: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";
/// Published by Microsoft: Windows 7 Enterprise.
const SEVEN: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";

fn component(pass: &str, name: &str, content: &str) -> String {
    format!(
        "<settings pass=\"{pass}\"><component name=\"{name}\" processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\">\n{content}\n</component></settings>\n"
    )
}

fn write(path: &Path, components: &[String]) {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\n{}</unattend>\n",
        components.concat()
    );
    std::fs::write(path, text).unwrap();
}

fn bare(path: &Path) {
    let key = format!("<UserData><ProductKey>{ENTERPRISE}</ProductKey></UserData>");
    write(path, &[component("windowsPE", "Microsoft-Windows-Setup", &key)]);
}

/// Runs, expects the exit code, and gives standard output.
fn run(desk: &Desk, arguments: &[&str], code: i32) -> String {
    let output = desk.wimkey(arguments).assert().code(code);
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

fn json(desk: &Desk, arguments: &[&str], code: i32) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    serde_json::from_str(&run(desk, &all, code)).unwrap()
}

fn rules(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect()
}

#[test]
fn lint_shows_the_line_with_the_key_masked_and_the_place_underlined() {
    let desk = Desk::new();
    bare(&desk.path("a.xml"));
    let text = run(&desk, &["unattend", "lint", "a.xml"], 10);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "a.xml:4:23: error WK-U003: the key stands straight in ProductKey, where Setup cannot read it"
    );
    assert_eq!(
        lines[1],
        "   --> windowsPE Microsoft-Windows-Setup (amd64) UserData/ProductKey"
    );
    assert_eq!(
        lines[2],
        " 4 | <UserData><ProductKey>*****************************</ProductKey></UserData>"
    );
    assert_eq!(
        lines[3],
        "   |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    );
    assert_eq!(text.lines().last(), Some("1 error, 1 note"));
    assert!(!text.contains(ENTERPRISE));
}

#[test]
fn lint_tells_the_same_findings_in_every_format() {
    let desk = Desk::new();
    bare(&desk.path("a.xml"));
    let report = json(&desk, &["unattend", "lint", "a.xml"], 10);
    assert_eq!(report["schema"], "wimkey/1");
    assert_eq!(rules(&report), ["WK-U003", "WK-U021"]);
    let first = &report["findings"][0];
    assert_eq!(
        (&first["target"], &first["line"], &first["column"]),
        (&"a.xml".into(), &4.into(), &23.into())
    );
    assert!(first["image"].is_null());
    let sarif: Value = serde_json::from_str(&run(
        &desk,
        &["unattend", "lint", "a.xml", "--format", "sarif"],
        10,
    ))
    .unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let of_sarif: Vec<&str> = results
        .iter()
        .map(|result| result["ruleId"].as_str().unwrap())
        .collect();
    assert_eq!(of_sarif, rules(&report));
    assert!(!sarif.to_string().contains("snippet"));
    let github = run(&desk, &["unattend", "lint", "a.xml", "--format", "github"], 10);
    assert!(
        github.starts_with("::error file=a.xml,line=4,col=23,endColumn=52,title=WK-U003::"),
        "{github}"
    );
    assert_eq!(github.lines().count(), 2);
}

#[test]
fn the_exit_code_follows_fail_on() {
    let desk = Desk::new();
    let password =
        "<AutoLogon><Password><Value>hunter-2</Value><PlainText>true</PlainText></Password></AutoLogon>";
    write(
        &desk.path("a.xml"),
        &[component("oobeSystem", "Microsoft-Windows-Shell-Setup", password)],
    );
    run(&desk, &["unattend", "lint", "a.xml"], 0);
    run(&desk, &["unattend", "lint", "a.xml", "--fail-on", "warning"], 10);
    run(&desk, &["unattend", "lint", "a.xml", "--fail-on", "note"], 10);
    run(
        &desk,
        &["unattend", "lint", "Autounattend.xml", "--fail-on", "note"],
        0,
    );
    run(&desk, &["unattend", "lint", "missing.xml"], 1);
    run(&desk, &["unattend", "lint"], 2);
}

#[test]
fn a_folder_is_searched_and_what_is_no_answer_file_is_passed_over() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("deep/er")).unwrap();
    bare(&desk.path("deep/er/a.XML"));
    std::fs::write(desk.path("deep/other.xml"), "<project/>").unwrap();
    std::fs::write(desk.path("deep/broken.xml"), "<project>").unwrap();
    std::fs::write(
        desk.path("deep/cut.xml"),
        "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">",
    )
    .unwrap();
    for number in 0..40 {
        bare(&desk.path(&format!("deep/{number:02}.xml")));
    }
    let report = json(&desk, &["unattend", "lint", "deep"], 10);
    let findings = report["findings"].as_array().unwrap();
    let targets: Vec<&str> = findings
        .iter()
        .map(|finding| finding["target"].as_str().unwrap())
        .collect();
    assert_eq!(targets.len(), 2 * 41 + 1);
    assert!(targets.contains(&"deep/er/a.XML") && targets.contains(&"deep/cut.xml"));
    assert!(targets.is_sorted(), "{targets:?}");
    assert_eq!(
        rules(&json(&desk, &["unattend", "lint", "deep/other.xml"], 10)),
        ["WK-U028"]
    );
}

#[test]
fn lint_compares_with_the_images_of_a_wim() {
    let desk = Desk::new();
    let from = "<ImageInstall><OSImage><InstallFrom><MetaData><Key>/IMAGE/INDEX</Key><Value>9</Value></MetaData></InstallFrom></OSImage></ImageInstall>";
    let key = format!("{from}<UserData><ProductKey><Key>{ENTERPRISE}</Key></ProductKey></UserData>");
    write(
        &desk.path("a.xml"),
        &[component("windowsPE", "Microsoft-Windows-Setup", &key)],
    );
    let whole = json(
        &desk,
        &["unattend", "lint", "a.xml", "--image", "install.wim"],
        10,
    );
    assert_eq!(rules(&whole), ["WK-U015", "WK-U021"]);
    let seven = json(
        &desk,
        &["unattend", "lint", "a.xml", "--image", "install.wim:1"],
        10,
    );
    assert_eq!(rules(&seven), ["WK-U015", "WK-U007", "WK-U021"]);
    let message = seven["findings"][1]["message"].as_str().unwrap();
    assert!(message.contains("Professional, build 7601"), "{message}");
    run(
        &desk,
        &["unattend", "lint", "a.xml", "--image", "install.wim:7"],
        1,
    );
}

#[test]
fn lint_looks_at_what_lies_beside_the_file() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("media/Sources")).unwrap();
    write(
        &desk.path("media/Autounattend.xml"),
        &[component("windowsPE", "Microsoft-Windows-Setup", "<UserData/>")],
    );
    std::fs::write(desk.path("media/Sources/EI.CFG"), "[EditionID]\r\nEnterprise\r\n").unwrap();
    std::fs::write(
        desk.path("media/Sources/pid.txt"),
        format!("[PID]\r\nValue={SEVEN}\r\n"),
    )
    .unwrap();
    let report = json(&desk, &["unattend", "lint", "media/Autounattend.xml"], 0);
    let mut found = rules(&report);
    found.sort_unstable();
    assert_eq!(found, ["WK-U016", "WK-U017"]);
    let targets = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["target"].as_str().unwrap());
    assert!(
        targets.clone().any(|target| target.ends_with("EI.CFG")),
        "{report}"
    );
}

#[test]
fn lint_reads_standard_input() {
    let desk = Desk::new();
    let text = std::fs::read(desk.path("Autounattend.xml")).unwrap();
    let output = desk
        .wimkey(&["unattend", "lint", "-"])
        .write_stdin(text)
        .assert()
        .success();
    let talk = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert_eq!(talk, "1 answer file, nothing found\n");
}

#[test]
fn only_findings_have_their_formats() {
    wimkey()
        .args(["key", "list", "--format", "sarif"])
        .assert()
        .code(2);
    let desk = Desk::new();
    run(
        &desk,
        &["unattend", "show", "Autounattend.xml", "--format", "github"],
        2,
    );
}

#[test]
fn show_says_what_a_file_will_do() {
    let desk = Desk::new();
    run(
        &desk,
        &[
            "unattend",
            "set",
            "Autounattend.xml",
            "--gvlk",
            "Enterprise",
            "--skip-rearm",
            "on",
        ],
        0,
    );
    let report = json(&desk, &["unattend", "show", "Autounattend.xml"], 0);
    assert_eq!(report["architectures"], serde_json::json!(["amd64"]));
    let effects = report["effects"].as_array().unwrap();
    assert_eq!(effects.len(), 2);
    let key = effects
        .iter()
        .find(|effect| effect["path"] == "ProductKey")
        .unwrap();
    assert_eq!(key["key"]["partial"], ENTERPRISE);
    assert_eq!(key["key"]["product"], "Windows 11 Enterprise");
    assert_eq!(key["in_effect"], true);
    let rearm = effects
        .iter()
        .find(|effect| effect["path"] == "SkipRearm")
        .unwrap();
    assert_eq!(
        (&rearm["pass"], &rearm["value"]),
        (&"generalize".into(), &"1".into())
    );
    let text = run(&desk, &["unattend", "show", "Autounattend.xml"], 0);
    assert!(
        text.contains("is installed as the key that Windows is activated with"),
        "{text}"
    );
    assert_eq!(
        run(&desk, &["unattend", "show", "a.xml"], 1),
        "",
        "an error is not a result"
    );
}

#[test]
fn settings_and_keys_go_in_for_every_architecture_and_out_again_to_the_byte() {
    let desk = Desk::new();
    let before = std::fs::read(desk.path("Autounattend.xml")).unwrap();
    let file = "Autounattend.xml";
    let set = [
        "unattend",
        "set",
        file,
        "--gvlk",
        "Enterprise",
        "--key-in",
        "windowsPE,specialize",
        "--set",
        "willshowui=never",
        "--set",
        "WdsImageName=Windows 10 & 11",
        "--set",
        "WdsUsername=reader",
        "--skip-rearm",
        "off",
        "--architecture",
        "amd64",
        "--architecture",
        "arm64",
    ];
    let report = json(&desk, &set, 0);
    let changes = report["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2 * 6);
    assert!(changes.iter().all(|change| change["state"] == "changed"));
    let again = json(&desk, &set, 0);
    assert_eq!(again["changed"], false);
    let text = std::fs::read_to_string(desk.path(file)).unwrap();
    assert_eq!(text.matches(ENTERPRISE).count(), 4);
    assert!(
        text.contains("<ImageName>Windows 10 &amp; 11</ImageName>")
            && text.contains("<WillShowUI>Never</WillShowUI>")
    );
    roxmltree::Document::parse(&text).unwrap();
    run(&desk, &["unattend", "clear", file], 0);
    run(
        &desk,
        &[
            "unattend",
            "set",
            file,
            "--unset",
            "SkipRearm",
            "--unset",
            "WdsImageName",
            "--unset",
            "WillShowUI",
            "--unset",
            "WdsUsername",
            "--architecture",
            "amd64",
            "--architecture",
            "arm64",
        ],
        0,
    );
    assert_eq!(std::fs::read(desk.path(file)).unwrap(), before);
}

#[test]
fn a_setting_takes_only_its_values() {
    let desk = Desk::new();
    for wrong in ["SkipRearm=2", "WillShowUI=Perhaps", "WillShowUI", "Nonsense=1"] {
        let output = desk
            .wimkey(&["unattend", "set", "Autounattend.xml", "--set", wrong])
            .assert()
            .code(2);
        let talk = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert_eq!(talk.trim_end().lines().count(), 2, "{talk}");
    }
    run(
        &desk,
        &[
            "unattend",
            "set",
            "Autounattend.xml",
            "--set",
            "SkipRearm=1",
            "--unset",
            "SkipRearm",
        ],
        2,
    );
    run(&desk, &["unattend", "set", "Autounattend.xml"], 2);
}

#[test]
fn clear_takes_keys_and_if_asked_passwords_and_says_what_stays() {
    let desk = Desk::new();
    let content = format!(
        "<ProductKey>{ENTERPRISE}</ProductKey>\n<AutoLogon><Password><Value>hunter-2</Value></Password></AutoLogon>\n<Path>slmgr /ipk {SEVEN}</Path>"
    );
    write(
        &desk.path("a.xml"),
        &[component("specialize", "Microsoft-Windows-Shell-Setup", &content)],
    );
    let dry = json(
        &desk,
        &["unattend", "clear", "a.xml", "--secrets", "--dry-run"],
        0,
    );
    assert_eq!(
        (&dry["keys"], &dry["passwords"], &dry["dry_run"]),
        (&1.into(), &1.into(), &true.into())
    );
    assert_eq!(dry["left"][0]["key"], SEVEN);
    let text = run(&desk, &["unattend", "clear", "a.xml", "--output", "-"], 0);
    assert!(!text.contains(ENTERPRISE) && text.contains("hunter-2") && text.starts_with("<?xml"));
    run(&desk, &["unattend", "clear", "a.xml", "--secrets"], 0);
    let text = std::fs::read_to_string(desk.path("a.xml")).unwrap();
    assert!(!text.contains(ENTERPRISE) && !text.contains("hunter-2") && text.contains(SEVEN));
    let report = json(&desk, &["unattend", "clear", "a.xml", "--secrets"], 0);
    assert_eq!(report["changed"], false);
}

#[test]
fn a_folder_without_answer_files_is_no_clean_answer_file() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).unwrap();
    let output = desk.wimkey(&["unattend", "lint", "empty"]).assert().code(1);
    let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(error.contains("no answer file in empty"), "{error}");
}

#[test]
fn a_device_or_a_pipe_is_not_replaced_by_a_file() {
    let desk = Desk::new();
    let pipe = desk.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no mkfifo");
        return;
    }
    let set = [
        "unattend",
        "set",
        "Autounattend.xml",
        "--gvlk",
        "Enterprise",
        "--output",
        "pipe",
    ];
    let output = desk.wimkey(&set).assert().code(2);
    let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(
        error.contains("pipe is there already and is no answer file"),
        "{error}"
    );
    assert!(!pipe.is_file());
    // Nor does it cost an image.
    let image = std::fs::read(desk.path("install.wim")).unwrap();
    let set = [&set[..6], &["install.wim"]].concat();
    desk.wimkey(&set).assert().code(2);
    assert!(std::fs::read(desk.path("install.wim")).unwrap() == image);
    // A copy of before is replaced by one of now.
    let set = [&set[..6], &["copy.xml"]].concat();
    desk.wimkey(&set).assert().success();
    desk.wimkey(&set).assert().success();
}
