//! update - collects changes to files of a WIM; nothing is written before they are committed.
//!
//! Promise: `put` keeps only what is new of a content (the chunks that changed), not the content itself; the file on
//! disk is not touched until [`Update::commit`]. What a new file or folder gets is said at [`Update::put`].

use super::blob_table::Kind;
use super::encode::{Base, Encoded, Piece, encode, survey};
use super::error::Error;
use super::metadata::{Metadata, NewEntry, RawEntry, attribute, parts};
use super::reader::{Wim, content_of, not_found};
use super::resource::{Hash, NO_HASH, Resource};
use super::room::Room;
use super::xml::TotalsChange;
use crate::secret::{self, Wiped};
use crate::text::printable;
use crate::threads::{Allowance, lock};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest name of a file, in UTF-16 units.
const LONGEST_NAME: usize = 255;
/// An old content longer than this, in bytes, and longer than twice the new one is not read just to compare chunks.
const WORTH_COMPARING: u64 = 64 << 20;

/// An image that changes.
pub(super) struct Edited {
    pub(super) metadata: Metadata,
    pub(super) totals: TotalsChange,
}

/// What a path must be after the update.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) image: u32,
    pub(super) path: String,
    /// The content before the update, if there was one.
    pub(super) old: Option<Hash>,
    /// The content after it; `None` if the file is deleted.
    pub(super) new: Option<Hash>,
}

/// A content that is ready to be put into a file of the WIM that made it.
pub struct Packed {
    hash: Hash,
    /// What is to be written; `None` if the WIM has it already.
    encoded: Option<Encoded>,
}

impl Packed {
    /// How many bytes of the content are kept for writing.
    pub fn kept(&self) -> u64 {
        let pieces = self.encoded.iter().flat_map(|encoded| &encoded.pieces);
        pieces.map(Piece::kept).sum()
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Packed")
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// Changes to the files of a WIM.
pub struct Update {
    pub(super) wim: Wim,
    pub(super) edited: BTreeMap<u32, Edited>,
    /// New contents, in the order they came.
    pub(super) pending: Vec<Encoded>,
    pub(super) wanted: Vec<Wanted>,
    time: Option<u64>,
    /// Whether bytes that belong to nothing are overwritten too.
    pub(super) wipe: bool,
}

impl std::fmt::Debug for Update {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Update")
            .field("wim", &self.wim)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl Wim {
    /// Begins an update. The WIM stays as it is until [`Update::commit`].
    ///
    /// # Errors
    /// [`Error::Refused`] if this kind of WIM cannot be changed; see [`Wim::writable`], which checks more.
    pub fn update(self) -> Result<Update, Error> {
        self.refuse_by_header()?;
        Ok(Update {
            wim: self,
            edited: BTreeMap::new(),
            pending: Vec::new(),
            wanted: Vec::new(),
            time: None,
            wipe: false,
        })
    }
}

impl Wim {
    /// Makes `content` ready to become that of the file at `path`: hashes it and compresses what is new in it. May be called for
    /// several files at once, each with the threads of its `allowance`; nothing of the content is kept but what is new.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if the path leads to something that is no ordinary file; what is wrong with the metadata or with
    /// the same content elsewhere in this WIM.
    pub fn pack(
        &self,
        image: u32,
        path: &str,
        content: &[u8],
        allowance: &Allowance,
    ) -> Result<Packed, Error> {
        let metadata = self.metadata(image)?;
        let existing = metadata.find(path)?;
        let old = existing
            .map(|raw| content_of(&metadata, &raw, image, path))
            .transpose()?;
        self.pack_over(content, old, allowance)
    }

    /// As [`Wim::pack`], for a file whose content is `old` now.
    fn pack_over(&self, content: &[u8], old: Option<Hash>, allowance: &Allowance) -> Result<Packed, Error> {
        let has = |hash| Packed { hash, encoded: None };
        if content.is_empty() {
            return Ok(has(NO_HASH));
        }
        let length = content.len() as u64;
        let base = old.and_then(|old| self.base(&old, length));
        let coding = self.header.coding;
        let survey = survey(content, coding, base.as_ref(), allowance);
        let hash = survey.hash;
        if old == Some(hash) {
            return Ok(has(hash));
        }
        if let Some(row) = self.blobs.find(&hash) {
            // Nothing is built on a content that is damaged.
            self.read_blob(row, length, "the content", &mut Room::default())
                .map(drop)?;
            return Ok(has(hash));
        }
        let encoded = encode(content, coding, base.as_ref(), survey, &self.cache)?;
        let encoded = Some(encoded);
        Ok(Packed { hash, encoded })
    }

    /// The chunks of the old content, if they can be taken over. What is damaged is not taken over.
    fn base(&self, old: &Hash, new_length: u64) -> Option<Base> {
        let row = self.blobs.find(old).filter(|row| row.kind == Kind::Own)?;
        let resource = Resource::new(row.location, &self.header, self.file_length).ok()?;
        resource.coding?;
        let known = || lock(&self.fingerprints).get(old).cloned();
        let prints = known().or_else(|| {
            let limit = WORTH_COMPARING.max(new_length.saturating_mul(2));
            let old = self.read_blob(row, limit, "the old content", &mut Room::default());
            drop(old.ok()?);
            known()
        })?;
        Some(Base {
            chunks: resource.chunks(&*self.storage).ok()?,
            prints,
        })
    }
}

impl Update {
    /// The WIM as it was opened.
    pub fn wim(&self) -> &Wim {
        &self.wim
    }

    /// The time that files and folders new to the image get, as a Windows FILETIME (100 ns since 1601). Without it they
    /// get the time at which their folder was last written to, so that the result does not depend on the clock.
    pub fn set_time(&mut self, time: u64) {
        self.time = Some(time);
    }

    /// From now on the commit also drops contents that nothing refers to, and overwrites all bytes of the file that belong to nothing,
    /// whoever left them there; even if no file changes.
    pub fn wipe_unused(&mut self) {
        self.wipe = true;
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Gives the file at `path` this content.
    ///
    /// A file that exists keeps its security descriptor, attributes, times, short name and hard links: all its names get
    /// the content. A file that does not exist is added, and the folders above it too: with the security descriptor of
    /// the folder they lie in (Windows would compute one that inherits from it; the rights are the same wherever the
    /// folder's own rights are inheritable), the attribute ARCHIVE (folders: DIRECTORY), no short name.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if the path leads to or through something that is no ordinary file or folder;
    /// [`Error::BadPath`]; what is wrong with the metadata or the old content. After an error in the metadata the
    /// update must be thrown away.
    pub fn put(&mut self, image: u32, path: &str, content: Wiped) -> Result<(), Error> {
        let existing = self.find(image, path)?;
        let old = existing
            .as_ref()
            .map(|raw| self.with_metadata(image, |metadata| content_of(metadata, raw, image, path))?)
            .transpose()?;
        let packed = self.wim.pack_over(&content, old, &Allowance::default())?;
        secret::wipe(content);
        self.put_at(image, path, existing, old, packed)
    }

    /// As [`Update::put`], with a content that [`Wim::pack`] made.
    ///
    /// # Errors
    /// As [`Update::put`].
    pub fn put_packed(&mut self, image: u32, path: &str, packed: Packed) -> Result<(), Error> {
        let existing = self.find(image, path)?;
        let old = existing
            .as_ref()
            .map(|raw| self.with_metadata(image, |metadata| content_of(metadata, raw, image, path))?)
            .transpose()?;
        self.put_at(image, path, existing, old, packed)
    }

    fn put_at(
        &mut self,
        image: u32,
        path: &str,
        existing: Option<RawEntry>,
        old: Option<Hash>,
        packed: Packed,
    ) -> Result<(), Error> {
        let new = packed.hash;
        if old == Some(new) {
            return Ok(());
        }
        let is_pending = self.pending.iter().any(|encoded| encoded.hash == new);
        self.pending.extend(packed.encoded.filter(|_| !is_pending));
        if let Some(raw) = existing {
            self.replace(image, &raw, old.unwrap_or(NO_HASH), new)?;
        } else {
            self.add(image, path, new)?;
        }
        self.want(image, path, old, Some(new));
        Ok(())
    }

    /// Removes the file at `path`, one of its names if it has several. `false` if there is none.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for folders and links; what is wrong with the metadata.
    pub fn delete(&mut self, image: u32, path: &str) -> Result<bool, Error> {
        let Some(raw) = self.find(image, path)? else {
            return Ok(false);
        };
        let old = self.with_metadata(image, |metadata| content_of(metadata, &raw, image, path))??;
        let size = i128::from(self.size_of(&old));
        let edited = self.edit(image)?;
        let linked = edited.metadata.links(&raw).len() > 1;
        edited.metadata.remove(&raw)?;
        edited.totals.files -= 1;
        edited.totals.bytes -= size;
        edited.totals.hard_link_bytes -= if linked { size } else { 0 };
        self.want(image, path, Some(old), None);
        Ok(true)
    }

    /// The entry at `path` as the update so far leaves it.
    fn find(&self, image: u32, path: &str) -> Result<Option<RawEntry>, Error> {
        self.with_metadata(image, |metadata| metadata.find(path))?
    }

    fn with_metadata<T>(&self, image: u32, look: impl FnOnce(&Metadata) -> T) -> Result<T, Error> {
        match self.edited.get(&image) {
            Some(edited) => Ok(look(&edited.metadata)),
            None => Ok(look(&*self.wim.metadata(image)?)),
        }
    }

    /// The metadata of an image, to be changed.
    fn edit(&mut self, image: u32) -> Result<&mut Edited, Error> {
        if !self.edited.contains_key(&image) {
            let kept = self.wim.metadata(image)?;
            // The copy in the cache is not needed any more: large images have tens of megabytes of it.
            lock(&self.wim.metadata).remove(&image);
            let edited = Edited {
                metadata: Arc::unwrap_or_clone(kept),
                totals: TotalsChange::default(),
            };
            self.edited.insert(image, edited);
        }
        self.edited.get_mut(&image).ok_or(Error::NoImage {
            image,
            count: self.wim.image_count(),
        })
    }

    fn size_of(&self, hash: &Hash) -> u64 {
        let pending = self.pending.iter().find(|encoded| encoded.hash == *hash);
        let old = || self.wim.blobs.find(hash).map(super::blob_table::Row::plain);
        pending
            .map(|encoded| encoded.plain)
            .or_else(old)
            .unwrap_or_default()
    }

    fn replace(&mut self, image: u32, raw: &RawEntry, old: Hash, new: Hash) -> Result<(), Error> {
        let grown = i128::from(self.size_of(&new)) - i128::from(self.size_of(&old));
        let edited = self.edit(image)?;
        let names = edited.metadata.replace_content(raw, new)?;
        let names = i128::try_from(names).unwrap_or(1);
        edited.totals.bytes += grown * names;
        edited.totals.hard_link_bytes += grown * (names - 1);
        Ok(())
    }

    /// Adds a file and the folders above it that do not exist.
    fn add(&mut self, image: u32, path: &str, hash: Hash) -> Result<(), Error> {
        let names: Vec<&str> = parts(path).collect();
        for name in &names {
            check_name(name, path)?;
        }
        let Some((file, folders)) = names.split_last() else {
            return Err(Error::BadPath {
                path: printable(path),
                what: "it names no file",
            });
        };
        let size = i128::from(self.size_of(&hash));
        let fixed_time = self.time;
        let edited = self.edit(image)?;
        let mut above = String::new();
        for (name, is_file) in folders.iter().map(|name| (name, false)).chain([(file, true)]) {
            let folder = edited
                .metadata
                .find(&above)?
                .ok_or_else(|| not_found(image, &above))?;
            if !folder.is_directory() || folder.is_reparse_point() {
                let path = printable(&above);
                let what = "is no ordinary folder";
                return Err(Error::WrongKind { image, path, what });
            }
            if edited.metadata.child(&folder, name)?.is_none() {
                let new = NewEntry {
                    name,
                    attributes: if is_file {
                        attribute::ARCHIVE
                    } else {
                        attribute::DIRECTORY
                    },
                    security: folder.security,
                    time: fixed_time.unwrap_or(folder.written),
                    hash: if is_file { hash } else { NO_HASH },
                };
                edited.metadata.add(&folder, &new)?;
                edited.totals.directories += i128::from(!is_file);
            }
            above.push('/');
            above.push_str(name);
        }
        edited.totals.files += 1;
        edited.totals.bytes += size;
        Ok(())
    }

    fn want(&mut self, image: u32, path: &str, old: Option<Hash>, new: Option<Hash>) {
        let path = parts(path).collect::<Vec<_>>().join("/");
        let same =
            |wanted: &&mut Wanted| wanted.image == image && crate::text::same_name(&wanted.path, &path);
        if let Some(wanted) = self.wanted.iter_mut().find(same) {
            wanted.new = new;
        } else {
            self.wanted.push(Wanted {
                image,
                path,
                old,
                new,
            });
        }
    }
}

/// Whether Windows allows a file of this name.
fn check_name(name: &str, path: &str) -> Result<(), Error> {
    let bad = |what| {
        let path = printable(path);
        Err(Error::BadPath { path, what })
    };
    if name.encode_utf16().count() > LONGEST_NAME {
        return bad("a name has more than 255 characters");
    }
    if name.ends_with(['.', ' ']) {
        return bad("a name ends with a dot or a space");
    }
    if name
        .chars()
        .any(|character| character < ' ' || "<>:\"|?*".contains(character))
    {
        return bad("a name has a character that Windows forbids");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
