//! contents - everything that a WIM holds, whoever refers to it: contents of files, metadata, orphans, and bytes of nothing.
//!
//! Promise: each byte of each stored content is handed out once, decompressed, in order; a solid resource is decompressed once, not
//! once for each content in it. Memory for one chunk is taken, not for the whole. Hashes are not checked here.

use super::blob_table::{Kind, Row};
use super::error::Error;
use super::reader::Wim;
use super::resource::{Hash, NO_HASH, Resource, read_exact};
use super::space::Ranges;
use std::collections::HashSet;
use std::iter::once;
use std::ops::Range;
use zeroize::Zeroizing;

/// How many bytes outside of resources are read at a time.
const STEP: usize = 1 << 20;

/// What a stored content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The content of files of the images.
    Files,
    /// The directory tree of this image, counted from 1.
    Metadata(u32),
    /// Nothing refers to it any more.
    Nobody,
    /// Bytes of a solid resource that belong to no content.
    Gap,
}

/// A stored content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Its SHA-1 as the WIM states it; zero for a gap.
    pub hash: Hash,
    /// Length in bytes.
    pub size: u64,
    /// What it is.
    pub owner: Owner,
    /// Whether it lies in a solid resource, which cannot be changed in place.
    pub solid: bool,
}

/// Contents that are read together: one alone, or all of a solid resource, by their offset in it.
#[derive(Debug, Clone)]
pub struct Group {
    resource: Resource,
    contents: Vec<(u64, Content)>,
}

impl Group {
    /// Where it stands in the file.
    pub fn offset(&self) -> u64 {
        self.resource.offset
    }

    /// How many bytes it is, decompressed.
    pub fn plain_size(&self) -> u64 {
        self.resource.plain
    }

    /// What lies in it.
    pub fn contents(&self) -> impl Iterator<Item = &Content> {
        self.contents.iter().map(|(_, content)| content)
    }
}

impl Wim {
    /// All stored contents, in the order in which they lie in the file. Reads the metadata of all images.
    ///
    /// # Errors
    /// What is wrong with the metadata.
    pub fn groups(&self) -> Result<Vec<Group>, Error> {
        let used = self.add_up(
            |image, counts| self.peek_metadata(image)?.count_references(counts),
            |_| true,
        )?;
        let mut groups = Vec::new();
        let mut solids: Vec<Group> = self.blobs.solids.iter().copied().map(Group::of).collect();
        let mut seen = HashSet::new();
        for row in &self.blobs.rows {
            let content = |owner, solid| Content {
                hash: row.hash,
                size: row.plain(),
                owner,
                solid,
            };
            let owner = if used.contains_key(&row.hash) {
                Owner::Files
            } else {
                Owner::Nobody
            };
            match row.kind {
                Kind::InSolid(index, offset) => {
                    if let Some(solid) = solids.get_mut(index) {
                        solid.contents.push((offset, content(owner, true)));
                    }
                }
                Kind::Solid => {}
                Kind::Own | Kind::Metadata(_) | Kind::Ignored => {
                    let owner = match row.kind {
                        Kind::Metadata(index) => Owner::Metadata(index + 1),
                        Kind::Own => owner,
                        _ if self.is_elsewhere(row) => continue,
                        _ => Owner::Nobody,
                    };
                    let resource = Resource::new(row.location, &self.header, self.file_length)?;
                    if seen.insert(resource.offset) {
                        groups.push(Group {
                            resource,
                            contents: vec![(0, content(owner, false))],
                        });
                    }
                }
            }
        }
        for solid in &mut solids {
            solid
                .contents
                .sort_by_key(|(offset, content)| (*offset, content.size));
        }
        groups.extend(solids);
        groups.sort_by_key(Group::offset);
        Ok(groups)
    }

    /// Whether a row that is never looked up stands for nothing in this file.
    fn is_elsewhere(&self, row: &Row) -> bool {
        row.hash == NO_HASH || row.location.plain == 0 || row.part != self.header.part
    }

    /// Hands out all bytes of a group: which content they are of, and the next bytes of it.
    ///
    /// # Errors
    /// What is wrong with the resource; what was handed out before is right.
    pub fn stream(&self, group: &Group, visit: &mut dyn FnMut(&Content, &[u8])) -> Result<(), Error> {
        let mut position = 0u64;
        let mut waiting = group.contents.iter().peekable();
        group.resource.for_each_part(&*self.storage, &mut |mut part| {
            while !part.is_empty() {
                // A content that lies within the one before was handed out with it.
                while waiting
                    .next_if(|(offset, content)| offset.saturating_add(content.size) <= position)
                    .is_some()
                {}
                let (content, end) = match waiting.peek() {
                    Some((offset, content)) if *offset <= position => {
                        (*content, offset.saturating_add(content.size))
                    }
                    Some((offset, _)) => (GAP, *offset),
                    None => (GAP, u64::MAX),
                };
                let length = usize::try_from(end - position).unwrap_or(usize::MAX);
                let (now, later) = part.split_at(length.min(part.len()));
                visit(&content, now);
                position += now.len() as u64;
                part = later;
            }
        })
    }

    /// The path of every file, named streams included, and the SHA-1 of its content. Links have none of their own.
    ///
    /// # Errors
    /// What is wrong with the metadata.
    pub fn paths(&self, image: u32) -> Result<Vec<(String, Hash)>, Error> {
        let metadata = self.peek_metadata(image)?;
        let mut paths = Vec::new();
        let Some(root) = metadata.root()? else {
            return Ok(paths);
        };
        let mut folders = vec![(String::new(), root)];
        while let Some((above, folder)) = folders.pop() {
            for entry in metadata.list(&folder)? {
                let name = metadata.name(&entry.name);
                let path = if above.is_empty() {
                    name
                } else {
                    format!("{above}/{name}")
                };
                if let Some((_, hash)) = metadata.content(&entry).filter(|(_, hash)| *hash != NO_HASH) {
                    paths.push((path.clone(), hash));
                }
                for stream in metadata.streams(&entry) {
                    if !stream.name.is_empty() && stream.hash != NO_HASH {
                        paths.push((format!("{path}:{}", metadata.name(&stream.name)), stream.hash));
                    }
                }
                if entry.is_directory() {
                    folders.push((path, entry));
                }
            }
        }
        Ok(paths)
    }

    /// The ranges of the file that belong to nothing.
    pub fn dead_ranges(&self) -> Vec<Range<u64>> {
        let all: Ranges = once(0..self.file_length).collect();
        all.without(&self.live()).iter().collect()
    }

    /// The ranges of the file with its header and its tables: what describes the contents and is not one.
    pub fn table_ranges(&self) -> Vec<Range<u64>> {
        let contents: Ranges = self.blobs.rows.iter().filter_map(Row::range).collect();
        self.live().without(&contents).iter().collect()
    }

    /// Hands out the bytes of a range of the file as they are.
    ///
    /// # Errors
    /// What the system reports.
    pub fn raw(&self, range: Range<u64>, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(STEP);
        let mut buffer = Zeroizing::new(vec![0; length.min(STEP)]);
        let mut offset = range.start;
        while offset < range.end {
            let length = usize::try_from(range.end - offset).unwrap_or(STEP).min(STEP);
            let part = buffer.get_mut(..length).unwrap_or_default();
            read_exact(&*self.storage, "part of the file", offset, part)?;
            visit(part);
            offset += length as u64;
        }
        Ok(())
    }
}

const GAP: Content = Content {
    hash: NO_HASH,
    size: 0,
    owner: Owner::Gap,
    solid: true,
};

impl Group {
    fn of(resource: Resource) -> Self {
        Self {
            resource,
            contents: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wim::{Builder, Codec, ImageBuilder, Properties};

    #[test]
    fn every_content_comes_once_and_whole() {
        let long: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        for codec in [Codec::Xpress, Codec::Lzx, Codec::Lzms] {
            let image = |name: &str| {
                ImageBuilder::new(name)
                    .file("Windows/long", &long, Properties::default())
                    .file("Windows/a/short", b"short", Properties::default())
                    .file("Windows/empty", b"", Properties::default())
            };
            let builder = Builder::new().compress(codec, None).unwrap();
            let bytes = builder
                .image(image("one"))
                .image(image("two"))
                .to_bytes()
                .unwrap();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let wim = Wim::open(file.path()).unwrap();
            let groups = wim.groups().unwrap();
            let mut files = Vec::new();
            for group in &groups {
                let mut whole = Vec::new();
                let mut owner = None;
                wim.stream(group, &mut |content, part| {
                    owner = Some(content.owner);
                    whole.extend_from_slice(part);
                })
                .unwrap();
                if owner == Some(Owner::Files) {
                    files.push(whole);
                } else {
                    assert!(matches!(owner, Some(Owner::Metadata(1 | 2))));
                }
            }
            files.sort_by_key(Vec::len);
            assert!(files == [b"short".to_vec(), long.clone()], "{codec:?}");
            let mut paths = wim.paths(2).unwrap();
            paths.sort();
            let names: Vec<&str> = paths.iter().map(|(path, _)| path.as_str()).collect();
            assert_eq!(names, ["Windows/a/short", "Windows/long"]);
            let dead: u64 = wim
                .dead_ranges()
                .iter()
                .map(|range| range.end - range.start)
                .sum();
            let tables: u64 = wim
                .table_ranges()
                .iter()
                .map(|range| range.end - range.start)
                .sum();
            assert!(dead + tables < bytes.len() as u64);
        }
    }
}
