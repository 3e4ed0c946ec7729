//! A desk to work at: a folder with the sample WIM and answer file, and the program run in it.

use assert_cmd::Command;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use wimkey::image::{Images, Target};
use wimkey::sample;

/// A folder with `install.wim` (the sample images) and `Autounattend.xml`.
pub struct Desk {
    pub folder: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        sample::write_wim(&folder.path().join("install.wim"), &sample::IMAGES).unwrap();
        std::fs::write(folder.path().join("Autounattend.xml"), sample::ANSWER_FILE).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn wimkey(&self, arguments: &[&str]) -> Command {
        let mut command = wimkey();
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self
            .wimkey(arguments)
            .args(["--format", "json"])
            .assert()
            .success();
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    }

    pub fn hash(&self) -> Vec<u8> {
        hash(&self.path("install.wim"))
    }

    pub fn image(&self, index: u32, path: &str) -> Option<Vec<u8>> {
        let target = Target::new(self.path("install.wim").to_str().unwrap());
        Images::open(&target)
            .unwrap()
            .read(index, path)
            .unwrap()
            .map(|bytes| bytes.to_vec())
    }
}

pub fn wimkey() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wimkey"));
    command
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env_remove("NO_COLOR");
    command
}

pub fn hash(path: &Path) -> Vec<u8> {
    Sha256::digest(std::fs::read(path).unwrap()).to_vec()
}
