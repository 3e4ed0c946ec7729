//! Activation settings on real hives: what is written is read back by another program, and told by our own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::desk::{Desk, wimkey};
use common::{corpus, judge, run};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use wimkey::catalog::settings::{Allowed, Place, SETTINGS, Setting};

const SPP: &str = r"Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform";
const WINDOWS: &str = "55c92734-d682-4d71-983e-d6ec3f16059f";
/// Windows 7 Enterprise.
const ENTERPRISE: &str = "ae2ee509-1b34-41c0-acb7-6d4650168915";
const EAST: &str = "KMS_E1, 10, 75;KMS_E2, 10, 25;KMS_W1, 90, 75;KMS_W2, 90, 25";

/// A folder that is an image with real hives in it, if there is a corpus.
fn real_image() -> Option<tempfile::TempDir> {
    let hives = corpus("hives")?;
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("win7-ultimate-x86.SOFTWARE", "Windows/System32/config/SOFTWARE"),
        ("win7-sp1.SYSTEM", "Windows/System32/config/SYSTEM"),
        ("win10-default.NTUSER.DAT", "Users/Default/NTUSER.DAT"),
    ] {
        let to = folder.path().join(to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(hives.join(from), to).unwrap();
    }
    Some(folder)
}

/// What hivexregedit shows of a key.
fn exported(hive: &Path, key: &str) -> String {
    let arguments = ["--export", "--unsafe-printable-strings"].map(OsStr::new);
    let output = run(
        "hivexregedit",
        &[arguments[0], arguments[1], hive.as_os_str(), OsStr::new(key)],
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A value that the setting may have, and the line in which hivexregedit shows it.
fn example(setting: &Setting) -> Option<(String, String)> {
    let text = |text: &str| {
        Some((
            text.to_owned(),
            format!("\"{}\"=str(1):\"{text}\"", setting.value),
        ))
    };
    match setting.allowed {
        Allowed::Range(least, most) => {
            let number = least.midpoint(most) + 1;
            Some((
                number.to_string(),
                format!("\"{}\"=dword:{number:08x}", setting.value),
            ))
        }
        Allowed::Port => text("1690"),
        Allowed::Host => text("[2001:db8::1]"),
        Allowed::Domain => text("corp.example.com"),
        Allowed::Url => text("http://example.com/help"),
        Allowed::Text => text("6.1.7600.16385"),
        Allowed::Digit(least, _) => text(&least.to_string()),
        Allowed::Publish => {
            let bytes: Vec<String> = EAST
                .replace(';', "\0")
                .encode_utf16()
                .chain([0, 0])
                .flat_map(u16::to_le_bytes)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            Some((
                EAST.to_owned(),
                format!("\"{}\"=hex(7):{}", setting.value, bytes.join(",")),
            ))
        }
        Allowed::Nothing => None,
    }
}

fn place(setting: &Setting) -> (&'static str, String) {
    let below = if setting.subkey.is_empty() {
        String::new()
    } else {
        format!(r"\{}", setting.subkey)
    };
    match setting.place {
        Place::Settings => ("Windows/System32/config/SOFTWARE", format!("{SPP}{below}")),
        Place::Software => ("Windows/System32/config/SOFTWARE", setting.subkey.to_owned()),
        Place::DefaultUser => ("Users/Default/NTUSER.DAT", setting.subkey.to_owned()),
    }
}

#[test]
fn every_setting_is_written_as_another_program_reads_it_and_taken_back() {
    let (Some(image), true) = (real_image(), judge("hivexregedit")) else {
        return;
    };
    let target = image.path().to_str().unwrap();
    let set: Vec<String> = SETTINGS
        .iter()
        .filter_map(|setting| Some(format!("{}={}", setting.name, example(setting)?.0)))
        .collect();
    let mut command = wimkey();
    command.args(["image", "set", target]);
    for setting in &set {
        command.args(["--set", setting]);
    }
    command.assert().success();
    for setting in SETTINGS {
        let (hive, key) = place(setting);
        if let Some((_, line)) = example(setting) {
            let shown = exported(&image.path().join(hive), &key);
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        }
    }
    let mut command = wimkey();
    command.args(["image", "set", target]);
    for setting in SETTINGS {
        command.args(["--unset", setting.name]);
    }
    command.assert().success();
    for setting in SETTINGS {
        let (hive, key) = place(setting);
        let shown = exported(&image.path().join(hive), &key);
        let name = format!("\"{}\"=", setting.value);
        let line = shown.lines().find(|line| line.starts_with(&name));
        match setting.default {
            None => assert_eq!(line, None, "{}", setting.name),
            Some(number) => assert_eq!(
                line.unwrap(),
                format!("{name}dword:{:08x}", number.parse::<u32>().unwrap()),
            ),
        }
    }
}

#[test]
fn applications_and_products_have_hosts_of_their_own_and_discovery_tells_which_counts() {
    let (Some(image), true) = (real_image(), judge("hivexregedit")) else {
        return;
    };
    let target = image.path().to_str().unwrap();
    wimkey()
        .args(["image", "set", target, "--kms-host", "all.example.com"])
        .args([
            "--set",
            &format!("{WINDOWS}/KeyManagementServiceName=windows.example.com"),
        ])
        .args([
            "--set",
            &format!(r"{ENTERPRISE}\KeyManagementServiceName=enterprise.example.com"),
        ])
        .args(["--set", &format!(r"{ENTERPRISE}\KeyManagementServicePort=1700")])
        .assert()
        .success();
    let software = image.path().join("Windows/System32/config/SOFTWARE");
    let shown = exported(&software, &format!(r"{SPP}\{WINDOWS}"));
    assert!(
        shown.contains(r#""KeyManagementServiceName"=str(1):"windows.example.com""#),
        "{shown}"
    );
    let shown = exported(&software, &format!(r"{SPP}\{WINDOWS}\{ENTERPRISE}"));
    assert!(
        shown.contains(r#""KeyManagementServicePort"=str(1):"1700""#),
        "{shown}"
    );
    let json = discovered(target, &[]);
    let asked: Vec<_> = json["images"][0]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["outcome"] == "asks")
        .collect();
    assert_eq!(asked.len(), 1);
    // The image is Ultimate: the host of Enterprise is not for it.
    assert_eq!(asked[0]["host"], "windows.example.com");
}

fn discovered(target: &str, more: &[&str]) -> Value {
    let output = wimkey()
        .args(["kms", "discover", target, "--format", "json"])
        .args(more)
        .assert()
        .success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

#[test]
fn the_two_sites_of_the_guide_come_out_as_it_says() {
    let desk = Desk::new();
    // Table 5: hosts of both sites; table 6: clients without host caching and with a help link.
    desk.wimkey(&[
        "image",
        "set",
        "install.wim:2",
        "--set",
        &format!("DnsDomainPublishList={EAST}"),
    ])
    .assert()
    .success();
    desk.wimkey(&[
        "image",
        "set",
        "install.wim:4",
        "--set",
        "DisableKeyManagementServiceHostCaching=1",
    ])
    .args(["--set", "AlternateURL=http://contoso.com/help"])
    .args(["--set", "KeyManagementServiceLookupDomain=east.contoso.com"])
    .assert()
    .success();
    let zone = "\
$ORIGIN contoso.com.
_vlmcs._tcp.east SRV 90 25 1688 kms_w2.west
_vlmcs._tcp.east SRV 10 25 1688 kms_e2.east
_vlmcs._tcp.east SRV 90 75 1688 kms_w1.west
_vlmcs._tcp.east SRV 10 75 1688 kms_e1.east
_vlmcs._tcp.west SRV 10 75 1688 kms_w1.west
";
    std::fs::write(desk.path("zone"), zone).unwrap();
    let target = format!("{}:4", desk.path("install.wim").display());
    let json = discovered(&target, &["--zone", desk.path("zone").to_str().unwrap()]);
    let hosts: Vec<_> = json["images"][0]["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| {
            (
                host["host"].as_str().unwrap(),
                host["place"].as_u64().unwrap(),
                host["share"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        hosts,
        [
            ("kms_e1.east.contoso.com", 1, 0.75),
            ("kms_e2.east.contoso.com", 1, 0.25),
            ("kms_w1.west.contoso.com", 2, 0.75),
            ("kms_w2.west.contoso.com", 2, 0.25),
        ]
    );
    let cached = &json["images"][0]["steps"].as_array().unwrap()[3];
    assert_eq!(
        (&cached["source"], &cached["outcome"]),
        (&"cached".into(), &"skipped".into())
    );
}

#[test]
fn a_faulty_zone_file_is_told_with_its_line() {
    let desk = Desk::new();
    std::fs::write(desk.path("zone"), "_vlmcs._tcp.a SRV 0 0 1688\n").unwrap();
    let output = desk
        .wimkey(&["kms", "discover", "install.wim", "--zone", "zone"])
        .assert()
        .code(1);
    let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(said.contains("line 1"), "{said}");
}

#[test]
fn a_hosts_setting_in_a_client_image_is_warned_of() {
    let desk = Desk::new();
    let json = desk.json(&["image", "set", "install.wim", "--set", "DisableDnsPublishing=1"]);
    let notes = |image: usize| json["images"][image]["notes"].to_string();
    assert!(notes(0).contains("KMS hosts only"));
    assert!(!notes(1).contains("KMS hosts only"));
}

#[test]
fn steps_for_the_first_start_are_added_to_the_script_once_and_shown() {
    let desk = Desk::new();
    let arguments = [
        "image",
        "set",
        "install.wim:4",
        "--first-boot",
        "/ato",
        "--first-boot",
        "/ril a 1",
    ];
    let first = desk.json(&arguments);
    assert_eq!(first["changed"], true);
    let script =
        String::from_utf8(desk.image(4, "Windows/Setup/Scripts/SetupComplete.cmd").unwrap()).unwrap();
    assert_eq!(script.lines().count(), 2);
    assert_eq!(script.matches("\r\n").count(), 2);
    assert_eq!(desk.json(&arguments)["changed"], false);
    let shown = desk.json(&["image", "show", "install.wim:4"]);
    assert_eq!(
        shown["images"][0]["activation"]["first_boot"],
        serde_json::json!(["/ato", "/ril a 1"])
    );
    for wrong in ["/skms kms", "/rearm", "/ato & x", "nonsense"] {
        desk.wimkey(&["image", "set", "install.wim", "--first-boot", wrong])
            .assert()
            .code(2);
    }
}

#[test]
fn a_licence_file_is_placed_and_installed_at_the_end_of_setup() {
    let desk = Desk::new();
    let licence = "<rg:licenseGroup xmlns:rg=\"urn\"><r:license xmlns:r=\"urn\"/></rg:licenseGroup>";
    std::fs::write(desk.path("own.xrm-ms"), licence).unwrap();
    std::fs::write(desk.path("own.txt"), licence).unwrap();
    let arguments = ["image", "set", "install.wim:3", "--license-file", "own.xrm-ms"];
    assert_eq!(desk.json(&arguments)["changed"], true);
    assert_eq!(
        desk.image(3, "Windows/System32/oem/own.xrm-ms").unwrap(),
        licence.as_bytes()
    );
    let script = desk.image(3, "Windows/Setup/Scripts/SetupComplete.cmd").unwrap();
    assert!(String::from_utf8(script).unwrap().contains("/rilc"));
    assert_eq!(desk.json(&arguments)["changed"], false);
    desk.wimkey(&["image", "set", "install.wim", "--license-file", "own.txt"])
        .assert()
        .code(2);
}

#[test]
fn a_registration_file_goes_to_the_hives_it_names() {
    let (Some(image), true) = (real_image(), judge("hivexregedit")) else {
        return;
    };
    let target = image.path().to_str().unwrap();
    let file = image.path().join("all.reg");
    let text = "Windows Registry Editor Version 5.00\r\n\r\n\
[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform]\r\n\
\"KeyManagementServiceName\"=\"kms.example.com\"\r\n\"UserOperations\"=-\r\n\r\n\
[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Example]\r\n\"Number\"=dword:00000007\r\n\r\n\
[HKEY_CURRENT_USER\\Software\\Example]\r\n@=\"text\"\r\n\r\n\
[-HKEY_CURRENT_USER\\Software\\Microsoft\\Notepad]\r\n";
    std::fs::write(&file, text).unwrap();
    let set = || {
        let output = wimkey()
            .args(["image", "set", target, "--format", "json", "--reg"])
            .arg(&file)
            .assert()
            .success();
        serde_json::from_slice::<Value>(&output.get_output().stdout).unwrap()
    };
    assert_eq!(set()["changed"], true);
    assert_eq!(set()["changed"], false);
    let software = exported(&image.path().join("Windows/System32/config/SOFTWARE"), SPP);
    assert!(software.contains("\"KeyManagementServiceName\"=str(1):\"kms.example.com\""));
    assert!(!software.contains("UserOperations"));
    let system = image.path().join("Windows/System32/config/SYSTEM");
    let select = exported(&system, "Select");
    let current = select
        .lines()
        .find_map(|line| line.strip_prefix("\"Current\"=dword:"))
        .unwrap();
    let set_key = format!(
        r"ControlSet{:03}\Control\Example",
        u32::from_str_radix(current, 16).unwrap()
    );
    assert!(exported(&system, &set_key).contains("\"Number\"=dword:00000007"));
    let user = exported(
        &image.path().join("Users/Default/NTUSER.DAT"),
        r"Software\Example",
    );
    assert!(user.contains("@=str(1):\"text\""), "{user}");
    std::fs::write(&file, "REGEDIT4\r\n\r\n[HKEY_USERS\\.DEFAULT\\A]\r\n").unwrap();
    let output = wimkey()
        .args(["image", "set", target, "--reg"])
        .arg(&file)
        .assert()
        .code(2);
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("line 3"));
}

#[test]
fn what_will_happen_is_told_in_a_sentence() {
    let desk = Desk::new();
    let outlook = |desk: &Desk| {
        let shown = desk.json(&["image", "show", "install.wim:4"]);
        shown["images"][0]["activation"]["outlook"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(outlook(&desk).contains("no product key"));
    desk.wimkey(&["image", "set", "install.wim:4", "--gvlk"])
        .assert()
        .success();
    assert!(outlook(&desk).contains("in DNS (_vlmcs._tcp)"));
    desk.wimkey(&[
        "image",
        "set",
        "install.wim:4",
        "--kms-host",
        "kms.example.com:1690",
    ])
    .assert()
    .success();
    assert!(outlook(&desk).contains("kms.example.com:1690"));
    desk.wimkey(&["image", "set", "install.wim:4", "--set", "VLActivationType=1"])
        .assert()
        .success();
    assert!(outlook(&desk).contains("Active Directory"));
}

#[test]
fn settings_of_one_image_go_to_another_as_a_registration_file() {
    let desk = Desk::new();
    desk.wimkey(&[
        "image",
        "set",
        "install.wim:4",
        "--kms-host",
        "kms.example.com:1690",
    ])
    .args(["--set", "VLRenewalInterval=20160", "--set", "NoGenTicket=1"])
    .args([
        "--set",
        &format!("{WINDOWS}/KeyManagementServiceName=windows.example.com"),
    ])
    .assert()
    .success();
    let output = desk
        .wimkey(&["image", "show", "install.wim:4", "--reg"])
        .assert()
        .success();
    std::fs::write(desk.path("settings.reg"), &output.get_output().stdout).unwrap();
    desk.json(&["image", "set", "install.wim:3", "--reg", "settings.reg"]);
    let settings = |image: &str| {
        let shown = desk.json(&["image", "show", image]);
        shown["images"][0]["activation"]["settings"].clone()
    };
    assert_eq!(settings("install.wim:3"), settings("install.wim:4"));
    let again = desk
        .wimkey(&["image", "show", "install.wim:3", "--reg"])
        .assert()
        .success();
    assert_eq!(again.get_output().stdout, output.get_output().stdout);
    desk.wimkey(&["image", "show", "install.wim", "--reg"])
        .assert()
        .code(2);
}

#[test]
fn planned_changes_are_a_registration_file_for_running_machines_without_the_key() {
    let desk = Desk::new();
    let image = "install.wim:3";
    desk.json(&["image", "set", image, "--set", "VLRenewalInterval=20160"]);
    let before = desk.hash();
    let ask = [
        "--gvlk",
        "--skip-rearm",
        "on",
        "--kms-host",
        "kms.example.com:1690",
        "--unset",
        "VLRenewalInterval",
        "--set",
        "ThumbnailCacheOfNobody=1",
    ];
    let plan = |ask: &[&str]| {
        let mut command = desk.wimkey(&["image", "set", image, "--dry-run", "--format", "reg"]);
        command.args(ask).assert()
    };
    plan(&ask).code(2);
    let told = plan(&ask[..7]).success();
    assert_eq!(desk.hash(), before);
    let note = String::from_utf8(told.get_output().stderr.clone()).unwrap();
    assert!(note.contains("slmgr /ipk"), "{note}");
    let file = told.get_output().stdout.clone();
    let (text, _) = wimkey::text::decode(&file).unwrap();
    for line in [
        r"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform]",
        "\"SkipRearm\"=dword:00000001",
        "\"KeyManagementServiceName\"=\"kms.example.com\"",
        "\"KeyManagementServicePort\"=\"1690\"",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is not in {}", *text);
    }
    assert!(!text.contains("ProductId"), "{}", *text);
    // The file does to the image what the run would have done.
    std::fs::write(desk.path("planned.reg"), &file).unwrap();
    desk.json(&["image", "set", image, "--reg", "planned.reg"]);
    let rest = desk.json(&[&["image", "set", image, "--dry-run"], &ask[1..7]].concat());
    assert_eq!(rest["changed"], false);
    desk.wimkey(&["image", "set", image, "--skip-rearm", "on", "--format", "reg"])
        .assert()
        .code(2);
}
