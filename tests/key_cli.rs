//! The `key` commands as a user runs them: lists in every encoding, JSON as scripts read it, look-ups.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::fmt::Write as _;
use wimkey::catalog;
use wimkey::pkeyconfig::sample;

const WINDOWS_7_ENTERPRISE: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";
const PROFESSIONAL: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";

fn wimkey(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wimkey"));
    command.args(arguments);
    command
}

/// The JSON that `key check` prints for this list, and its exit code.
fn checked(list: &[u8], arguments: &[&str]) -> (Value, i32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.txt");
    std::fs::write(&path, list).unwrap();
    let output = wimkey(&["key", "check", "--format", "json", "--key-file"])
        .arg(path)
        .args(arguments)
        .output()
        .unwrap();
    (
        serde_json::from_slice(&output.stdout).unwrap(),
        output.status.code().unwrap(),
    )
}

fn text(arguments: &[&str]) -> String {
    let output = wimkey(arguments).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

#[test]
fn a_published_key_has_exactly_the_documented_fields() {
    let (report, code) = checked(WINDOWS_7_ENTERPRISE.as_bytes(), &[]);
    assert_eq!(code, 0);
    let expected = json!({"schema": "wimkey/1", "results": [{
        "line": 1,
        "verdict": "published",
        "partial": "*****-*****-*****-*****-HVTHH",
        "product": "Windows 7 Enterprise",
        "edition": "Enterprise",
        "channel": "Volume:GVLK",
        "kms_group": catalog::gvlk_for("Enterprise", 7601).unwrap().kms_group,
        "position": null,
        "reason": "the published client setup key of Windows 7 Enterprise",
    }]});
    assert_eq!(report, expected);
}

#[test]
fn a_list_is_understood_in_every_encoding_that_windows_writes() {
    let misspelt = format!("{}K", &WINDOWS_7_ENTERPRISE[..28]);
    let list = format!(
        "{PROFESSIONAL}\r\n\r\n{misspelt}\r\n{}\r\n",
        PROFESSIONAL.to_lowercase()
    );
    let (plain, code) = checked(list.replace('\r', "").as_bytes(), &[]);
    assert_eq!(code, 10);
    let verdicts: Vec<_> = plain["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            (
                result["line"].as_u64().unwrap(),
                result["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (1, "published"),
        (2, "malformed"),
        (3, "misspelled"),
        (4, "published"),
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(plain["results"][2]["position"], 29);
    let marked = format!("\u{FEFF}{list}");
    let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [
        list.as_bytes(),
        marked.as_bytes(),
        &little,
        &little[2..],
        &big,
        &big[2..],
        list.trim_end().as_bytes(),
    ] {
        assert_eq!(checked(bytes, &[]), (plain.clone(), 10));
    }
}

#[test]
fn json_lines_hold_what_the_object_holds() {
    let list = format!("{PROFESSIONAL}\nno key\n");
    let (object, _) = checked(list.as_bytes(), &[]);
    let output = wimkey(&["key", "check", "--lines", "--key-file", "-"])
        .write_stdin(list)
        .assert()
        .code(10);
    let lines: Vec<Value> = output
        .get_output()
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(object["results"], Value::Array(lines));
}

#[test]
fn a_long_list_keeps_its_order_in_every_form() {
    let mut list = String::new();
    let mut expected = Vec::new();
    for round in 0..5000 {
        let published = &catalog::published()[round % catalog::published().len()];
        let wrong = round % 3 == 0;
        writeln!(
            list,
            "{}",
            if wrong {
                &published.text[..28]
            } else {
                published.text
            }
        )
        .unwrap();
        expected.push(if wrong { "malformed" } else { "published" });
    }
    let (report, code) = checked(list.as_bytes(), &[]);
    assert_eq!(code, 10);
    let found: Vec<_> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(found, expected);
    let output = wimkey(&["key", "check", "--key-file", "-"])
        .write_stdin(list)
        .assert()
        .code(10);
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    for ((number, line), verdict) in (1..).zip(text.lines()).zip(expected) {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some(format!("{number}").as_str()));
        assert_eq!(words.next(), Some(verdict));
    }
}

#[test]
fn colours_appear_only_when_asked_for() {
    let run = |color: &str| {
        let output = wimkey(&["key", "check", "--color", color])
            .env_remove("NO_COLOR")
            .write_stdin(PROFESSIONAL)
            .assert()
            .success();
        output.get_output().stdout.contains(&0x1B)
    };
    assert!(run("always") && !run("auto") && !run("never"));
}

#[test]
fn an_empty_list_is_an_error_and_not_a_success() {
    wimkey(&["key", "check"]).write_stdin("").assert().code(1);
}

#[test]
fn a_lost_or_doubled_symbol_is_named_with_the_key_that_was_meant() {
    for text in [
        WINDOWS_7_ENTERPRISE.replacen("2VJC9", "2VJ9", 1),
        WINDOWS_7_ENTERPRISE.replacen("2VJC9", "2VJCC9", 1),
    ] {
        let (report, code) = checked(text.as_bytes(), &[]);
        let result = &report["results"][0];
        assert_eq!((code, result["verdict"].as_str()), (10, Some("malformed")));
        let reason = result["reason"].as_str().unwrap();
        assert!(
            reason.ends_with("did you mean 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH (Windows 7 Enterprise)?"),
            "{reason}"
        );
    }
}

#[test]
fn a_key_no_longer_printed_is_judged_with_a_warning_and_never_offered() {
    for (status, word) in [
        (catalog::Status::Superseded, "superseded"),
        (catalog::Status::Withdrawn, "withdrawn"),
    ] {
        for row in catalog::published().iter().filter(|row| row.status == status) {
            let (report, code) = checked(row.text.as_bytes(), &[]);
            assert_eq!(code, 0);
            let result = &report["results"][0];
            assert_eq!(result["verdict"], "published");
            let reason = result["reason"].as_str().unwrap();
            assert!(reason.contains("warning: ") && reason.contains(word), "{reason}");
            for name in [row.product, row.edition().unwrap()] {
                let output = wimkey(&["key", "check", "--format", "json", "--gvlk", name])
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(!said.contains(&row.text[24..]), "{name}: {said}");
            }
        }
    }
}

#[test]
fn a_key_configuration_without_an_image_names_edition_and_channel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pkeyconfig.xrm-ms");
    let row = catalog::gvlk_for("Professional", 22621).unwrap();
    let (group, serial) = row.group_and_serial.unwrap();
    let ranges = [("X", serial, serial + 9)];
    let rows = [sample::Row {
        group,
        editions: "Professional;ProfessionalN",
        key_type: "Volume:MAK",
        activation_id: "00000000-0000-0000-0000-000000000001",
        eula_type: "Volume",
        ranges: &ranges,
    }];
    std::fs::write(&path, sample::file(&rows, true)).unwrap();
    let list = format!("{PROFESSIONAL}\n{WINDOWS_7_ENTERPRISE}\n");
    let (report, code) = checked(list.as_bytes(), &["--pkeyconfig", path.to_str().unwrap()]);
    assert_eq!(code, 10);
    assert_eq!(report["results"][0]["channel"], "Volume:MAK");
    assert_eq!(report["results"][0]["edition"], "Professional;ProfessionalN");
    assert_eq!(report["results"][1]["verdict"], "wrong-edition");
}

#[test]
fn a_look_up_shows_group_hosts_and_threshold() {
    let shown = text(&["key", "lookup", WINDOWS_7_ENTERPRISE]);
    for part in [
        "Windows 7 Enterprise",
        "Client-VL",
        "25 machines",
        "Volume License for Windows Server 2025",
        "ae2ee509-1b34-41c0-acb7-6d4650168915",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(text(&["key", "lookup", "server", "2022", "datacenter"]).contains("5 machines"));
}

#[test]
fn every_way_to_ask_finds_the_same_key() {
    for query in [
        &["33PXH-7Y6KF-2VJC9-XBBR8-HVTHH"][..],
        &["hvthh"],
        &["{AE2EE509-1B34-41C0-ACB7-6D4650168915}"],
        &["win7", "enterprise"],
    ] {
        let report: Value =
            serde_json::from_str(&text(&[&["key", "lookup", "--format", "json"], query].concat())).unwrap();
        let first = &report["results"][0];
        assert_eq!(first["key"], WINDOWS_7_ENTERPRISE, "{query:?}");
        assert_eq!(first["clients_needed"], 25);
        assert!(!first["kms_hosts"].as_array().unwrap().is_empty());
    }
    let report: Value =
        serde_json::from_str(&text(&["key", "lookup", "--format", "json", "EnterpriseS"])).unwrap();
    assert_eq!(report["results"][0]["editions"][0], "EnterpriseS");
    wimkey(&["key", "lookup", "beos"]).assert().code(1);
}
