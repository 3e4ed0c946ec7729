//! Plan files carried out: several targets, one of them broken; faults with their places; media and `RemoteInstall` folders; schemas.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::{Desk, hash};
use common::leaks;
use serde_json::Value;
use std::path::Path;
use wimkey::sample::{self, IMAGES};

const PLAN: &str = r#"# What the image farm does every night.
targets = ["images/*.wim"]
editions = ["Professional"]
skip-rearm = true
kms-host = "kms9.example.com:1690"
unset = ["VLRenewalInterval"]
key = { gvlk = true }

[settings]
VLActivationInterval = 240

[policies]
NoGenTicket = true

[unattend]
file = "Autounattend.xml"
settings = { WillShowUI = "onerror" }

[audit]
fail-on = "error"
"#;

/// A desk with three WIM files in `images` and the plan.
fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("images")).unwrap();
    for name in ["a.wim", "b.wim", "c.wim"] {
        std::fs::copy(desk.path("install.wim"), desk.path("images").join(name)).unwrap();
    }
    write(&desk, "plan.toml", PLAN);
    desk
}

fn write(desk: &Desk, name: &str, text: &str) {
    let path = desk.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn run(desk: &Desk, arguments: &[&str]) -> (i32, String, String) {
    let output = desk.wimkey(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn json(desk: &Desk, arguments: &[&str]) -> (i32, Value) {
    let (code, out, _) = run(desk, &[arguments, &["--format", "json"]].concat());
    (code, serde_json::from_str(&out).unwrap())
}

fn states(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let targets = report["targets"].as_array().unwrap().iter();
    targets
        .map(|target| (text(&target["target"]), text(&target["state"])))
        .collect()
}

fn state(report: &Value, name: &str) -> String {
    let states = states(report);
    let found = states.iter().find(|(target, _)| target.ends_with(name));
    found.unwrap_or_else(|| panic!("{name} in {states:?}")).1.clone()
}

#[test]
fn a_plan_is_carried_out_on_all_targets_and_the_second_time_changes_nothing() {
    let desk = desk();
    let (code, report) = json(&desk, &["apply", "plan.toml"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["schema"], "wimkey/1");
    assert_eq!(
        (&report["changed"], &report["verified"], &report["residue"]),
        (&true.into(), &true.into(), &0.into())
    );
    assert!(states(&report).iter().all(|(_, state)| state == "changed") && states(&report).len() == 3);
    // Two of the four images are of that edition.
    let indexes: Vec<_> = report["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indexes, [1, 3, 1, 3, 1, 3]);
    for name in ["a.wim", "b.wim", "c.wim"] {
        let shown = desk.json(&["image", "show", &format!("images/{name}:3")]);
        let activation = &shown["images"][0]["activation"];
        assert_eq!(activation["kms"]["host"], "kms9.example.com");
        assert_eq!(activation["skip_rearm"], 1);
        assert_eq!(
            activation["product_key"]["partial"],
            "*****-*****-*****-*****-T83GX"
        );
        assert_eq!(activation["settings"]["VLActivationInterval"], "240");
        assert_eq!(activation["settings"]["NoGenTicket"], "1");
        assert_eq!(
            desk.json(&["image", "show", &format!("images/{name}:2")])["images"][0]["activation"]["settings"]
                ["NoGenTicket"],
            Value::Null
        );
    }
    let before = hash(&desk.path("images/b.wim"));
    let (code, report) = json(&desk, &["apply", "plan.toml"]);
    assert_eq!((code, &report["changed"]), (0, &false.into()));
    assert!(
        states(&report).iter().all(|(_, state)| state == "already"),
        "{report:#}"
    );
    assert_eq!(hash(&desk.path("images/b.wim")), before);
}

#[test]
fn the_example_of_the_documentation_is_a_plan() {
    let desk = Desk::new();
    write(&desk, "plan.toml", include_str!("../src/apply/example.toml"));
    let (code, report) = json(&desk, &["apply", "plan.toml"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(
        (&report["target"], &report["changed"]),
        (&"install.wim".into(), &true.into())
    );
}

#[test]
fn one_broken_target_stops_all_or_only_itself() {
    let desk = desk();
    let whole = std::fs::read(desk.path("images/b.wim")).unwrap();
    std::fs::write(desk.path("images/b.wim"), &whole[..5000]).unwrap();
    let old = hash(&desk.path("images/a.wim"));
    let (code, report) = json(&desk, &["apply", "plan.toml"]);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(
        [
            state(&report, "a.wim"),
            state(&report, "b.wim"),
            state(&report, "c.wim")
        ],
        ["not-begun", "failed", "not-begun"]
    );
    assert_eq!(report["verified"], false);
    for name in ["images/a.wim", "images/c.wim"] {
        assert_eq!(hash(&desk.path(name)), old, "{name}");
    }
    let (_, text, _) = run(&desk, &["apply", "plan.toml"]);
    assert!(
        text.contains("Nothing was written") && text.contains("--keep-going"),
        "{text}"
    );
    let (code, report) = json(&desk, &["apply", "plan.toml", "--keep-going"]);
    assert_eq!(code, 1);
    assert_eq!(
        [
            state(&report, "a.wim"),
            state(&report, "b.wim"),
            state(&report, "c.wim")
        ],
        ["changed", "failed", "changed"]
    );
    let error = report["targets"][1]["error"].as_str().unwrap();
    assert!(error.contains("b.wim") && error.lines().count() == 2, "{error}");
    assert_eq!(std::fs::read(desk.path("images/b.wim")).unwrap(), whole[..5000]);
}

#[test]
fn a_key_of_another_edition_is_a_refusal_before_anything_is_written() {
    let desk = desk();
    write(
        &desk,
        "p.toml",
        "targets = [\"images/a.wim:3\", \"images/b.wim:4\"]\nkey = { gvlk = \"Professional\" }\n",
    );
    let old = hash(&desk.path("images/a.wim"));
    let (code, report) = json(&desk, &["apply", "p.toml"]);
    assert_eq!(code, 3, "{report:#}");
    assert_eq!(
        [state(&report, "a.wim"), state(&report, "b.wim")],
        ["not-begun", "refused"]
    );
    assert_eq!(hash(&desk.path("images/a.wim")), old);
}

#[test]
fn a_dry_run_writes_nothing_and_output_leaves_the_targets_alone() {
    let desk = desk();
    let old = hash(&desk.path("images/a.wim"));
    let (code, report) = json(&desk, &["apply", "plan.toml", "--dry-run"]);
    assert_eq!(
        (code, &report["changed"], &report["dry_run"]),
        (0, &true.into(), &true.into())
    );
    assert!(states(&report).iter().all(|(_, state)| state == "would-change"));
    assert_eq!(hash(&desk.path("images/a.wim")), old);
    write(
        &desk,
        "copy.toml",
        &PLAN.replace("skip-rearm", "output = \"prepared\"\nskip-rearm"),
    );
    let (code, report) = json(&desk, &["apply", "copy.toml"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(hash(&desk.path("images/a.wim")), old);
    assert_eq!(
        desk.json(&["image", "show", "prepared/a.wim:1"])["images"][0]["activation"]["kms"]["port"],
        "1690"
    );
    assert_eq!(
        desk.json(&["image", "show", "images/a.wim:1"])["images"][0]["activation"]["kms"]["host"],
        Value::Null
    );
    // Two targets of one name have one place to go.
    write(&desk, "more/a.wim", "");
    let (code, _, error) = run(&desk, &["apply", "copy.toml", "images/a.wim", "more/a.wim"]);
    assert!(code == 2 && error.contains("both become"), "{error}");
}

#[test]
fn shares_of_the_list_are_done_by_different_jobs() {
    let desk = desk();
    let mut seen = Vec::new();
    for shard in ["1/2", "2/2"] {
        let (code, report) = json(&desk, &["apply", "plan.toml", "--shard", shard]);
        assert_eq!(code, 0);
        seen.extend(states(&report).into_iter().map(|(name, _)| name));
    }
    seen.sort();
    assert_eq!(seen.len(), 3);
    seen.dedup();
    assert_eq!(seen.len(), 3);
    let (code, _, error) = run(&desk, &["apply", "plan.toml", "--shard", "3/2"]);
    assert!(code == 2 && error.contains("K/N"), "{error}");
}

#[test]
fn one_target_at_a_time_within_little_memory_gives_the_same() {
    let [few, many] = [
        ["--jobs", "1", "--memory", "1"],
        ["--jobs", "8", "--memory", "4096"],
    ]
    .map(|options| {
        let desk = desk();
        let (code, _) = json(&desk, &[&["apply", "plan.toml"][..], &options].concat());
        assert_eq!(code, 0);
        ["a.wim", "b.wim", "c.wim"].map(|name| hash(&desk.path("images").join(name)))
    });
    assert_eq!(few, many);
}

/// As many files are open at a time as the system allows in the strictest of places, not as there are targets.
#[cfg(unix)]
#[test]
fn there_may_be_more_targets_than_files_that_may_be_open() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("many")).unwrap();
    let small = desk.path("small.wim");
    sample::write_wim(&small, &IMAGES[..1]).unwrap();
    for number in 0..120 {
        std::fs::copy(&small, desk.path("many").join(format!("{number}.wim"))).unwrap();
    }
    write(
        &desk,
        "many.toml",
        "targets = [\"many/*.wim\"]\nskip-rearm = true\n",
    );
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -n 90; exec \"$WIMKEY\" apply many.toml --format json",
        ])
        .env("WIMKEY", env!("CARGO_BIN_EXE_wimkey"))
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{report:#}");
    assert_eq!(
        states(&report)
            .iter()
            .filter(|(_, state)| state == "changed")
            .count(),
        120
    );
}

/// A line of a plan, where its fault stands, and what is said of it.
const FAULTS: [(&str, usize, usize, &str); 16] = [
    ("skip-rearn = true", 1, 1, "Did you mean skip-rearm?"),
    ("skip-rearm = \"yes\"", 1, 14, "expected a boolean"),
    (
        "\n  [settings]\n  VLActivationIntervall = 120",
        3,
        3,
        "Did you mean VLActivationInterval?",
    ),
    (
        "[settings]\nVLActivationInterval = 1",
        2,
        24,
        "VLActivationInterval cannot be \"1\"",
    ),
    (
        "[settings]\nVLActivationInterval = 1.5",
        2,
        24,
        "a value is a number",
    ),
    ("[policies]\nSkipRearm = 1", 2, 1, "Move it to [settings]"),
    (
        "unset = [\"Nothing\"]",
        1,
        10,
        "there is no setting named Nothing",
    ),
    ("kms-host = \"a b\"", 1, 12, "KMS host"),
    (
        "key = { gvlk = true, env = \"X\" }",
        1,
        7,
        "Name one of gvlk, env, file and fd",
    ),
    ("key = { gvlk = 1 }", 1, 16, "gvlk is true, or an edition"),
    ("key = {}", 1, 7, "the key has no source"),
    (
        "key = { in = [\"registry\"], gvlk = true }",
        1,
        15,
        "There are: hive, unattend",
    ),
    ("first-boot = [\"/ato\", \"/atoo\"]", 1, 23, "/atoo"),
    ("[scrub]\nkinds = [\"regisry\"]", 2, 10, "Did you mean registry?"),
    ("targets = [", 1, 12, ""),
    ("skip-rearm = true\nskip-rearm = false", 2, 1, "duplicate key"),
];

#[test]
fn every_fault_of_a_plan_is_told_with_its_place() {
    let desk = Desk::new();
    for (text, line, column, words) in FAULTS {
        write(&desk, "plan.toml", text);
        let (code, out, error) = run(&desk, &["apply", "plan.toml", "install.wim"]);
        assert_eq!((code, out.as_str()), (2, ""), "{text}: {error}");
        let place = format!("plan.toml: line {line}, column {column}: ");
        assert!(error.contains(&place), "{text}\n{error}");
        assert!(error.contains(words), "{text}\n{error}");
        assert!(error.lines().count() >= 2, "{error}");
    }
}

#[test]
fn a_key_in_a_plan_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let key = leaks::unpublished();
    let escaped = key.chars().fold(String::new(), |text, symbol| {
        format!("{text}\\u{:04X}", u32::from(symbol))
    });
    for text in [
        format!("key = \"{key}\""),
        format!("# {key}\nskip-rearm = true"),
        format!("key = {{ file = \"{key}\" }}"),
        format!("skip-rearm = \"{escaped}\""),
        format!("x = [[{{ y = \"{escaped}\" }}]]"),
        format!("[\"{escaped}\"]\nz = 1"),
        format!("key = \"{}\"", key.replace('-', "")),
    ] {
        write(&desk, "plan.toml", &text);
        let (code, out, error) = run(&desk, &["apply", "plan.toml", "install.wim"]);
        assert_eq!((code, out.as_str()), (2, ""), "{error}");
        assert!(
            error.contains("looks like a product key") && error.contains("line "),
            "{error}"
        );
        for part in key.split('-').chain([key.as_str()]) {
            assert!(!error.contains(part), "{error}");
        }
    }
    // What stands in quotes is not shown either, whatever it is.
    write(&desk, "plan.toml", "password = \"hunter2hunter2\"");
    let (_, _, error) = run(&desk, &["apply", "plan.toml", "install.wim"]);
    assert!(
        error.contains("unknown field password") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn a_plan_without_targets_or_without_work_is_told() {
    let desk = Desk::new();
    for (text, arguments, words) in [
        (
            "skip-rearm = true",
            &["apply", "plan.toml"][..],
            "there is no target",
        ),
        (
            "skip-rearm = true",
            &["apply", "plan.toml", "none/*.wim"],
            "fits no file",
        ),
        (
            "",
            &["apply", "plan.toml", "install.wim"],
            "the plan asks for nothing",
        ),
        (
            "images = [9]\nskip-rearm = true",
            &["apply", "plan.toml", "install.wim"],
            "",
        ),
    ] {
        write(&desk, "plan.toml", text);
        let (code, out, error) = run(&desk, arguments);
        assert!(code != 0 && error.contains(words), "{code} {error}");
        if words.is_empty() {
            assert!(out.contains("has no image 9"), "{out}");
        }
    }
    let (code, _, error) = run(&desk, &["apply", "missing.toml"]);
    assert!(code == 1 && error.contains("missing.toml"), "{error}");
}

#[test]
fn a_scrub_comes_first_and_the_plan_s_own_key_is_no_finding() {
    let desk = Desk::new();
    let text = leaks::unpublished();
    leaks::write_wim(
        &desk.path("leaky.wim"),
        &leaks::leaks(&text),
        wimkey::wim::Codec::Lzx,
    );
    write(&desk, "own.txt", &text);
    write(
        &desk,
        "plan.toml",
        "targets = [\"leaky.wim\"]\nskip-rearm = true\n[scrub]\n[audit]\nfail-on = \"error\"\n",
    );
    let (code, report) = json(&desk, &["apply", "plan.toml"]);
    let removed = report["targets"][0]["removed"].as_array().unwrap();
    assert!(removed.len() > 5, "{report:#}");
    // Scripts and the like are only reported: the audit says so, and the run does not end as if all were well.
    let findings = report["targets"][0]["findings"].as_array().unwrap();
    let errors = findings
        .iter()
        .filter(|finding| finding["level"] == "error")
        .count();
    assert_eq!(code == 10, errors > 0, "{report:#}");
    let (_, again) = json(&desk, &["apply", "plan.toml"]);
    assert_eq!(
        again["targets"][0]["removed"].as_array().unwrap().len(),
        0,
        "{again:#}"
    );
    for form in [text.clone(), text.replace('-', "")] {
        assert!(!report.to_string().contains(&form));
    }
    write(
        &desk,
        "own.toml",
        "images = [1]\nkey = { file = \"own.txt\" }\n[unattend]\nfile = \"Autounattend.xml\"\n[audit]\n",
    );
    let (code, report) = json(&desk, &["apply", "own.toml", "install.wim"]);
    assert_eq!(code, 0, "{report:#}");
    let answer = desk.image(1, wimkey::image::ANSWER_FILE).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains(&text));
    let findings = report["targets"][0]["findings"].as_array().unwrap();
    let own = findings.iter().filter(|finding| {
        finding["help"]
            .as_str()
            .unwrap()
            .contains("the plan put it there")
    });
    assert!(own.count() > 0, "{report:#}");
}

/// An extracted installation medium.
fn medium(root: &Path) {
    std::fs::create_dir_all(root.join("sources")).unwrap();
    sample::write_wim(&root.join("sources/install.wim"), &IMAGES).unwrap();
    sample::write_wim(&root.join("sources/boot.wim"), &IMAGES[..1]).unwrap();
    std::fs::write(
        root.join("sources/ei.cfg"),
        "[EditionID]\r\n\r\n[Channel]\r\nVolume\r\n[VL]\r\n1\r\n",
    )
    .unwrap();
    std::fs::write(
        root.join("sources/PID.txt"),
        "[PID]\r\nValue=W269N-WFGWX-YVC9B-4J6C9-T83GX\r\n",
    )
    .unwrap();
}

#[test]
fn a_medium_is_shown_set_audited_and_scrubbed_as_one() {
    let desk = Desk::new();
    medium(&desk.path("medium"));
    let shown = desk.json(&["image", "show", "medium"]);
    assert_eq!(shown["images"].as_array().unwrap().len(), 4);
    let beside = shown["beside"].to_string();
    assert!(
        beside.contains("Volume, volume licence") && beside.contains("*****-T83GX"),
        "{beside}"
    );
    desk.wimkey(&["image", "set", "medium/sources/boot.wim", "--gvlk"])
        .assert()
        .success();
    let boot = hash(&desk.path("medium/sources/boot.wim"));
    let set = desk.json(&[
        "image",
        "set",
        "medium",
        "--gvlk",
        "Professional",
        "--kms-host",
        "k.example.com",
        "--unattend",
        "Autounattend.xml",
        "--allow-other-edition",
    ]);
    assert_eq!(set["target"], "medium");
    assert_eq!((&set["changed"], &set["verified"]), (&true.into(), &true.into()));
    assert_eq!(set["images"].as_array().unwrap().len(), 4);
    // One key for all images: it is in the medium's answer file too.
    let answers = std::fs::read_to_string(desk.path("medium/Autounattend.xml")).unwrap();
    assert!(answers.contains("W269N-WFGWX"), "{answers}");
    assert_eq!(hash(&desk.path("medium/sources/boot.wim")), boot);
    // Commands that want images find them.
    assert_eq!(
        desk.json(&["image", "list", "medium"])["images"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        desk.json(&["kms", "discover", "medium:3"])["images"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let (code, _, _) = run(
        &desk,
        &["unattend", "lint", "Autounattend.xml", "--image", "medium:2"],
    );
    assert!(code == 0 || code == 10);
    let one = desk.json(&["image", "set", "medium:2", "--skip-rearm", "on"]);
    assert_eq!(one["images"].as_array().unwrap().len(), 1);
    let audit = json(&desk, &["image", "audit", "medium"]).1.to_string();
    assert!(
        audit.contains("PID.txt") && audit.contains("boot.wim") && audit.contains("Autounattend.xml"),
        "{audit}"
    );
    desk.wimkey(&["image", "scrub", "medium", "--published"])
        .assert()
        .success();
    let pid = std::fs::read_to_string(desk.path("medium/sources/PID.txt")).unwrap();
    assert!(!pid.contains("W269N"), "{pid}");
    let (code, _, error) = run(
        &desk,
        &[
            "image",
            "set",
            "medium",
            "--skip-rearm",
            "on",
            "--output",
            "x.wim",
        ],
    );
    assert!(code == 2 && error.contains("several things"), "{error}");
}

#[test]
fn a_medium_is_cleaned_before_it_gets_its_answer_file_and_searched_behind() {
    let desk = Desk::new();
    medium(&desk.path("medium"));
    let key = leaks::unpublished();
    write(&desk, "own.txt", &key);
    let set = format!("<ComputerName>OLD</ComputerName><ProductKey>{key}</ProductKey>");
    let old = sample::ANSWER_FILE.replace("<ComputerName>*</ComputerName>", &set);
    write(&desk, "medium/Autounattend.xml", &old);
    write(&desk, "medium/setup.cmd", &format!("slmgr /ipk {key}\r\n"));
    write(&desk, "medium/old.xml", &old);
    write(
        &desk,
        "plan.toml",
        r#"
targets = ["medium", "medium/sources/install.wim"]
images = [1]
key = { file = "own.txt" }
[unattend]
file = "Autounattend.xml"
[scrub]
kinds = ["answer-file"]
[audit]
"#,
    );
    let (code, report) = json(&desk, &["apply", "plan.toml"]);
    assert_eq!(code, 10, "{report:#}");
    // The image that the medium and the plan both name is one target.
    assert_eq!(report["targets"].as_array().unwrap().len(), 4, "{report:#}");
    let answers = std::fs::read_to_string(desk.path("medium/Autounattend.xml")).unwrap();
    assert!(answers.contains(&key) && !answers.contains("OLD"), "{answers}");
    let findings = report["targets"][3]["findings"].as_array().unwrap();
    let of = |file: &str| {
        let is_there = |finding: &&Value| finding["place"].as_str().unwrap().contains(file);
        findings
            .iter()
            .filter(is_there)
            .map(|finding| finding["level"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert!(of("setup.cmd").contains(&"error"), "{report:#}");
    let own = of("Autounattend.xml");
    assert!(!own.is_empty() && !own.contains(&"error"), "{report:#}");
    assert_eq!(of("old.xml"), [""; 0], "{report:#}");
    assert_eq!(report["targets"][3]["residue"], 0, "{report:#}");
}

#[test]
fn a_remote_install_folder_gets_its_images_and_both_answer_files() {
    let desk = Desk::new();
    let root = desk.path("RemoteInstall");
    for folder in [
        "Images/Clients",
        "Images/Servers",
        "Boot/x64/Images",
        "WdsClientUnattend",
    ] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    sample::write_wim(&root.join("Images/Clients/win11.wim"), &IMAGES[2..]).unwrap();
    sample::write_wim(&root.join("Images/Servers/2008r2.wim"), &IMAGES[1..2]).unwrap();
    sample::write_wim(&root.join("Boot/x64/Images/boot.wim"), &IMAGES[..1]).unwrap();
    write(&desk, "WdsClient.xml", sample::ANSWER_FILE);
    write(
        &desk,
        "wds.toml",
        r#"
targets = ["RemoteInstall"]
kms-host = "kms.example.com"
key = { gvlk = true }
[unattend]
file = "Autounattend.xml"
[wds]
client-unattend = "WdsClient.xml"
settings = { WdsImageName = "Windows 11 Pro", WdsImageGroup = "Clients" }
[audit]
"#,
    );
    let (code, report) = json(&desk, &["apply", "wds.toml"]);
    assert_eq!(code, 0, "{report:#}");
    for (name, expected) in [
        ("Clients/win11.wim", "changed"),
        ("Servers/2008r2.wim", "changed"),
        ("win11/Unattend/ImageUnattend.xml", "changed"),
        ("WdsClientUnattend", "changed"),
        ("boot.wim", "already"),
        ("RemoteInstall", "already"),
    ] {
        assert_eq!(state(&report, name), expected, "{name}: {report:#}");
    }
    let client = std::fs::read_to_string(root.join("WdsClientUnattend/WdsClient.xml")).unwrap();
    assert!(
        client.contains("Windows 11 Pro") && client.contains("Clients"),
        "{client}"
    );
    // One WIM is of one edition, whose key is for all of it; in the other there are two.
    let answers = |name: &str| {
        let path = root.join("Images").join(name).join("Unattend/ImageUnattend.xml");
        std::fs::read_to_string(path).unwrap()
    };
    let key = wimkey::catalog::gvlk_for("ServerStandard", 7601)
        .unwrap()
        .key()
        .unwrap();
    let key = String::from_utf8(key.text().expose().to_vec()).unwrap();
    assert!(answers("Servers/2008r2").contains(key.trim_end_matches('\0')));
    assert!(!answers("Clients/win11").contains("<ProductKey>"));
    let (code, again) = json(&desk, &["apply", "wds.toml"]);
    assert_eq!((code, &again["changed"]), (0, &false.into()), "{again:#}");

    // A part of it may be named alone, but a plan that never comes to the folder of WDS is a slip.
    let one = "RemoteInstall/Images/Clients/win11.wim";
    let (code, again) = json(&desk, &["apply", "wds.toml", one]);
    assert_eq!((code, &again["changed"]), (0, &false.into()), "{again:#}");
    let plan = std::fs::read_to_string(desk.path("wds.toml")).unwrap();
    write(
        &desk,
        "slip.toml",
        &plan.replace(r#"["RemoteInstall"]"#, &format!(r#"["{one}"]"#)),
    );
    let (code, _, told) = run(&desk, &["apply", "slip.toml"]);
    assert!(code == 2 && told.contains("RemoteInstall"), "{code} {told}");
}

#[test]
fn the_page_is_whole_holds_nothing_foreign_and_no_key() {
    let desk = desk();
    let key = leaks::unpublished();
    write(&desk, "own.txt", &key);
    write(
        &desk,
        "own.toml",
        "images = [1]\nkey = { file = \"own.txt\" }\n[unattend]\nfile = \"Autounattend.xml\"\n[audit]\n",
    );
    std::fs::copy(desk.path("install.wim"), desk.path("<b>&'.wim")).unwrap();
    std::fs::write(desk.path("broken.wim"), "no WIM").unwrap();
    let (code, _, _) = run(
        &desk,
        &[
            "apply",
            "own.toml",
            "<b>&'.wim",
            "broken.wim",
            "--keep-going",
            "--report",
            "report.html",
        ],
    );
    assert_eq!(code, 1);
    let page = std::fs::read_to_string(desk.path("report.html")).unwrap();
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    let tree = roxmltree::Document::parse_with_options(&page, options)
        .unwrap_or_else(|error| panic!("{error}\n{page}"));
    let text: String = tree.descendants().filter_map(|node| node.text()).collect();
    assert!(
        text.contains("<b>&'.wim") && text.contains("broken.wim") && text.contains("ProductKey"),
        "{text}"
    );
    assert!(text.contains(key.rsplit('-').next().unwrap()) && !page.contains(&key));
    for node in tree.descendants().filter(roxmltree::Node::is_element) {
        assert!(!["script", "link", "img", "iframe", "object"].contains(&node.tag_name().name()));
        for attribute in node.attributes() {
            assert!(
                !attribute.name().starts_with("on") && !attribute.value().contains("//"),
                "{attribute:?}"
            );
        }
    }
}

/// What this machine is called by the compiler.
fn host() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// The standard's own schema, from the source of a crate that has it.
fn schema_of_sarif() -> Value {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        // The crates of other systems need not be here.
        .args(["--filter-platform", &host()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == "serde-sarif")
        .unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let text = std::fs::read(manifest.with_file_name("src").join("schema.json")).unwrap();
    let mut schema: Value = serde_json::from_slice(&text).unwrap();
    // The pattern of a language is no regular expression, in the standard itself; we name no language.
    for part in ["run", "toolComponent"] {
        let place = format!("/definitions/{part}/properties/language");
        let language = schema.pointer_mut(&place).unwrap();
        language.as_object_mut().unwrap().remove("pattern");
    }
    schema
}

#[test]
fn sarif_fits_the_standard() {
    let desk = desk();
    write(
        &desk,
        "bad.xml",
        "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"><settings pass=\"specialise\"/></unattend>",
    );
    let validator = jsonschema::validator_for(&schema_of_sarif()).unwrap();
    for arguments in [
        &["apply", "plan.toml"][..],
        &["image", "audit", "images/a.wim"],
        &["unattend", "lint", "Autounattend.xml", "bad.xml"],
    ] {
        let (_, out, error) = run(&desk, &[arguments, &["--format", "sarif"]].concat());
        let log: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
        let faults: Vec<String> = validator
            .iter_errors(&log)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{arguments:?}: {faults:?}");
        assert!(!log["runs"][0]["results"].as_array().unwrap().is_empty());
    }
    assert!(!validator.is_valid(&serde_json::json!({"version": "2.1.0"})));
}

#[test]
fn every_report_fits_its_schema_and_plans_fit_theirs() {
    let desk = desk();
    medium(&desk.path("medium"));
    let schema = |name: &str| {
        let (code, out, _) = run(&desk, &["schema", name]);
        assert_eq!(code, 0);
        jsonschema::validator_for(&serde_json::from_str(&out).unwrap()).unwrap()
    };
    let hive = desk.path("SOFTWARE");
    std::fs::write(&hive, sample::software_hive(IMAGES[2]).unwrap()).unwrap();
    write(&desk, "keys.txt", "W269N-WFGWX-YVC9B-4J6C9-T83GX\nnothing\n\n");
    let key = r"Microsoft\Windows NT\CurrentVersion";
    for (name, arguments) in [
        ("report", &["apply", "plan.toml", "--dry-run"][..]),
        ("report", &["apply", "plan.toml"]),
        (
            "report",
            &[
                "image",
                "set",
                "medium",
                "--skip-rearm",
                "on",
                "--unattend",
                "Autounattend.xml",
            ],
        ),
        ("image-list", &["image", "list", "install.wim"]),
        ("image-show", &["image", "show", "medium"]),
        (
            "image-set",
            &[
                "image",
                "set",
                "install.wim",
                "--gvlk",
                "--unattend",
                "Autounattend.xml",
            ],
        ),
        ("image-scrub", &["image", "scrub", "install.wim", "--published"]),
        ("findings", &["image", "audit", "medium"]),
        ("findings", &["unattend", "lint", "Autounattend.xml"]),
        ("key-check", &["key", "check", "--key-file", "keys.txt"]),
        ("key-list", &["key", "list"]),
        ("key-list", &["key", "lookup", "Professional"]),
        ("unattend-show", &["unattend", "show", "Autounattend.xml"]),
        (
            "unattend-set",
            &["unattend", "set", "Autounattend.xml", "--gvlk", "Professional"],
        ),
        ("unattend-clear", &["unattend", "clear", "Autounattend.xml"]),
        ("hive-check", &["hive", "check", "SOFTWARE"]),
        ("hive-show", &["hive", "show", "SOFTWARE"]),
        ("hive-value", &["hive", "get", "SOFTWARE", key, "EditionID"]),
        ("hive-key", &["hive", "get", "SOFTWARE", key]),
        (
            "hive-change",
            &["hive", "set", "SOFTWARE", "Test", "x", "REG_MULTI_SZ", "a;b"],
        ),
        ("hive-change", &["hive", "scrub", "SOFTWARE"]),
        (
            "hive-export",
            &["hive", "export", "SOFTWARE", "--output", "x.reg"],
        ),
        ("kms-discovery", &["kms", "discover", "install.wim:3"]),
        ("explanation", &["explain", "0xC004F074"]),
    ] {
        let (_, report) = json(&desk, arguments);
        let schema = schema(name);
        let faults: Vec<String> = schema
            .iter_errors(&report)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{name} {arguments:?}: {faults:?}");
        assert!(
            !schema.is_valid(&serde_json::json!({"schema": 1})),
            "{name} takes anything"
        );
    }
    let plans = schema("plan");
    let plan: toml::Table = PLAN.parse().unwrap();
    assert!(plans.is_valid(&serde_json::to_value(&plan).unwrap()));
    for (text, _, _, _) in FAULTS {
        // What only the tables know, and what is no TOML, the schema cannot tell.
        if let (Ok(table), true) = (text.parse::<toml::Table>(), text.starts_with("skip-rear")) {
            assert!(!plans.is_valid(&serde_json::to_value(&table).unwrap()), "{text}");
        }
    }
    let (code, _, error) = run(&desk, &["schema", "nothing"]);
    assert!(code == 2 && error.contains("plan"), "{error}");
}

#[test]
fn a_report_takes_the_place_of_a_report_only() {
    let desk = desk();
    let before = hash(&desk.path("images/a.wim"));
    for place in ["images/a.wim", "plan.toml", "images"] {
        let (code, out, error) = run(&desk, &["apply", "plan.toml", "--report", place]);
        assert_eq!((code, out.as_str()), (2, ""), "{place}: {error}");
        assert!(
            error.contains("is no report") && error.contains("--report"),
            "{error}"
        );
    }
    assert_eq!(std::fs::read_to_string(desk.path("plan.toml")).unwrap(), PLAN);
    // Where none can be written is told before the work as well, and without a name that nobody gave.
    let (code, _, error) = run(&desk, &["apply", "plan.toml", "--report", "nowhere/report.html"]);
    assert_eq!(code, 1);
    assert!(
        error.contains("nowhere/report.html") && !error.contains(".tmp"),
        "{error}"
    );
    assert_eq!(hash(&desk.path("images/a.wim")), before);
    for _ in 0..2 {
        let (code, _, error) = run(&desk, &["apply", "plan.toml", "--report", "report.html"]);
        assert_eq!(code, 0, "{error}");
    }
    let page = std::fs::read_to_string(desk.path("report.html")).unwrap();
    assert!(
        page.contains("Every target was done") && page.contains("already as asked"),
        "{page}"
    );
}

#[test]
fn what_was_not_looked_for_is_not_called_none() {
    let desk = desk();
    write(
        &desk,
        "quiet.toml",
        "targets = [\"images/a.wim\"]\nskip-rearm = true\n",
    );
    let (code, out, _) = run(&desk, &["apply", "quiet.toml"]);
    assert_eq!(code, 0);
    let row = out.lines().find(|line| line.contains("a.wim  ")).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells, ["changed", "images/a.wim", "4", "-", "-"], "{out}");
    // Notes are no faults, and are not counted as if they were.
    let (_, out, _) = run(&desk, &["apply", "plan.toml"]);
    assert!(out.contains(" notes\n") && !out.contains("error"), "{out}");
    // A share of which nothing is left does not claim that something is as asked.
    let shares = ["1/2", "2/2"].map(|share| run(&desk, &["apply", "quiet.toml", "--shard", share]).1);
    let is_empty = |out: &&String| out.trim() == "No target is concerned; nothing was done.";
    assert_eq!(shares.iter().filter(is_empty).count(), 1, "{shares:?}");
}

#[test]
fn the_end_tells_of_every_target_when_one_cannot_be_done() {
    let desk = desk();
    std::fs::write(desk.path("images/b.wim"), "no WIM").unwrap();
    let (code, out, _) = run(&desk, &["apply", "plan.toml", "--keep-going"]);
    assert_eq!(code, 1);
    assert!(
        out.ends_with("1 of 3 targets could not be done; 2 written, read back and found as asked.\n"),
        "{out}"
    );
    let (_, out, _) = run(&desk, &["apply", "plan.toml", "--keep-going"]);
    assert!(
        out.ends_with("1 of 3 targets could not be done; 2 already as asked.\n"),
        "{out}"
    );
    let (_, out, _) = run(&desk, &["apply", "plan.toml", "--dry-run"]);
    assert!(
        out.ends_with("1 of 3 targets cannot be done. Nothing was written (--dry-run).\n"),
        "{out}"
    );
    // The target is named once.
    let (_, out, _) = run(
        &desk,
        &["apply", "plan.toml", "images/a.wim:9", "images/missing.wim"],
    );
    assert!(
        !out.contains("a.wim: images/a.wim") && !out.contains("missing.wim: cannot open"),
        "{out}"
    );
}

#[test]
fn a_value_that_is_asked_for_twice_is_told() {
    let desk = desk();
    for arguments in [
        &["--skip-rearm", "on", "--unset", "SkipRearm"][..],
        &[
            "--set",
            "VLActivationInterval=240",
            "--set",
            "VLActivationInterval=241",
        ],
        &[
            "--kms-host",
            "a.example:1688",
            "--set",
            "KeyManagementServicePort=1689",
        ],
    ] {
        let (code, _, error) = run(&desk, &[&["image", "set", "install.wim"][..], arguments].concat());
        assert_eq!(code, 2, "{error}");
        assert!(error.contains("is asked for twice"), "{error}");
    }
    // Twice the same is no contradiction.
    let same = [
        "image",
        "set",
        "install.wim",
        "--skip-rearm",
        "on",
        "--set",
        "SkipRearm=1",
    ];
    assert_eq!(run(&desk, &same).0, 0);
    // Of several lines of a registration file the last counts, as with regedit.
    let lines = "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso]\n\"A\"=dword:1\n\"a\"=dword:2\n";
    write(&desk, "twice.reg", lines);
    for changed in [true, false] {
        let (code, report) = json(&desk, &["image", "set", "install.wim:3", "--reg", "twice.reg"]);
        assert_eq!((code, &report["changed"]), (0, &changed.into()), "{report:#}");
        let changes = report["images"][0]["changes"].as_array().unwrap();
        let value = changes.iter().find(|change| change["name"] == "A").unwrap();
        assert_eq!(value["new"], "2");
    }
}

#[test]
fn likely_slips_in_plans_are_told_what_to_write_instead() {
    let desk = desk();
    let published = wimkey::catalog::newest_gvlk("Professional").unwrap().text;
    for (line, told) in [
        (format!("key = \"{published}\""), "{ env = \"MAK\" }"),
        (
            "key = { gvlk = \"Profesional\" }".to_owned(),
            "Did you mean Professional?",
        ),
        ("reg = \"a.reg\"".to_owned(), "expected a list in square brackets"),
        ("scrub = true".to_owned(), "as in [scrub]"),
        ("audit = \"error\"".to_owned(), "{ fail-on = \"error\" }"),
        (
            "skip-rearm = true\noutput = \"plan.toml\"".to_owned(),
            "Name a folder",
        ),
        (
            "skip-rearm = true\neditions = [\"Profesional\"]".to_owned(),
            "3 Windows 11 Pro (Professional)",
        ),
    ] {
        write(
            &desk,
            "slip.toml",
            &format!("targets = [\"images/a.wim\"]\n{line}\n"),
        );
        let (_, out, error) = run(&desk, &["apply", "slip.toml"]);
        assert!(format!("{out}{error}").contains(told), "{line}: {out}{error}");
    }
    let (code, _, error) = run(&desk, &["apply", "images/a.wim"]);
    assert!(
        code == 2 && error.contains("is a WIM, not a plan file"),
        "{error}"
    );
    let (code, _, error) = run(&desk, &["apply", "plan.toml", "--jobs", "0"]);
    assert!(code == 2 && error.contains("a number from 1 up"), "{error}");
}
