//! update - changes single files inside a WIM: the surgical update.
//!
//! Promise: until the new header is written, in one write, the file is what it was; after it, all of the update is there. A stop
//! at any moment leaves one of the two. What the old state owned and the new one does not is overwritten with zeros. Everything
//! that was not asked for stays byte for byte: unchanged chunks, other entries, times, descriptors, short names, XML.

mod layout;
mod write;

use super::encode::{Base, Encoded, encode};
use super::error::Error;
use super::metadata::{Metadata, NewEntry, RawEntry, attribute, parts};
use super::reader::{Wim, content_of, lock, not_found};
use super::resource::{Hash, NO_HASH, Resource};
use super::storage::Disk;
use super::xml::TotalsChange;
use crate::secret::Wiped;
use crate::text::printable;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Old contents up to this length, in bytes, are read to take over chunks from.
const BASE_LIMIT: u64 = 1 << 30;
/// No descriptor of its own: the file takes that of its folder when the image is applied.
const INHERITED: i32 = -1;

/// What a finished update did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Whether the file changed at all.
    pub changed: bool,
    /// Bytes written before the header was switched.
    pub written: u64,
    /// Chunks taken over compressed as they were.
    pub chunks_kept: usize,
    /// Chunks compressed anew.
    pub chunks_made: usize,
    /// Bytes of the old state that were overwritten with zeros.
    pub wiped: u64,
}

/// Changes to make to a WIM, all at once. Contents are compressed as they come in; the file is touched by a commit only.
pub struct Update {
    wim: Wim,
    /// Metadata of the images that change.
    changed: BTreeMap<u32, Metadata>,
    /// Contents that the WIM does not hold yet.
    fresh: HashMap<Hash, Encoded>,
    totals: BTreeMap<u32, TotalsChange>,
    /// Every path that was asked about.
    wanted: BTreeSet<(u32, String)>,
}

impl std::fmt::Debug for Update {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Update")
            .field("wim", &self.wim)
            .field("paths", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl Wim {
    /// Begins an update.
    ///
    /// # Errors
    /// As [`Wim::writable`].
    pub fn update(self) -> Result<Update, Error> {
        self.writable()?;
        Ok(Update {
            wim: self,
            changed: BTreeMap::new(),
            fresh: HashMap::new(),
            totals: BTreeMap::new(),
            wanted: BTreeSet::new(),
        })
    }
}

impl Update {
    /// Makes `content` the content of the file at `path`. A file that is not there is added, with the folders that lead to it; what is
    /// new has no security descriptor of its own, so that it takes its folder's, and has its folder's time.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for folders, links and encrypted files, [`Error::BadPath`] for names that Windows does not allow, and what
    /// is wrong with the WIM.
    pub fn put(&mut self, image: u32, path: &str, content: &Wiped) -> Result<(), Error> {
        let metadata = self.metadata(image)?;
        let found = metadata.find(path)?;
        let old = match &found {
            Some(raw) => content_of(&metadata, raw, image, path)?,
            None => NO_HASH,
        };
        let encoded = if content.is_empty() {
            None
        } else {
            Some(self.encoded(old, content)?)
        };
        let hash = encoded.as_ref().map_or(NO_HASH, |encoded| encoded.hash);
        self.wanted.insert((image, path.to_owned()));
        if found.is_some() && hash == old {
            return Ok(());
        }
        let old_length = self.length_of(&old);
        let (mut metadata, mut totals) = (metadata, self.totals.get(&image).copied().unwrap_or_default());
        let names = match &found {
            Some(raw) => metadata.replace_content(raw, hash)?,
            None => {
                add(&mut metadata, &mut totals, path, hash)?;
                1
            }
        };
        let (names, grown) = (names as i128, content.len() as i128 - i128::from(old_length));
        totals.bytes += grown * names;
        totals.hard_link_bytes += grown * (names - 1);
        self.changed.insert(image, metadata);
        self.totals.insert(image, totals);
        if let Some(encoded) = encoded.filter(|encoded| self.wim.blobs.find(&encoded.hash).is_none()) {
            self.fresh.insert(hash, encoded);
        }
        Ok(())
    }

    /// Removes the file at `path`; `false` if there is none. Other names of the same file stay.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for folders, links and encrypted files, and what is wrong with the WIM.
    pub fn delete(&mut self, image: u32, path: &str) -> Result<bool, Error> {
        let mut metadata = self.metadata(image)?;
        let Some(raw) = metadata.find(path)? else {
            return Ok(false);
        };
        let hash = content_of(&metadata, &raw, image, path)?;
        let links = metadata.links(&raw).len();
        let length = i128::from(self.length_of(&hash));
        metadata.remove(&raw)?;
        let totals = self.totals.entry(image).or_default();
        totals.files -= 1;
        totals.bytes -= length;
        totals.hard_link_bytes -= if links > 1 { length } else { 0 };
        self.changed.insert(image, metadata);
        self.wanted.insert((image, path.to_owned()));
        Ok(true)
    }

    /// Whether the update would change nothing.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// Carries the update out on the file itself. `progress` is told bytes written and bytes to write.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::ChangedMeanwhile`], and what the system reports. The WIM is then what it was, or complete.
    pub fn commit(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        if self.is_empty() {
            return Ok(Report::default());
        }
        self.begin_writing()?;
        self.execute(progress)
    }

    /// Carries the update out on a copy of the file, which takes its place at `output` when it is complete.
    ///
    /// # Errors
    /// As [`Update::commit`]; `output` is then what it was.
    pub fn commit_to(mut self, output: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        let fail = |source| Error::Open {
            path: printable(&output.to_string_lossy()),
            source,
        };
        let folder = output
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let beside = tempfile::Builder::new()
            .prefix(".wimkey-")
            .tempfile_in(folder)
            .map_err(fail)?;
        // The system shares the blocks where the file system can.
        std::fs::copy(&self.wim.path, beside.path()).map_err(fail)?;
        let report = if self.is_empty() {
            beside.as_file().sync_all().map_err(fail)?;
            Report::default()
        } else {
            self.wim.storage = Arc::new(Disk::open(beside.path()).map_err(fail)?);
            self.begin_writing()?;
            self.execute(progress)?
        };
        beside.persist(output).map_err(|error| fail(error.error))?;
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(fail)?;
        Ok(report)
    }

    /// The metadata of an image as this update has it so far.
    fn metadata(&self, image: u32) -> Result<Metadata, Error> {
        match self.changed.get(&image) {
            Some(metadata) => Ok(metadata.clone()),
            None => Ok(Metadata::clone(&*self.wim.metadata(image)?)),
        }
    }

    /// The length of a content, in bytes.
    fn length_of(&self, hash: &Hash) -> u64 {
        let fresh = self.fresh.get(hash).map(|encoded| encoded.plain);
        fresh
            .or_else(|| self.wim.blobs.find(hash).map(|row| row.plain()))
            .unwrap_or_default()
    }

    /// `content` in pieces; chunks that stand in the resource of `old` as well are taken over.
    fn encoded(&self, old: Hash, content: &[u8]) -> Result<Encoded, Error> {
        encode(content, self.wim.header.coding, self.base(old)?.as_ref())
    }

    /// What can be taken over from a content of the WIM.
    fn base(&self, hash: Hash) -> Result<Option<Base>, Error> {
        use super::blob_table::Kind;
        let Some(row) = self.wim.blobs.find(&hash).filter(|row| row.plain() <= BASE_LIMIT) else {
            return Ok(None);
        };
        if !matches!(row.kind, Kind::Own | Kind::Metadata(_)) {
            return Ok(None);
        }
        let location = row.location;
        self.base_at(hash, location, || {
            self.wim.read_blob(row, BASE_LIMIT, "an old content").map(drop)
        })
    }

    /// What can be taken over from the resource at `location`; `read` reads it once if nobody has.
    fn base_at(
        &self,
        hash: Hash,
        location: super::header::ResourceHeader,
        read: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Option<Base>, Error> {
        let resource = Resource::new(location, &self.wim.header, self.wim.file_length)?;
        if resource.coding.is_none() {
            return Ok(None);
        }
        let known = || lock(&self.wim.fingerprints).get(&hash).cloned();
        let fingerprints = match known() {
            Some(fingerprints) => Some(fingerprints),
            None => {
                read()?;
                known()
            }
        };
        let chunks = resource.chunks(&*self.wim.storage)?;
        Ok(fingerprints.map(|fingerprints| Base { chunks, fingerprints }))
    }
}

/// Adds the file at `path` and the folders that are missing before it.
fn add(metadata: &mut Metadata, totals: &mut TotalsChange, path: &str, hash: Hash) -> Result<(), Error> {
    let names: Vec<&str> = parts(path).collect();
    let Some((file, folders)) = names.split_last() else {
        return Err(not_found(0, path));
    };
    for name in &names {
        check_name(name, path)?;
    }
    let mut walked = String::new();
    for name in folders {
        let folder = folder_at(metadata, &walked, path)?;
        if metadata.child(&folder, name)?.is_none() {
            let new = NewEntry {
                name,
                attributes: attribute::DIRECTORY,
                ..like(&folder)
            };
            metadata.add(&folder, &new)?;
            totals.directories += 1;
        }
        walked.push('/');
        walked.push_str(name);
    }
    let folder = folder_at(metadata, &walked, path)?;
    let new = NewEntry {
        name: file,
        attributes: attribute::ARCHIVE,
        hash,
        ..like(&folder)
    };
    metadata.add(&folder, &new)?;
    totals.files += 1;
    Ok(())
}

/// What everything new in `folder` has.
fn like(folder: &RawEntry) -> NewEntry<'static> {
    NewEntry {
        security: INHERITED,
        times: [folder.written; 3],
        ..NewEntry::default()
    }
}

fn folder_at(metadata: &Metadata, walked: &str, path: &str) -> Result<RawEntry, Error> {
    let found = metadata.find(walked)?;
    found
        .filter(|entry| entry.is_directory() && !entry.is_reparse_point())
        .ok_or_else(|| Error::BadPath {
            path: printable(path),
            what: "a part of it is a file or a link, not a folder",
        })
}

/// Names that Windows does not allow.
fn check_name(name: &str, path: &str) -> Result<(), Error> {
    const LONGEST: usize = 255;
    let bad = |what| {
        Err(Error::BadPath {
            path: printable(path),
            what,
        })
    };
    if name == "." || name == ".." {
        return bad("a part of it is . or ..");
    }
    if name
        .chars()
        .any(|character| character < ' ' || "<>:\"|?*".contains(character))
    {
        return bad("it has a character that no file name can hold");
    }
    if name.encode_utf16().count() > LONGEST {
        return bad("a part of it has more than 255 characters");
    }
    Ok(())
}
