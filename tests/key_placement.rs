//! Where a key goes in an image, by its type: client setup keys, multiple activation keys, host keys; and the licences
//! that the image has installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use wimkey::activation::CURRENT_VERSION;
use wimkey::catalog;
use wimkey::hive::Hive;
use wimkey::image::{ANSWER_FILE, KEY_CONFIGURATION, KEY_CONFIGURATIONS, SOFTWARE, SYSTEM};
use wimkey::pkeyconfig::{LICENCE_FOLDER, sample as keys};
use wimkey::sample::{self, SampleImage};
use wimkey::wim::{Builder, Properties};

/// The published client setup key of Windows 10 and 11 Pro; what it is for, the test's own key configuration says.
const KEY: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
const IMAGE: SampleImage = SampleImage {
    name: "Windows 11 Pro",
    edition: "Professional",
    build: 22621,
};

fn configuration(key_type: &str) -> String {
    let row = catalog::gvlk_for(IMAGE.edition, IMAGE.build).unwrap();
    let (group, serial) = row.group_and_serial.unwrap();
    let ranges = [("[TH]X00-00001", serial, serial + 999)];
    let entry = keys::Row {
        group,
        editions: IMAGE.edition,
        key_type,
        activation_id: row.activation_id.unwrap(),
        eula_type: "Volume",
        ranges: &ranges,
    };
    keys::file(&[entry], true)
}

/// An applied image whose key configuration calls the key's group `key_type`.
struct Applied {
    folder: tempfile::TempDir,
}

impl Applied {
    fn new(key_type: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let applied = Self { folder };
        applied.write(SOFTWARE, &sample::software_hive(IMAGE).unwrap());
        applied.write(SYSTEM, &sample::system_hive().unwrap());
        applied.write(KEY_CONFIGURATION, configuration(key_type).as_bytes());
        std::fs::write(applied.outside("answers.xml"), sample::ANSWER_FILE).unwrap();
        applied
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn set(&self, arguments: &[&str]) -> Command {
        set(&self.root(), arguments, self.folder.path())
    }

    /// Whether the SOFTWARE hive holds a key.
    fn hive_has_key(&self) -> bool {
        let bytes = std::fs::read(self.root().join(SOFTWARE)).unwrap();
        let hive = Hive::read(zeroize::Zeroizing::new(bytes)).unwrap();
        let version = hive.find(CURRENT_VERSION).unwrap().unwrap();
        version.value("DigitalProductId").unwrap().is_some()
    }

    fn answers(&self) -> Option<String> {
        std::fs::read_to_string(self.root().join(ANSWER_FILE)).ok()
    }
}

fn set(target: &Path, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wimkey"));
    command
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .current_dir(folder)
        .args(["image", "set"])
        .arg(target)
        .args(["--key-file", "-"])
        .args(arguments)
        .write_stdin(KEY);
    command
}

fn complaint(command: &mut Command) -> String {
    let output = command.assert().code(3);
    String::from_utf8(output.get_output().stderr.clone()).unwrap()
}

#[test]
fn a_client_setup_key_goes_to_both_places() {
    let image = Applied::new("Volume:GVLK");
    image.set(&["--unattend", "answers.xml"]).assert().success();
    assert!(image.hive_has_key());
    assert!(image.answers().unwrap().contains(KEY));
}

#[test]
fn a_multiple_activation_key_goes_to_the_answer_file_alone() {
    let image = Applied::new("Volume:MAK");
    image.set(&["--unattend", "answers.xml"]).assert().success();
    assert!(!image.hive_has_key());
    let answers = image.answers().unwrap();
    let (before, _) = answers.split_once(KEY).unwrap();
    assert!(before.contains("pass=\"specialize\""), "{answers}");
    assert!(before.contains("Microsoft-Windows-Shell-Setup") && !before.contains("pass=\"oobeSystem\""));
}

#[test]
fn a_multiple_activation_key_without_an_answer_file_is_refused() {
    let image = Applied::new("Volume:MAK");
    let before = std::fs::read(image.root().join(SOFTWARE)).unwrap();
    let said = complaint(&mut image.set(&[]));
    assert!(said.contains("--unattend") && !said.contains(KEY), "{said}");
    assert_eq!(std::fs::read(image.root().join(SOFTWARE)).unwrap(), before);
}

#[test]
fn a_multiple_activation_key_goes_to_the_hive_when_told_to_and_the_risk_is_said() {
    for (places, in_answers) in [("hive", false), ("unattend,hive", true)] {
        let image = Applied::new("Volume:MAK");
        let mut arguments = vec!["--key-in", places, "--format", "json"];
        if in_answers {
            arguments.extend(["--unattend", "answers.xml"]);
        }
        let output = image.set(&arguments).assert().success();
        let report: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        assert!(image.hive_has_key());
        assert_eq!(
            image.answers().is_some_and(|answers| answers.contains(KEY)),
            in_answers
        );
        let notes = report["images"][0]["notes"].to_string();
        assert!(
            notes.contains("only a client setup key belongs into the registry"),
            "{notes}"
        );
        assert!(!notes.contains(KEY), "{notes}");
    }
}

#[test]
fn a_host_key_is_refused_wherever_it_is_to_go() {
    let image = Applied::new("Volume:CSVLK");
    for arguments in [
        &["--unattend", "answers.xml"][..],
        &["--key-in", "hive"],
        &["--unattend", "answers.xml", "--allow-other-edition"],
    ] {
        let said = complaint(&mut image.set(arguments));
        assert!(said.contains("KMS host key"), "{said}");
        assert!(!image.hive_has_key() && image.answers().is_none());
    }
}

#[test]
fn host_keys_are_known_from_their_own_file_and_from_the_folder_of_vista() {
    let image = Applied::new("Volume:CSVLK");
    let configuration = image.root().join(KEY_CONFIGURATION);
    for place in &KEY_CONFIGURATIONS[1..] {
        let there = image.root().join(place);
        std::fs::create_dir_all(there.parent().unwrap()).unwrap();
        std::fs::copy(&configuration, &there).unwrap();
    }
    std::fs::remove_file(&configuration).unwrap();
    for place in &KEY_CONFIGURATIONS[1..] {
        let said = complaint(&mut image.set(&["--unattend", "answers.xml"]));
        assert!(said.contains("KMS host key"), "{said}");
        std::fs::remove_file(image.root().join(place)).unwrap();
    }
    // Without any of them nothing is left to know it by but the published tables, where it is a client's.
    image.set(&["--unattend", "answers.xml"]).assert().success();
}

#[test]
fn the_licence_of_the_key_must_be_installed_where_the_image_shows_its_licences() {
    let own = catalog::gvlk_for(IMAGE.edition, IMAGE.build)
        .unwrap()
        .activation_id
        .unwrap();
    let licence = format!("{LICENCE_FOLDER}/Professional/Professional-Volume-GVLK-1-ul-oob-rtm.xrm-ms");
    let image = Applied::new("Volume:GVLK");
    image.write(
        &licence,
        keys::licence("00000000-0000-0000-0000-000000000009").as_bytes(),
    );
    let said = complaint(&mut image.set(&[]));
    assert!(said.contains("no licence installed"), "{said}");
    // Checking the key says the same.
    let output = Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .args(["key", "check", "--image"])
        .arg(image.root())
        .write_stdin(KEY)
        .assert()
        .code(10);
    let told = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(
        told.contains("wrong-edition") && told.contains("no licence installed"),
        "{told}"
    );
    let second =
        format!("{LICENCE_FOLDER}/PROFESSIONAL/second.XRM-MS").replace("PROFESSIONAL", "Professional");
    image.write(&second, keys::licence(own).as_bytes());
    image.set(&[]).assert().success();
    assert!(image.hive_has_key());
}

#[test]
fn licences_are_found_in_a_wim_too() {
    let own = catalog::gvlk_for(IMAGE.edition, IMAGE.build)
        .unwrap()
        .activation_id
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (id, code) in [("00000000-0000-0000-0000-000000000009", 3), (own, 0)] {
        let place = format!("{LICENCE_FOLDER}/Professional/one.xrm-ms");
        let licence = keys::licence(id);
        let image = sample::image(IMAGE)
            .unwrap()
            .file(&place, licence.as_bytes(), Properties::default());
        let wim = Builder::new().image(image).to_bytes().unwrap();
        let path = folder.path().join("install.wim");
        std::fs::write(&path, wim).unwrap();
        set(&path, &["--dry-run"], folder.path()).assert().code(code);
    }
}

#[test]
fn evaluation_images_are_named_as_such() {
    let image = Applied::new("Volume:GVLK");
    let evaluation = SampleImage {
        edition: "EnterpriseEval",
        ..IMAGE
    };
    image.write(SOFTWARE, &sample::software_hive(evaluation).unwrap());
    let said = complaint(&mut image.set(&[]));
    assert!(said.contains("evaluation edition"), "{said}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wimkey"));
    command.args(["image", "set", "--gvlk", "--"]).arg(image.root());
    let said = complaint(&mut command);
    assert!(said.contains("evaluation edition"), "{said}");
}

#[test]
fn first_boot_steps_with_an_oem_key_come_with_a_warning() {
    for (key_type, warned) in [("OEM:DM", true), ("Retail", false)] {
        let applied = Applied::new(key_type);
        let output = applied
            .set(&["--unattend", "answers.xml", "--first-boot", "/ato"])
            .assert()
            .success();
        let text = String::from_utf8(output.get_output().stdout.clone()).unwrap()
            + &String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert_eq!(text.contains("does not run SetupComplete.cmd"), warned, "{text}");
    }
}
