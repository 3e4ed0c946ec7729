//! Damaged WIMs: whatever the bytes are, opening, reading and updating end with a result, never with a panic, and what an update
//! says it has written can be read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use proptest::prelude::*;
use wimkey::secret::Wiped;
use wimkey::wim::{Builder, Codec, Error, ImageBuilder, MemoryFile, Properties};

const PATH: &str = "Windows/System32/config/SOFTWARE";
/// The length of a WIM's header, in bytes.
const HEADER: usize = 208;
/// The tables of the WIM below are in so many bytes at its end.
const TABLES: usize = 1500;

fn wim(codec: Option<Codec>) -> Vec<u8> {
    let properties = Properties {
        short_name: Some("SHORT~1".to_owned()),
        security: Some(vec![1; 20]),
        ..Properties::default()
    };
    let first = ImageBuilder::new("one")
        .file(PATH, &b"some text ".repeat(7000), properties.clone())
        .file("Windows/other", b"other", properties.clone());
    let second = ImageBuilder::new("two").file(PATH, b"short", properties);
    let builder = Builder::new().image(first).image(second).integrity();
    let builder = match codec {
        Some(codec) => builder.compress(codec, None).unwrap(),
        None => builder,
    };
    builder.to_bytes().unwrap()
}

/// Does all that can be done with a WIM.
fn use_all(bytes: Vec<u8>) -> Result<(), Error> {
    let file = MemoryFile::new(bytes);
    let wim = file.open()?;
    for image in 1..=wim.image_count().min(3) {
        let _: Result<_, Error> = wim.children(image, "Windows");
        let _: Result<_, Error> = wim.read(image, PATH, 1 << 20);
    }
    let content = Wiped::new(b"new".repeat(3000));
    let mut update = wim.update()?;
    update.put(1, PATH, content.clone())?;
    update.put(1, "Windows/Panther/unattend.xml", Wiped::new(b"new".to_vec()))?;
    let _: Result<bool, Error> = update.delete(1, "Windows/other");
    update.commit(&mut |_, _| {})?;
    assert_eq!(file.open()?.read(1, PATH, 1 << 20)?, content);
    let mut update = file.open()?.update()?;
    update.wipe_unused();
    update.commit(&mut |_, _| {})?;
    assert_eq!(file.open()?.read(1, PATH, 1 << 20)?, content);
    Ok(())
}

#[test]
fn an_undamaged_one_can_be_used_in_full() {
    for codec in [None, Some(Codec::Xpress), Some(Codec::Lzx), Some(Codec::Lzms)] {
        use_all(wim(codec)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_never_cause_a_panic(
        codec in prop::sample::select(vec![None, Some(Codec::Xpress), Some(Codec::Lzx), Some(Codec::Lzms)]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_header in any::<bool>(),
    ) {
        let mut bytes = wim(codec);
        // Half of the time where it hurts most: in the header, or in the tables at the end.
        let tables = bytes.len() - TABLES;
        for (index, value) in changes {
            let place = if in_header { index.index(HEADER) } else { tables + index.index(TABLES) };
            bytes[place] = value;
        }
        if let Err(error) = use_all(bytes) {
            prop_assert_eq!(error.to_string().lines().count(), 2, "{}", error);
        }
    }

    #[test]
    fn changed_metadata_and_contents_never_cause_a_panic(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(vec![0u8, 1, 8, 0x10, 0x7F, 0xFF])),
            1..4,
        ),
    ) {
        let mut bytes = wim(None);
        for (index, value) in changes {
            let place = index.index(bytes.len());
            bytes[place] = value;
        }
        let _: Result<(), Error> = use_all(bytes);
    }

    #[test]
    fn a_cut_off_wim_never_causes_a_panic(end in any::<prop::sample::Index>()) {
        let mut bytes = wim(Some(Codec::Lzx));
        bytes.truncate(end.index(bytes.len()));
        // A cut through the integrity table at the very end costs no content: it may pass.
        let _: Result<(), Error> = use_all(bytes);
    }
}
