//! tree - the metadata of a new image: its security descriptors and its directory tree.

use super::NewImage;
use crate::bytes;
use crate::wim::error::Error;
use crate::wim::metadata::{CHILDREN_FIELD, NewEntry, attribute};
use crate::wim::resource::{NO_HASH, sha1};
use std::collections::{BTreeMap, VecDeque};

/// The end of a list of entries.
const END: [u8; 8] = [0; 8];

/// A folder of the tree: folders by name, then files by their place in the image.
#[derive(Default)]
struct Folder<'i> {
    folders: BTreeMap<&'i str, Folder<'i>>,
    files: BTreeMap<&'i str, usize>,
}

/// An encoded tree.
pub(super) struct Tree {
    pub(super) bytes: Vec<u8>,
    /// How many folders there are, the root not counted.
    pub(super) folders: usize,
}

/// The metadata resource of an image, not compressed.
pub(super) fn encode(image: &NewImage) -> Result<Tree, Error> {
    let overflow = || Error::Overflow {
        what: "the directory tree",
    };
    let (mut bytes, security) = descriptors(image).ok_or_else(overflow)?;
    let mut root = Folder::default();
    for (index, (path, _)) in image.files.iter().enumerate() {
        let mut folder = &mut root;
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            folder = folder.folders.entry(part).or_default();
        }
        folder.files.insert(name, index);
    }

    let folder_entry = |name| NewEntry {
        name,
        attributes: attribute::DIRECTORY,
        security: -1,
        ..NewEntry::default()
    };
    let root_at = bytes.len();
    bytes.extend_from_slice(&folder_entry("").encode().ok_or_else(overflow)?);
    bytes.extend_from_slice(&END);
    let mut folders = 0;
    let mut pending = VecDeque::from([(root_at, &root)]);
    while let Some((entry_at, folder)) = pending.pop_front() {
        let list = bytes.len() as u64;
        bytes::put(&mut bytes, entry_at + CHILDREN_FIELD, &list.to_le_bytes()).ok_or_else(overflow)?;
        for (name, child) in &folder.folders {
            folders += 1;
            pending.push_back((bytes.len(), child));
            bytes.extend_from_slice(&folder_entry(name).encode().ok_or_else(overflow)?);
        }
        for (name, index) in &folder.files {
            let Some((_, file)) = image.files.get(*index) else {
                continue;
            };
            let entry = NewEntry {
                name,
                short_name: &file.short_name,
                attributes: file.attributes,
                security: security.get(*index).copied().unwrap_or(-1),
                times: file.times,
                hash: if file.content.is_empty() {
                    NO_HASH
                } else {
                    sha1(&file.content)
                },
                link: file.link,
            };
            bytes.extend_from_slice(&entry.encode().ok_or_else(overflow)?);
        }
        bytes.extend_from_slice(&END);
    }
    Ok(Tree { bytes, folders })
}

/// The security data, padded, and the number of each file's descriptor in it.
fn descriptors(image: &NewImage) -> Option<(Vec<u8>, Vec<i32>)> {
    let mut distinct: Vec<&[u8]> = Vec::new();
    let mut numbers = Vec::new();
    for (_, file) in &image.files {
        let number = match file.security.as_deref() {
            None => -1,
            Some(descriptor) => {
                let known = distinct.iter().position(|own| *own == descriptor);
                let index = known.unwrap_or_else(|| {
                    distinct.push(descriptor);
                    distinct.len() - 1
                });
                i32::try_from(index).ok()?
            }
        };
        numbers.push(number);
    }
    let total = 8 + distinct
        .iter()
        .map(|descriptor| 8 + descriptor.len())
        .sum::<usize>();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&u32::try_from(total).ok()?.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(distinct.len()).ok()?.to_le_bytes());
    for descriptor in &distinct {
        bytes.extend_from_slice(&(descriptor.len() as u64).to_le_bytes());
    }
    for descriptor in distinct {
        bytes.extend_from_slice(descriptor);
    }
    bytes.resize(bytes::align_up(bytes.len(), 8)?, 0);
    Some((bytes, numbers))
}
