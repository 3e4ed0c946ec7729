//! Transaction logs inside images: applied when told to, and empty once their hive was written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::Desk;
use common::torn::torn;
use wimkey::hive::{Hive, ValueKind};
use wimkey::image::{SOFTWARE, SYSTEM};
use wimkey::sample;
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties};

const LOG: &str = "Windows/System32/config/SOFTWARE.LOG1";
const OTHER_LOG: &str = "Windows/System32/config/software.log2";
/// Only the log of the torn hive knows this value.
const LATE: (&str, &str) = (r"Microsoft\Late", "n");

/// An image whose SOFTWARE hive is dirty, in a WIM and in a folder.
fn torn_image() -> Desk {
    let desk = Desk::new();
    let image = sample::IMAGES[2];
    let before = sample::software_hive(image).unwrap();
    let mut hive = Hive::open(before.clone()).unwrap();
    hive.set_value(LATE.0, LATE.1, ValueKind::Dword, &[8, 0, 0, 0])
        .unwrap();
    let (hive, log) = torn(&before, &hive.finish().unwrap());
    let system = sample::system_hive().unwrap();
    let files = [
        (SOFTWARE, &hive[..]),
        (LOG, &log),
        (OTHER_LOG, b""),
        (SYSTEM, &system),
    ];
    let mut builder = ImageBuilder::new(image.name).text("WINDOWS/ARCH", "9");
    for (path, content) in files {
        builder = builder.file(path, content, Properties::default());
        let path = desk.path("folder").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let builder = Builder::new().compress(Codec::Lzx, None).unwrap().image(builder);
    std::fs::write(desk.path("install.wim"), builder.to_bytes().unwrap()).unwrap();
    desk
}

fn number(hive: Vec<u8>, (key, name): (&str, &str)) -> Option<u32> {
    let hive = Hive::open(hive.into()).unwrap();
    let key = hive.find(key).unwrap()?;
    key.value(name).unwrap().map(|value| value.as_u32().unwrap())
}

#[test]
fn a_dirty_hive_is_made_whole_when_told_to_and_its_log_is_empty_afterwards() {
    let desk = torn_image();
    for target in ["install.wim", "folder"] {
        let read = |path| match target {
            "folder" => std::fs::read(desk.path("folder").join(path)).unwrap(),
            _ => desk.image(1, path).unwrap(),
        };
        let torn = read(SOFTWARE);
        let arguments = ["image", "set", target, "--skip-rearm", "on"];
        desk.wimkey(&arguments).assert().code(3);
        let arguments = [&arguments[..], &["--replay"]].concat();
        let planned = desk.json(&[&arguments[..], &["--dry-run"]].concat());
        assert_eq!(read(SOFTWARE), torn);
        let told = desk.json(&arguments);
        for report in [planned, told] {
            let change = &report["images"][0]["changes"][0];
            assert_eq!(
                (&change["name"], &change["new"]),
                (&"transaction logs".into(), &"applied".into())
            );
        }
        assert_eq!(number(read(SOFTWARE), LATE), Some(8), "{target}");
        let settings = r"Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform";
        assert_eq!(number(read(SOFTWARE), (settings, "SkipRearm")), Some(1));
        assert_eq!(read(LOG), b"", "{target}");
        assert_eq!(desk.json(&arguments)["changed"], false);
    }
}

#[test]
fn replaying_alone_is_something_to_do() {
    let desk = torn_image();
    assert_eq!(
        desk.json(&["image", "set", "install.wim", "--replay"])["changed"],
        true
    );
    assert_eq!(number(desk.image(1, SOFTWARE).unwrap(), LATE), Some(8));
    assert_eq!(
        desk.json(&["image", "set", "install.wim", "--replay"])["changed"],
        false
    );
}

#[test]
fn logs_that_do_not_fit_are_refused_and_nothing_is_written() {
    let desk = torn_image();
    let log = desk.path("folder").join(LOG);
    std::fs::write(&log, b"old page").unwrap();
    let before = std::fs::read(desk.path("folder").join(SOFTWARE)).unwrap();
    desk.wimkey(&["image", "set", "folder", "--skip-rearm", "on", "--replay"])
        .assert()
        .failure();
    assert_eq!(std::fs::read(desk.path("folder").join(SOFTWARE)).unwrap(), before);
    assert_eq!(std::fs::read(log).unwrap(), b"old page");
}
