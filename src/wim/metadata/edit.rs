//! edit - changes the bytes of a metadata resource and nothing around the place that changes.
//!
//! Promise: replacing a content changes 20 bytes a name. Adding or removing an entry keeps every other entry byte for
//! byte, apart from the offsets that lead past the place where bytes came or went.

use super::{ALIGNMENT, ENTRY_LENGTH, Metadata, RawEntry, attribute, damage, field, list_of};
use crate::bytes;
use crate::text;
use crate::wim::error::Error;
use crate::wim::resource::Hash;

/// What a new directory entry says.
#[derive(Debug, Clone, Copy)]
pub(in crate::wim) struct NewEntry<'a> {
    pub(in crate::wim) name: &'a str,
    pub(in crate::wim) attributes: u32,
    pub(in crate::wim) security: i32,
    /// Created, accessed and written: a Windows FILETIME.
    pub(in crate::wim) time: u64,
    pub(in crate::wim) hash: Hash,
}

impl NewEntry<'_> {
    /// The bytes of the entry; `None` if the name is too long.
    pub(in crate::wim) fn encode(&self) -> Option<Vec<u8>> {
        let name: Vec<u8> = self.name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let name_length = u16::try_from(name.len()).ok()?;
        // Two zero bytes end the name.
        let length = bytes::align_up(ENTRY_LENGTH + name.len() + 2, ALIGNMENT)?;
        let mut encoded = vec![0; length];
        let time = self.time.to_le_bytes();
        let fields: [(usize, &[u8]); 9] = [
            (0, &(length as u64).to_le_bytes()),
            (field::ATTRIBUTES, &self.attributes.to_le_bytes()),
            (field::SECURITY, &self.security.to_le_bytes()),
            (field::CREATED, &time),
            (field::ACCESSED, &time),
            (field::WRITTEN, &time),
            (field::HASH, &self.hash),
            (field::NAME, &name_length.to_le_bytes()),
            (ENTRY_LENGTH, &name),
        ];
        for (offset, value) in fields {
            bytes::put(&mut encoded, offset, value)?;
        }
        Some(encoded)
    }
}

impl Metadata {
    /// Gives every name of the file `entry` the content `hash`; says how many names there are.
    pub(in crate::wim) fn replace_content(&mut self, entry: &RawEntry, hash: Hash) -> Result<usize, Error> {
        let names = self.links(entry);
        let key = self.link_key(entry);
        for &offset in &names {
            let name = self.entry(offset)?;
            let (place, _) = self
                .content(&name)
                .ok_or_else(|| damage("a file has no content", offset))?;
            bytes::put(&mut self.bytes, place, &hash)
                .ok_or_else(|| damage("a hash goes past the end", place))?;
        }
        if let Some(names) = self.links.remove(&key) {
            self.links.entry((entry.link, hash)).or_default().extend(names);
        }
        Ok(names.len())
    }

    /// Adds an entry to `folder`.
    pub(in crate::wim) fn add(&mut self, folder: &RawEntry, new: &NewEntry<'_>) -> Result<(), Error> {
        let encoded = new.encode().ok_or(Error::Overflow { what: "a file name" })?;
        // Several empty folders may share one list: an empty list does not grow, the folder gets a new one.
        if !self.list(folder)?.is_empty() {
            let place = self.place_for(folder, new.name)?;
            return self.insert(place, &encoded);
        }
        let mut changed = std::mem::take(&mut self.bytes);
        let list =
            bytes::align_up(changed.len(), ALIGNMENT).ok_or(Error::Overflow { what: "the metadata" })?;
        changed.resize(list, 0);
        changed.extend_from_slice(&encoded);
        changed.extend_from_slice(&[0; ALIGNMENT]); // ends the list
        bytes::put(
            &mut changed,
            folder.offset + field::CHILDREN,
            &(list as u64).to_le_bytes(),
        )
        .ok_or_else(|| damage("a folder goes past the end", folder.offset))?;
        *self = Self::parse(changed)?;
        Ok(())
    }

    /// Removes an entry that is no folder.
    pub(in crate::wim) fn remove(&mut self, entry: &RawEntry) -> Result<(), Error> {
        debug_assert_eq!(entry.attributes & attribute::DIRECTORY, 0);
        let (start, end) = (entry.offset, entry.end);
        let mut changed = std::mem::take(&mut self.bytes);
        let gone = (end - start) as u64;
        self.shift(&mut changed, |offset| {
            if offset >= end as u64 {
                offset - gone
            } else {
                offset
            }
        })?;
        changed.drain(start..end);
        *self = Self::parse(changed)?;
        Ok(())
    }

    /// Where in the list of `folder` a name belongs: before the first that is greater, which keeps a sorted list sorted.
    fn place_for(&self, folder: &RawEntry, name: &str) -> Result<usize, Error> {
        let fold = |units: &mut dyn Iterator<Item = u16>| units.map(text::upcase).collect::<Vec<u16>>();
        let name = fold(&mut name.encode_utf16());
        let mut place = list_of(folder).unwrap_or_default();
        for entry in self.list(folder)? {
            if fold(&mut self.units(&entry.name).into_iter()) > name {
                return Ok(entry.offset);
            }
            place = entry.end;
        }
        Ok(place)
    }

    fn insert(&mut self, place: usize, encoded: &[u8]) -> Result<(), Error> {
        let mut changed = std::mem::take(&mut self.bytes);
        let come = encoded.len() as u64;
        // A list that begins at the very place is the one that grows: its offset stays.
        self.shift(&mut changed, |offset| {
            if offset > place as u64 {
                offset + come
            } else {
                offset
            }
        })?;
        changed.splice(place..place, encoded.iter().copied());
        *self = Self::parse(changed)?;
        Ok(())
    }

    /// Moves the offset of every folder's list. `changed` is the text of this metadata, taken out for the change.
    fn shift(&mut self, changed: &mut Vec<u8>, moved: impl Fn(u64) -> u64) -> Result<(), Error> {
        std::mem::swap(&mut self.bytes, changed);
        let mut folders = Vec::new();
        self.walk(|entry| {
            if entry.is_directory() && entry.children != 0 {
                folders.push((entry.offset, entry.children));
            }
        })?;
        std::mem::swap(&mut self.bytes, changed);
        for (offset, children) in folders {
            bytes::put(changed, offset + field::CHILDREN, &moved(children).to_le_bytes())
                .ok_or_else(|| damage("a folder goes past the end", offset))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
