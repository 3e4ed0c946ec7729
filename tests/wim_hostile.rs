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
use std::ops::Range;
use wimkey::image::{Error as ImageError, Images, Stream, Target, Watch};
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

/// Takes every stream, and keeps how many of them could not be read.
#[derive(Default)]
struct Unread(usize);

impl Watch for Unread {
    fn begin(&mut self, _: &Stream) {}
    fn feed(&mut self, _: &[u8]) {}
    fn end(&mut self, _: &Stream, outcome: Result<(), ImageError>) {
        self.0 += usize::from(outcome.is_err());
    }
}

/// Two contents and three directory trees, all of them compressed; and the ranges of the rows of the contents that have files of the
/// first image, and of the trees of the others.
fn with_rows() -> (Vec<u8>, [Vec<Range<usize>>; 2]) {
    /// In the header: size and flags, then the place of the table of contents.
    const TABLE: usize = 48;
    const ROW: usize = 50;
    const METADATA: u8 = 2;
    let names = ["one", "two", "three"];
    let images = names.map(|name| {
        ImageBuilder::new(name)
            .file(PATH, &b"some text ".repeat(7000), Properties::default())
            .file(
                "Windows/other",
                &b"another text ".repeat(7000),
                Properties::default(),
            )
    });
    let builder = images.into_iter().fold(Builder::new(), Builder::image);
    let builder = builder.compress(Codec::Lzx, None).unwrap();
    let bytes = builder.to_bytes().unwrap();
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let size = usize::try_from(number(TABLE) & (u64::MAX >> 8)).unwrap();
    let start = usize::try_from(number(TABLE + 8)).unwrap();
    let rows = (start..start + size).step_by(ROW).map(|row| row..row + ROW);
    let (trees, contents): (Vec<_>, Vec<_>) = rows.partition(|row| bytes[row.clone()][7] & METADATA != 0);
    assert_eq!((contents.len(), trees.len()), (2, 3));
    (bytes, [contents, trees[1..].to_vec()])
}

#[test]
fn sizes_that_add_up_to_more_than_there_is_are_refused() {
    let (bytes, groups) = with_rows();
    let [contents, _] = &groups;
    for (rows, plain) in groups
        .iter()
        .flat_map(|rows| [1 << 62, 1 << 63, u64::MAX].map(|plain| (rows, plain)))
    {
        let mut bytes = bytes.clone();
        for row in rows {
            bytes[row.clone()][16..24].copy_from_slice(&u64::to_le_bytes(plain));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claims.wim");
        std::fs::write(&path, &bytes).unwrap();
        let file = MemoryFile::new(bytes);
        let added = file.open().and_then(|wim| {
            let mut update = wim.update()?;
            update.put(1, "Windows/new", Wiped::new(b"new".to_vec()))?;
            update.commit(&mut |_, _| {})
        });
        let surveyed = Images::open(&Target::new(path.to_str().unwrap()))
            .and_then(|images| images.survey(Unread::default, &|_, _, _| {}))
            .map(|watchers| watchers.iter().map(|watcher| watcher.0).sum::<usize>());
        if rows == contents {
            added.unwrap(); // it has nothing to do with them
            assert_eq!(surveyed.unwrap(), rows.len());
        } else {
            assert!(matches!(added, Err(Error::TooLarge { .. })), "{added:?}");
            let error = surveyed.unwrap_err();
            assert!(
                matches!(
                    error,
                    ImageError::Wim {
                        cause: Error::TooLarge { .. },
                        ..
                    }
                ),
                "{error}"
            );
        }
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
