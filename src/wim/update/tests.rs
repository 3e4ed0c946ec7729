//! What an update does to totals and to what it is asked for twice, and which names it takes.

use super::*;
use crate::threads::Allowance;
use crate::wim::builder::{Builder, ImageBuilder, Properties};
use crate::wim::{Codec, LeftReason, MemoryFile};
use zeroize::Zeroizing;

const LIMIT: u64 = 1 << 20;

fn linked(link: u64) -> Properties {
    Properties {
        link,
        ..Properties::default()
    }
}

/// Content that compresses badly, so that lengths are told apart.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index * index * 31 % 251).to_le_bytes()[0])
        .collect()
}

fn first_image() -> ImageBuilder {
    ImageBuilder::new("first")
        .file("one.txt", &content(100), Properties::default())
        .file("names/a", &content(1000), linked(7))
        .file("names/b", &content(1000), linked(7))
        .file("names/c", &content(1000), linked(7))
}

fn file(first: ImageBuilder) -> MemoryFile {
    let second = ImageBuilder::new("second").file("other.txt", b"other", Properties::default());
    let builder = Builder::new().compress(Codec::Lzx, None).unwrap();
    MemoryFile::new(builder.image(first).image(second).to_bytes().unwrap())
}

/// What the XML data says of the images, without the length of the file.
fn totals(file: &MemoryFile) -> String {
    let wim = file.open().unwrap();
    let text = String::from_utf16_lossy(
        &wim.xml
            .with_totals(&[], 0)
            .as_chunks::<2>()
            .0
            .iter()
            .map(|unit| u16::from_le_bytes(*unit))
            .collect::<Vec<_>>(),
    );
    let images = text.find("<IMAGE").unwrap();
    text.get(images..).unwrap().to_owned()
}

fn change(file: &MemoryFile, work: impl FnOnce(&mut Update)) {
    let mut update = file.open().unwrap().update().unwrap();
    work(&mut update);
    update.commit(&mut |_, _| {}).unwrap();
}

fn put(update: &mut Update, path: &str, length: usize) {
    update.put(1, path, Zeroizing::new(content(length))).unwrap();
}

#[test]
fn totals_are_those_of_a_wim_that_was_made_so() {
    let changed = file(first_image());
    change(&changed, |update| {
        put(update, "one.txt", 333);
        put(update, "names/b", 4321);
        put(update, "new/folder/two.txt", 55);
        put(update, "new/three.txt", 56);
        // One more file than folders are made.
        put(update, "new/four.txt", 57);
    });
    let made = ImageBuilder::new("first")
        .file("one.txt", &content(333), Properties::default())
        .file("names/a", &content(4321), linked(7))
        .file("names/b", &content(4321), linked(7))
        .file("names/c", &content(4321), linked(7))
        .file("new/folder/two.txt", &content(55), Properties::default())
        .file("new/three.txt", &content(56), Properties::default())
        .file("new/four.txt", &content(57), Properties::default());
    assert_eq!(totals(&changed), totals(&file(made)));

    change(&changed, |update| {
        assert!(update.delete(1, "names/A").unwrap());
        assert!(update.delete(1, "one.txt").unwrap());
        assert!(!update.delete(1, "one.txt").unwrap());
    });
    let made = ImageBuilder::new("first")
        .file("names/b", &content(4321), linked(7))
        .file("names/c", &content(4321), linked(7))
        .file("new/folder/two.txt", &content(55), Properties::default())
        .file("new/three.txt", &content(56), Properties::default())
        .file("new/four.txt", &content(57), Properties::default());
    assert_eq!(totals(&changed), totals(&file(made)));

    // The last name but one, and then the last: no hard link any more.
    change(&changed, |update| {
        assert!(update.delete(1, "names/b").unwrap());
        assert!(update.delete(1, "names/c").unwrap());
    });
    let made = ImageBuilder::new("first")
        .folder("names", Properties::default())
        .file("new/folder/two.txt", &content(55), Properties::default())
        .file("new/three.txt", &content(56), Properties::default())
        .file("new/four.txt", &content(57), Properties::default());
    assert_eq!(totals(&changed), totals(&file(made)));
}

#[test]
fn what_is_asked_twice_counts_once() {
    let changed = file(first_image());
    let mut update = changed.open().unwrap().update().unwrap();
    assert!(update.is_empty());
    put(&mut update, "one.txt", 100);
    assert!(update.is_empty(), "it has that content");
    put(&mut update, "one.txt", 200);
    put(&mut update, "ONE.TXT", 300);
    put(&mut update, "names/a", 300);
    assert!(!update.is_empty());
    assert_eq!(update.wanted.len(), 2);
    assert_eq!(update.wanted[0].new, update.wanted[1].new);
    assert_ne!(update.wanted[0].old, update.wanted[1].old);
    update.put(2, "one.txt", Zeroizing::new(content(300))).unwrap();
    assert_eq!(
        update.wanted.len(),
        3,
        "the same path in another image is another file"
    );
    let report = update.commit(&mut |_, _| {}).unwrap();
    // What was put first is nobody's any more.
    assert_eq!((report.contents_written, report.images), (1, vec![1, 2]));
    assert!(report.left.is_empty());
    let wim = changed.open().unwrap();
    for (image, path) in [(1, "one.txt"), (1, "names/c"), (2, "one.txt")] {
        assert_eq!(**wim.read(image, path, LIMIT).unwrap(), *content(300));
    }
}

#[test]
fn an_old_content_that_another_file_has_is_told() {
    let first = first_image().file("copy.txt", &content(100), Properties::default());
    let changed = file(first);
    let mut update = changed.open().unwrap().update().unwrap();
    put(&mut update, "one.txt", 101);
    let report = update.commit(&mut |_, _| {}).unwrap();
    let left = &report.left[..];
    assert!(
        matches!(left, [left] if left.image == 1 && left.path == "one.txt" && left.reason == LeftReason::StillUsed)
    );
}

#[test]
fn new_files_get_the_time_that_was_set() {
    let changed = file(first_image());
    change(&changed, |update| {
        update.set_time(1234);
        put(update, "new.txt", 10);
    });
    let wim = changed.open().unwrap();
    let times = |path| {
        let entry = wim.find(1, path).unwrap().unwrap();
        [entry.created, entry.accessed, entry.written]
    };
    assert_eq!(times("new.txt"), [1234; 3]);
    assert_ne!(times("one.txt"), [1234; 3]);
}

#[test]
fn only_what_is_new_is_kept() {
    let size = 40 * 32768;
    let first = ImageBuilder::new("first").file("large", &content(size), Properties::default());
    let changed = file(first);
    let wim = changed.open().unwrap();
    let mut new = content(size);
    assert_eq!(
        wim.pack(1, "large", &new, &Allowance::default()).unwrap().kept(),
        0
    );
    new[0] ^= 1;
    let packed = wim.pack(1, "large", &new, &Allowance::default()).unwrap();
    // A chunk and the table of the others, of some 160 bytes.
    assert!((200..40_000).contains(&packed.kept()), "{}", packed.kept());
    let shown = format!("{packed:?}");
    assert!(shown.starts_with("Packed {") && shown.len() < 200, "{shown}");
    let mut update = wim.update().unwrap();
    update.put_packed(1, "large", packed).unwrap();
    assert!(format!("{update:?}").starts_with("Update {"));
    let report = update.commit(&mut |_, _| {}).unwrap();
    // The tree is compressed afresh too.
    assert_eq!((report.chunks_kept, report.chunks_compressed), (39, 2));
    assert!(**changed.open().unwrap().read(1, "large", LIMIT * 2).unwrap() == *new);
}

#[test]
fn chunks_of_a_much_longer_content_are_taken_over_too() {
    let first = ImageBuilder::new("first").file("large", &content(20 * 32768), Properties::default());
    let changed = file(first);
    let mut update = changed.open().unwrap().update().unwrap();
    put(&mut update, "large", 4 * 32768);
    let report = update.commit(&mut |_, _| {}).unwrap();
    // The tree is compressed afresh.
    assert_eq!((report.chunks_kept, report.chunks_compressed), (4, 1));
    assert!(**changed.open().unwrap().read(1, "large", LIMIT).unwrap() == *content(4 * 32768));
}

#[test]
fn names_are_those_that_windows_allows() {
    let longest = "x".repeat(255);
    for good in ["a", "a.b c", "ä.txt", &longest, "\u{1F600}"] {
        assert!(check_name(good, good).is_ok(), "{good}");
    }
    let bad = [
        &*format!("{longest}x"),
        "a.",
        "a ",
        "a:b",
        "a*",
        "\u{1}",
        "\u{1F}",
        "a\"",
    ];
    for bad in bad {
        assert!(
            matches!(check_name(bad, bad), Err(Error::BadPath { .. })),
            "{bad}"
        );
    }
    // Counted in UTF-16 units.
    assert!(check_name(&"\u{1F600}".repeat(127), "").is_ok());
    assert!(check_name(&"\u{1F600}".repeat(128), "").is_err());
    let changed = file(first_image());
    let mut update = changed.open().unwrap().update().unwrap();
    for path in ["", "/", "one.txt/below", "names", "names/a/b"] {
        assert!(update.put(1, path, Zeroizing::new(vec![1])).is_err(), "{path}");
    }
    assert!(update.delete(1, "names").is_err());
}
