//! What each row of a table stands for, in WIMs with solid resources and without.

use super::*;
use crate::wim::codec::Codec;
use crate::wim::header::VERSION_SOLID;
use crate::wim::memory::Memory;

const METADATA: u8 = resource_flag::METADATA;
const SOLID: u8 = resource_flag::SOLID;
/// Where solid resources with these plain lengths begin.
const PLACES: [(u64, u64); 3] = [(208, 1000), (224, 500), (240, 300)];
/// Where the table begins.
const TABLE: usize = 1000;

/// A row of the content `tag`; its hash is zeros if that is 0.
fn row(flags: u8, offset: u64, size: u64, plain: u64, tag: u8) -> Row {
    Row {
        location: ResourceHeader {
            size,
            flags,
            offset,
            plain,
        },
        part: 1,
        references: 1,
        hash: [tag; 20],
        kind: Kind::Ignored,
    }
}

/// A content that is stored as it is.
fn own(tag: u8) -> Row {
    row(0, 300, 10, 10, tag)
}

fn header(version: u32) -> Header {
    Header {
        version,
        images: 1,
        ..Header::new(Some((Codec::Lzms, 1 << 17)), [0; 16])
    }
}

fn read_with(header: &Header, rows: &[Row]) -> Result<BlobTable, Error> {
    let mut bytes = vec![0; TABLE];
    for (place, plain) in PLACES {
        let place = usize::try_from(place).unwrap();
        bytes[place..place + 8].copy_from_slice(&plain.to_le_bytes());
        bytes[place + 8..place + 12].copy_from_slice(&(1u32 << 15).to_le_bytes());
        bytes[place + 12..place + 16].copy_from_slice(&Codec::Lzms.number().to_le_bytes());
    }
    bytes.extend(encode(rows));
    let size = (rows.len() * ROW_LENGTH) as u64;
    let blob_table = ResourceHeader {
        size,
        flags: 0,
        offset: TABLE as u64,
        plain: size,
    };
    let header = Header {
        blob_table,
        ..header.clone()
    };
    let length = bytes.len() as u64;
    BlobTable::read(&Memory::new(bytes), &header, length)
}

fn kinds(rows: &[Row]) -> Vec<Kind> {
    let table = read_with(&header(VERSION_SOLID), rows).unwrap();
    table.rows.iter().map(|row| row.kind).collect()
}

fn solid(index: usize) -> Row {
    row(SOLID, PLACES[index].0, 16, SOLID_MARK, 0)
}

#[test]
fn contents_of_a_run_lie_in_its_solid_resources_one_behind_the_other() {
    let rows = [
        own(9),
        solid(0),
        solid(1),
        row(SOLID, 0, 400, 0, 1),
        row(SOLID, 600, 400, 0, 2),
        row(SOLID, 1000, 500, 0, 3),
        row(SOLID, 0, 400, 0, 0), // no content has this hash
        row(SOLID, 0, 0, 0, 4),
        own(5),
        // A second run begins afresh.
        solid(2),
        row(SOLID, 0, 300, 0, 6),
    ];
    let expected = [
        Kind::Own,
        Kind::Solid,
        Kind::Solid,
        Kind::InSolid(0, 0),
        Kind::InSolid(0, 600),
        Kind::InSolid(1, 0),
        Kind::Ignored,
        Kind::Ignored,
        Kind::Own,
        Kind::Solid,
        Kind::InSolid(2, 0),
    ];
    assert_eq!(kinds(&rows), expected);
    let table = read_with(&header(VERSION_SOLID), &rows).unwrap();
    let content = table.find(&[2; 20]).unwrap();
    assert_eq!((content.plain(), content.range()), (400, None));
    let content = table.find(&[5; 20]).unwrap();
    assert_eq!((content.plain(), content.range()), (10, Some(300..310)));
    assert_eq!(table.rows[1].range(), Some(208..224));
    assert!(table.find(&[4; 20]).is_none() && table.find(&[0; 20]).is_none());
}

#[test]
fn a_content_that_lies_in_none_of_the_solid_resources_of_its_run_is_refused() {
    for (offset, size) in [(1000, 501), (0, 1001), (1500, 1), (u64::MAX, 1)] {
        let rows = [solid(0), solid(1), row(SOLID, offset, size, 0, 1)];
        let error = read_with(&header(VERSION_SOLID), &rows).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{offset} {size}: {error}");
    }
}

#[test]
fn the_flag_of_solid_resources_means_nothing_in_a_wim_without_them() {
    let rows = [row(SOLID, 300, 10, 10, 1)];
    let table = read_with(&header(VERSION_PLAIN), &rows).unwrap();
    assert_eq!(table.rows[0].kind, Kind::Own);
    assert_eq!(table.rows[0].location.flags, 0);
    // Other flags stay.
    let table = read_with(&header(VERSION_PLAIN), &[row(METADATA, 300, 10, 10, 1)]).unwrap();
    assert_eq!(table.rows[0].kind, Kind::Metadata(0));
}

#[test]
fn rows_without_a_hash_without_length_or_of_another_part_are_ignored() {
    let elsewhere = Row { part: 2, ..own(1) };
    let rows = [own(0), row(0, 300, 0, 0, 1), elsewhere, own(1)];
    assert_eq!(
        kinds(&rows),
        [Kind::Ignored, Kind::Ignored, Kind::Ignored, Kind::Own]
    );
}

#[test]
fn both_lengths_of_what_is_not_compressed_are_the_same() {
    let compressed = row(resource_flag::COMPRESSED, 300, 10, 20, 1);
    assert_eq!(kinds(&[compressed]), [Kind::Own]);
    let rows = [own(1), own(2), row(0, 300, 10, 20, 3)];
    let error = read_with(&header(VERSION_SOLID), &rows).unwrap_err();
    // It is told where the row stands.
    assert!(matches!(
        error,
        Error::Damaged {
            offset: 1100,
            expected: 20,
            found: 10,
            ..
        }
    ));
}

#[test]
fn metadata_belongs_to_images_in_its_order_and_each_to_one() {
    let tree = |tag, references| Row {
        references,
        ..row(METADATA, 300, 10, 10, tag)
    };
    // That of a deleted image, that of the only one, and one that the header does not count.
    let rows = [tree(1, 0), tree(2, 1), tree(3, 1)];
    assert_eq!(kinds(&rows), [Kind::Ignored, Kind::Metadata(0), Kind::Ignored]);
    let table = read_with(&header(VERSION_SOLID), &rows).unwrap();
    assert_eq!(table.metadata_count(), 1);
    assert_eq!(table.metadata(1).unwrap().hash, [2; 20]);
    assert!(table.metadata(0).is_none() && table.metadata(2).is_none());
    let error = read_with(&header(VERSION_SOLID), &[tree(2, 2)]).unwrap_err();
    assert!(matches!(
        error,
        Error::Damaged {
            expected: 1,
            found: 2,
            ..
        }
    ));
    // Another part than the first has no images.
    let second = Header {
        part: 2,
        parts: 2,
        ..header(VERSION_SOLID)
    };
    let rows = [Row {
        part: 2,
        ..tree(2, 1)
    }];
    assert_eq!(read_with(&second, &rows).unwrap().metadata_count(), 0);
}

#[test]
fn a_table_takes_memory_for_every_row_and_the_way_to_it() {
    let rows: Vec<_> = (0..200).map(own).collect();
    let table = read_with(&header(VERSION_SOLID), &rows).unwrap();
    let least = 200 * (size_of::<Row>() + size_of::<Hash>());
    assert!((least..2 * least).contains(&table.memory()), "{}", table.memory());
    assert_eq!(BlobTable::default().memory(), 0);
}
