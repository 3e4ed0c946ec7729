//! Errors that no other test meets: each is brought about as a user would, and says what happened and what to do.
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
use wimkey::image::{SOFTWARE, SYSTEM};
use wimkey::sample::{self, IMAGES};
use wimkey::unattend::AnswerFile;
use wimkey::wim::{Builder, Error, Wim};

fn told(desk: &Desk, arguments: &[&str], code: i32, words: &[&str]) {
    let output = desk.wimkey(arguments).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(
        text.trim_end().lines().count() >= 2,
        "what to do is missing: {text}"
    );
}

#[test]
fn answer_files_that_are_no_xml_are_refused_at_the_place() {
    let root = "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">";
    for (text, words) in [
        ("", "no element at all"),
        ("<!-- nothing -->", "no element at all"),
        (
            &format!("{root}</unattend></settings>"),
            "an end tag closes nothing",
        ),
        (
            &format!("{root}<!-- a -- b --></unattend>"),
            "-- stands within a comment",
        ),
        (
            &format!("{root}<settings pass=\"a\" pass=\"b\"/></unattend>"),
            "the attribute pass stands twice",
        ),
        (&format!("{root}<settings pass=a/></unattend>"), "attribute"),
        (&format!("{root}<settings pass=\"a></unattend>"), "line 1"),
        (&format!("{root}<settings"), "line 1"),
        (&format!("{root}<!NONSENSE></unattend>"), "line 1"),
    ] {
        let error = AnswerFile::parse(text.as_bytes().to_vec().into())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(words) && error.contains("line "),
            "{text}: {error}"
        );
        assert_eq!(error.lines().count(), 2, "{error}");
    }
}

#[test]
fn a_key_file_that_is_no_text_is_told_without_its_content() {
    let desk = Desk::new();
    std::fs::write(desk.path("key.bin"), [0xFF, 0x41, 0xC3, 0x28, 0x80]).unwrap();
    told(
        &desk,
        &["image", "set", "install.wim", "--key-file", "key.bin"],
        1,
        &["is not text", "plain text"],
    );
}

#[test]
fn a_registration_file_for_other_hives_is_not_for_an_image() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("user.reg"),
        "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SECURITY\\Test]\r\n\"a\"=\"b\"\r\n",
    )
    .unwrap();
    let before = desk.hash();
    told(
        &desk,
        &["image", "set", "install.wim", "--reg", "user.reg"],
        2,
        &["user.reg", "line 3", "none of the hives"],
    );
    assert_eq!(desk.hash(), before);
}

#[test]
fn a_wim_s_paths_and_damaged_chunks_are_told() {
    let desk = Desk::new();
    let path = desk.path("install.wim");
    let wim = Wim::open(&path).unwrap();
    let missing = wim.read(1, "Windows/nothing", 1 << 20);
    assert!(matches!(missing, Err(Error::NotFound { .. })));
    // Every byte of a compressed hive is looked at sooner or later: by the codec, or by the hash.
    let size = wim.stored_size(1, SOFTWARE).unwrap().unwrap();
    drop(wim);
    let bytes = std::fs::read(&path).unwrap();
    let mut told_by_the_codec = 0;
    for place in (208..208 + usize::try_from(size).unwrap()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x55;
        let other = desk.path("damaged.wim");
        std::fs::write(&other, &damaged).unwrap();
        let Ok(wim) = Wim::open(&other) else { continue };
        told_by_the_codec += u32::from(matches!(wim.read(1, SOFTWARE, 1 << 20), Err(Error::Chunk { .. })));
    }
    assert!(told_by_the_codec > 0);
}

/// A file that cannot grow: the system refuses to write more than a block of 512 bytes.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_stays_as_it_was() {
    let desk = Desk::new();
    let root = desk.path("root");
    for (path, content) in [
        (SOFTWARE, sample::software_hive(IMAGES[2]).unwrap()),
        (SYSTEM, sample::system_hive().unwrap()),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::fs::create_dir_all(desk.path("medium/sources")).unwrap();
    sample::write_wim(&desk.path("medium/sources/install.wim"), &IMAGES[..1]).unwrap();
    std::fs::write(
        desk.path("medium/Autounattend.xml"),
        "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"/>",
    )
    .unwrap();
    for (command, file) in [
        ("image set root --skip-rearm on", format!("root/{SOFTWARE}")),
        (
            "hive set root/Windows/System32/config/SYSTEM Test a REG_SZ b",
            format!("root/{SYSTEM}"),
        ),
        (
            "unattend set Autounattend.xml --gvlk Professional",
            "Autounattend.xml".to_owned(),
        ),
        ("apply plan.toml medium", "medium/Autounattend.xml".to_owned()),
    ] {
        std::fs::write(
            desk.path("plan.toml"),
            "[unattend]\nfile = \"Autounattend.xml\"\n",
        )
        .unwrap();
        let before = hash(&desk.path(&file));
        let output = std::process::Command::new("sh")
            .args([
                "-c",
                &format!("trap '' XFSZ; ulimit -f 1; exec \"$WIMKEY\" {command}"),
            ])
            .env("WIMKEY", env!("CARGO_BIN_EXE_wimkey"))
            .current_dir(desk.folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8([output.stderr, output.stdout].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {text}");
        assert!(
            text.contains("File too large") || text.contains("too large"),
            "{command}: {text}"
        );
        assert_eq!(hash(&desk.path(&file)), before, "{command}");
    }
    let left = std::fs::read_dir(root.join("Windows/System32/config"))
        .unwrap()
        .count();
    assert_eq!(left, 2, "a temporary file lies about");
}

#[test]
fn a_wim_without_images_is_no_image_to_set_anything_in() {
    let desk = Desk::new();
    std::fs::write(desk.path("none.wim"), Builder::new().to_bytes().unwrap()).unwrap();
    let set = ["image", "set", "none.wim", "--skip-rearm", "on"];
    told(&desk, &set, 1, &["none.wim holds no image", "Name a WIM"]);
}

#[cfg(unix)]
#[test]
fn a_wim_that_has_other_names_is_not_written_afresh() {
    let desk = Desk::new();
    let before = desk.hash();
    std::fs::hard_link(desk.path("install.wim"), desk.path("other.wim")).unwrap();
    let error = Wim::rebuild(&desk.path("install.wim")).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert!(error.to_string().contains("has 2 names"), "{error}");
    assert_eq!(desk.hash(), before);
    std::fs::remove_file(desk.path("other.wim")).unwrap();
    Wim::rebuild(&desk.path("install.wim")).unwrap();
}
