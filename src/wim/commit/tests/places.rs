//! Where a commit puts things, what it takes for free, and which rows of the blob table stay.

use super::*;
use crate::wim::header::HEADER_LENGTH;

/// An image with some files, not compressed: what is looked for stands in the file as it is.
fn builder() -> Builder {
    let image = ImageBuilder::new("one")
        .file("a", &[b'a'; 100], Properties::default())
        .file("b", &[b'b'; 100], Properties::default())
        .file("c", &[b'c'; 100], Properties::default())
        .file("d", &[b'd'; 100], Properties::default());
    Builder::new().image(image)
}

/// The WIM with `gap` behind its contents, and the tables behind that. `edit` changes the rows, which hears where the gap begins.
/// With `sums`, an integrity table is there that is none.
fn with_gap(builder: &Builder, gap: &[u8], sums: bool, edit: impl FnOnce(u64, &mut Vec<Row>)) -> Vec<u8> {
    let mut bytes = builder.to_bytes().unwrap();
    let wim = MemoryFile::new(bytes.clone()).open().unwrap();
    let at = |place: u64| usize::try_from(place).unwrap();
    let xml = wim.header.xml.range().unwrap();
    let xml = bytes[at(xml.start)..at(xml.end)].to_vec();
    bytes.truncate(at(wim.header.blob_table.offset));
    let mut rows = wim.blobs.rows.clone();
    edit(bytes.len() as u64, &mut rows);
    bytes.extend(gap);
    let mut add = |table: &[u8]| {
        let place = plain_resource(bytes.len() as u64, table.len() as u64);
        bytes.extend(table);
        place
    };
    let mut header = wim.header.clone();
    header.blob_table = add(&blob_table::encode(&rows));
    header.xml = add(&xml);
    header.integrity = ResourceHeader::default();
    if sums {
        header.integrity = add(&[0; 32]);
    }
    bytes[..HEADER_LENGTH].copy_from_slice(&header.encode());
    bytes
}

fn unchanged(_: u64, _: &mut Vec<Row>) {}

/// A row of a resource that is stored as it is.
fn row(offset: u64, size: u64, flags: u8, tag: u8) -> Row {
    let location = ResourceHeader {
        flags,
        ..plain_resource(offset, size)
    };
    new_row(location, 1, 0, [tag; 20])
}

fn put_all(file: &MemoryFile, contents: &[(&str, &[u8])]) -> Report {
    let mut update = file.open().unwrap().update().unwrap();
    for (path, content) in contents {
        update.put(1, path, Wiped::new(content.to_vec())).unwrap();
    }
    update.commit(&mut |_, _| {}).unwrap()
}

/// Where the content of a file begins.
fn place_of(wim: &Wim, path: &str) -> u64 {
    let hash = wim.find(1, path).unwrap().unwrap().hash;
    wim.blobs.find(&hash).unwrap().location.offset
}

#[test]
fn tables_go_into_the_gap_behind_all_contents_if_they_fit_with_the_longest_xml_data() {
    for sums in [false, true] {
        let wim = MemoryFile::new(with_gap(&builder(), &[], sums, unchanged))
            .open()
            .unwrap();
        let longest = wim.xml.with_totals(&[], u64::MAX).len();
        let need = wim.blobs.rows.len() * 50 + longest + if sums { 32 } else { 0 };
        for (gap, fits) in [(need - 1, false), (need, true), (need + 1, true)] {
            let file = MemoryFile::new(with_gap(&builder(), &vec![0; gap], sums, unchanged));
            let before = file.open().unwrap().header.blob_table.offset;
            let mut update = file.open().unwrap().update().unwrap();
            update.wipe_unused();
            update.commit(&mut |_, _| {}).unwrap();
            let now = file.open().unwrap().header.blob_table.offset;
            assert_eq!(now == before - gap as u64, fits, "{gap} of {need} bytes");
            assert_eq!(now > before, !fits);
            assert_eq!(file.open().unwrap().read(1, "a", 1000).unwrap()[..], [b'a'; 100]);
        }
    }
}

#[test]
fn what_somebody_left_in_a_gap_is_not_overwritten_and_the_zeros_beside_it_are_used() {
    const LATER: usize = write::STEP + 10;
    let mut gap = vec![0; write::STEP + 4000];
    gap[100..103].copy_from_slice(&[1, 2, 3]);
    gap[2000] = 4;
    gap[LATER] = 5;
    let bytes = with_gap(&builder(), &gap, false, unchanged);
    let start = MemoryFile::new(bytes.clone())
        .open()
        .unwrap()
        .header
        .blob_table
        .offset
        - gap.len() as u64;
    let file = MemoryFile::new(bytes);
    put_all(
        &file,
        &[
            ("a", &[7; 60]),
            ("b", &[8; 500]),
            // Fits only where somebody's byte is.
            ("c", &vec![9; write::STEP]),
        ],
    );
    let wim = file.open().unwrap();
    assert_eq!(place_of(&wim, "a"), start);
    assert_eq!(place_of(&wim, "b"), start + 2001);
    assert!(place_of(&wim, "c") > start + gap.len() as u64);
    let now = file.bytes();
    for place in [100, 101, 102, 2000, LATER] {
        assert_eq!(
            now[usize::try_from(start).unwrap() + place],
            gap[place],
            "{place}"
        );
    }
}

#[test]
fn an_image_that_boots_takes_its_place_in_the_header_along_and_no_other_does() {
    let two = || builder().image(ImageBuilder::new("two").file("a", b"second", Properties::default()));
    for boot in [None, Some(1), Some(2)] {
        let builder = boot.map_or_else(two, |image| two().boot(image));
        let file = MemoryFile::new(builder.to_bytes().unwrap());
        for image in [1, 2] {
            let mut update = file.open().unwrap().update().unwrap();
            update.put(image, "new", Wiped::new(vec![1; 1000])).unwrap();
            update.commit(&mut |_, _| {}).unwrap();
            let wim = file.open().unwrap();
            let expected = boot.map(|image| wim.blobs.metadata(image).unwrap().location);
            assert_eq!(wim.header.boot_metadata, expected.unwrap_or_default());
        }
    }
}

#[test]
fn rows_of_a_deleted_image_go_and_other_rows_that_nobody_knows_stay() {
    let gap = [[1; 50], [2; 50], [3; 50]].concat();
    let bytes = with_gap(&builder(), &gap, false, |start, rows| {
        let deleted = row(start, 50, resource_flag::METADATA, 1);
        let elsewhere = Row {
            part: 2,
            ..row(start + 50, 50, 0, 2)
        };
        // More metadata than the header has images.
        let beyond = Row {
            references: 1,
            ..row(start + 100, 50, resource_flag::METADATA, 3)
        };
        rows.extend([deleted, elsewhere, beyond]);
    });
    let file = MemoryFile::new(bytes);
    put_all(&file, &[("a", &[7; 60])]);
    let wim = file.open().unwrap();
    let kept: Vec<_> = wim
        .blobs
        .rows
        .iter()
        .filter(|row| row.kind == Kind::Ignored)
        .map(|row| row.hash[0])
        .collect();
    assert_eq!(kept, [2, 3]);
    let bytes = file.bytes();
    assert!(!contains(&bytes, &[1; 50]));
    assert!(contains(&bytes, &[2; 50]) && contains(&bytes, &[3; 50]));
}

#[test]
fn the_length_of_a_plain_table_counts_whatever_its_length_in_the_file_is_said_to_be() {
    let bytes = builder().integrity().to_bytes().unwrap();
    let live = |bytes: Vec<u8>| MemoryFile::new(bytes).open().unwrap().live();
    for field in [72, 124] {
        // Of the XML data and of the integrity table.
        let mut nonsense = bytes.clone();
        nonsense[field..field + 2].fill(1);
        assert_eq!(live(nonsense), live(bytes.clone()));
    }
}

#[test]
fn references_are_counted_afresh() {
    let twice = builder().image(ImageBuilder::new("two").file("x", &[b'b'; 100], Properties::default()));
    let bytes = with_gap(&twice, &[], false, |_, rows| {
        for row in rows.iter_mut().filter(|row| row.kind == Kind::Own) {
            row.references = 77;
        }
    });
    let file = MemoryFile::new(bytes);
    put_all(&file, &[("a", &[7; 60])]);
    let wim = file.open().unwrap();
    let references = |path| {
        let hash = wim.find(1, path).unwrap().unwrap().hash;
        wim.blobs.find(&hash).unwrap().references
    };
    assert_eq!(["a", "b", "c"].map(references), [1, 2, 1]);
}

#[test]
fn contents_that_nobody_refers_to_are_counted_and_gone() {
    let gap = [[1; 50], [2; 50]].concat();
    let bytes = with_gap(&builder(), &gap, false, |start, rows| {
        rows.extend([row(start, 50, 0, 1), row(start + 50, 50, 0, 2)]);
    });
    let file = MemoryFile::new(bytes);
    let report = put_all(&file, &[("a", &[7; 60])]);
    // The old content of the file is none of them.
    assert_eq!(report.orphans_dropped, 2);
    let bytes = file.bytes();
    assert!(!contains(&bytes, &[1; 50]) && !contains(&bytes, &[2; 50]));
    assert_eq!(put_all(&file, &[("a", &[8; 60])]).orphans_dropped, 0);
}

#[test]
fn an_old_content_in_a_solid_resource_stays_and_is_told() {
    const CONTENT: [u8; 100] = [b'a'; 100];
    const LZMS: u32 = 3;
    // Plain length, chunk size, codec, length of the only chunk, which is stored as it is.
    let mut solid = 100u64.to_le_bytes().to_vec();
    for number in [1 << 15, LZMS, 100] {
        solid.extend(u32::to_le_bytes(number));
    }
    solid.extend(CONTENT);
    let builder = builder().compress(Codec::Lzms, None).unwrap();
    let bytes = with_gap(&builder, &solid, false, |start, rows| {
        let at = rows.iter().position(|row| row.hash == sha1(&CONTENT)).unwrap();
        let inside = ResourceHeader {
            size: 100,
            flags: resource_flag::SOLID,
            ..ResourceHeader::default()
        };
        rows[at].location = inside;
        let around = row(start, solid.len() as u64, resource_flag::SOLID, 0);
        rows.insert(at, around);
        rows[at].location.plain = 1 << 32;
    });
    let file = MemoryFile::new(bytes);
    assert_eq!(file.open().unwrap().read(1, "a", 100).unwrap()[..], CONTENT);
    let report = put_all(&file, &[("a", b"new"), ("b", b"new too")]);
    let left = Left {
        image: 1,
        path: "a".to_owned(),
        hash: sha1(&CONTENT),
        reason: LeftReason::Solid,
    };
    assert_eq!(report.left, [left]);
    let wim = file.open().unwrap();
    assert!(wim.is_solid() && contains(&file.bytes(), &CONTENT));
    assert_eq!(wim.read(1, "a", 100).unwrap()[..], *b"new");
}

#[test]
fn wiping_after_a_killed_update_wipes_what_somebody_left_too() {
    let left = [5; 50];
    let bytes = with_gap(&builder(), &[[0; 50], left, [0; 50]].concat(), false, unchanged);
    for at in [1, 8] {
        let killed = Faulty::new(bytes.clone(), Some((at, Fault::Kill)));
        assert!(put(&killed, NEW).is_err());
        let after = Faulty::new(killed.contents(), None);
        let wim = open(&after).unwrap();
        assert!(wim.was_interrupted());
        let mut update = wim.update().unwrap();
        update.wipe_unused();
        update.commit(&mut |_, _| {}).unwrap();
        assert!(!contains(&after.contents(), &left), "killed at {at}");
    }
}

#[test]
fn the_mark_of_another_program_goes_even_where_an_update_of_ours_was_killed() {
    let mut bytes = builder().to_bytes().unwrap();
    bytes[16] |= 0x40; // being written
    let killed = Faulty::new(bytes, Some((1, Fault::Kill)));
    assert!(put(&killed, NEW).is_err());
    let after = Faulty::new(killed.contents(), None);
    assert!(open(&after).unwrap().interrupted.is_some());
    let update = open(&after).unwrap().update().unwrap();
    update.commit(&mut |_, _| {}).unwrap();
    assert!(!open(&after).unwrap().was_interrupted());
}
