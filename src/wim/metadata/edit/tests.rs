//! The bytes of a new entry, and what stays when entries come and go.

use super::*;
use crate::wim::builder::{Builder, ImageBuilder, Properties};
use crate::wim::memory::MemoryFile;

fn tree() -> Metadata {
    let image = ImageBuilder::new("one")
        .file("b", b"1", Properties::default())
        .file("folder/d", b"2", Properties::default())
        .file("folder/f", b"3", Properties::default())
        .folder("empty", Properties::default())
        .file("z/last", b"4", Properties::default());
    let builder = Builder::new().image(image);
    let wim = MemoryFile::new(builder.to_bytes().unwrap()).open().unwrap();
    Metadata::clone(&wim.metadata(1).unwrap())
}

fn new_file(name: &str) -> NewEntry<'_> {
    NewEntry {
        name,
        attributes: attribute::ARCHIVE,
        security: -1,
        time: 5,
        hash: [9; 20],
    }
}

/// Every path, folder by folder, in the order of the lists.
fn paths(metadata: &Metadata) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![(String::new(), metadata.root().unwrap().unwrap())];
    while let Some((above, folder)) = folders.pop() {
        for entry in metadata.list(&folder).unwrap() {
            let path = format!("{above}/{}", metadata.name(&entry.name));
            if entry.is_directory() {
                folders.push((path.clone(), entry));
            }
            paths.push(path);
        }
    }
    paths
}

#[test]
fn a_new_entry_ends_its_name_with_two_zero_bytes_and_is_no_longer_than_it_must_be() {
    for units in 1..=20 {
        let name = "n".repeat(units);
        let encoded = new_file(&name).encode().unwrap();
        let end = ENTRY_LENGTH + 2 * units;
        assert_eq!(encoded.len(), (end + 2).next_multiple_of(8), "{units}");
        assert_eq!(encoded[..8], (encoded.len() as u64).to_le_bytes());
        assert!(encoded[end..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn new_entries_come_where_a_sorted_list_has_them_and_all_others_stay() {
    let before = paths(&tree());
    for (folder, name) in [
        ("", "a"),
        ("", "C"),
        ("", "zz"),
        ("folder", "a"),
        ("folder", "E"),
        ("folder", "x"),
        ("empty", "only"),
        ("z", "first"),
    ] {
        let mut metadata = tree();
        let entry = metadata.find(folder).unwrap().unwrap();
        metadata.add(&entry, &new_file(name)).unwrap();
        let path = if folder.is_empty() {
            format!("/{name}")
        } else {
            format!("/{folder}/{name}")
        };
        let after = paths(&metadata);
        let siblings: Vec<_> = metadata
            .list(&metadata.find(folder).unwrap().unwrap())
            .unwrap()
            .iter()
            .map(|entry| metadata.name(&entry.name).to_lowercase())
            .collect();
        assert!(siblings.is_sorted(), "{siblings:?}");
        let others: Vec<_> = after.iter().filter(|other| **other != path).collect();
        assert!(others.into_iter().eq(&before), "{path}: {after:?}");
        // And it goes again without a trace, unless its folder got a list of its own.
        let entry = metadata.find(&path).unwrap().unwrap();
        metadata.remove(&entry).unwrap();
        assert_eq!(paths(&metadata), before);
        assert_eq!(metadata.bytes() == tree().bytes(), folder != "empty", "{path}");
    }
}

#[test]
fn what_a_file_says_where_folders_have_their_list_stays() {
    let mut metadata = tree();
    let place = |metadata: &Metadata| metadata.find("z/last").unwrap().unwrap().offset + field::CHILDREN;
    let at = place(&metadata);
    let nonsense = (metadata.bytes().len() as u64 - 8).to_le_bytes();
    bytes::put(&mut metadata.bytes, at, &nonsense).unwrap();
    let folder = metadata.find("folder").unwrap().unwrap();
    metadata.add(&folder, &new_file("a")).unwrap();
    let at = place(&metadata);
    assert_eq!(metadata.bytes()[at..at + 8], nonsense);
}

#[test]
fn two_folders_that_share_an_entry_are_refused() {
    let metadata = tree();
    let folder = metadata.find("folder").unwrap().unwrap();
    let second = metadata.list(&folder).unwrap().pop().unwrap();
    let empty = metadata.find("empty").unwrap().unwrap();
    for place in [second.offset, metadata.root] {
        let mut bytes = metadata.bytes().to_vec();
        bytes::put(
            &mut bytes,
            empty.offset + field::CHILDREN,
            &(place as u64).to_le_bytes(),
        )
        .unwrap();
        let error = Metadata::parse(bytes).unwrap_err().to_string();
        assert!(error.contains("overlap"), "{place:#x}: {error}");
    }
}
