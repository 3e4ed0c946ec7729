//! file - one file at a time: its new content, without the traces in it.
//!
//! Promise: nothing is written here. A hive is edited by the hive engine, which checks it before and after; its logs are applied
//! first if it is dirty, and emptied. An answer file stays an answer file. Of other texts only the symbols of the key change.

use super::Error;
use crate::audit::{Kind, Secret, Trace};
use crate::catalog::traces::Scrub;
use crate::hive::{self, Hive};
use crate::image::{Image, Images, NewFile};
use crate::key::{DigitalProductId, DigitalProductId4, ProductKey};
use crate::secret::Wiped;
use crate::trace::Traces;
use crate::unattend::AnswerFile;
use std::collections::BTreeMap;
use std::ops::Range;

/// Collects the new contents of files.
pub(super) struct Cleaner<'i> {
    images: &'i Images,
    files: BTreeMap<(u32, String), Wiped>,
}

impl<'i> Cleaner<'i> {
    pub(super) fn new(images: &'i Images) -> Self {
        Self {
            images,
            files: BTreeMap::new(),
        }
    }

    /// The new contents.
    pub(super) fn finish(self) -> Vec<NewFile> {
        self.files
            .into_iter()
            .map(|((image, path), content)| NewFile { image, path, content })
            .collect()
    }

    /// Works out the file at `path` without `traces`.
    pub(super) fn clean(&mut self, image: u32, path: &str, traces: &[&Trace]) -> Result<(), Error> {
        let has = |kinds: &[Kind]| traces.iter().any(|trace| kinds.contains(&trace.kind));
        if has(&[Kind::HiveLog]) {
            return self.log(image, path);
        }
        let Some(bytes) = self.read(image, path)? else {
            return Ok(());
        };
        let is_hive = traces
            .iter()
            .any(|trace| trace.value.is_some() || trace.kind == Kind::Unused);
        if is_hive {
            self.hive(image, path, bytes, traces)
        } else if has(&[Kind::AnswerFile, Kind::Password]) {
            self.answer_file(image, path, bytes, traces)
        } else {
            let mut bytes = bytes;
            for trace in traces.iter().filter(|trace| trace.scrub == Scrub::Mask) {
                let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
                mask(&mut bytes, place(trace.range.start)..place(trace.range.end));
            }
            self.put(image, path, bytes);
            Ok(())
        }
    }

    /// What the file is by now: as an earlier step left it, or as it is in the image.
    fn read(&mut self, image: u32, path: &str) -> Result<Option<Wiped>, Error> {
        match self.files.remove(&(image, path.to_owned())) {
            Some(content) => Ok(Some(content)),
            None => Ok(self.images.read(image, path)?),
        }
    }

    fn put(&mut self, image: u32, path: &str, content: Wiped) {
        self.files.insert((image, path.to_owned()), content);
    }

    fn image(&self, image: u32) -> Image {
        let selected = self.images.selected().iter().find(|own| own.index == image);
        selected.cloned().unwrap_or_else(Image::unknown)
    }

    fn failed(&self, image: u32, path: &str, cause: hive::Error) -> Error {
        self.images.hive_error(&self.image(image), path, cause).into()
    }

    /// A hive with what its logs hold, if it is dirty; its logs are to be empty then.
    fn whole(&mut self, image: u32, path: &str, bytes: Wiped) -> Result<Wiped, Error> {
        let is_dirty = Hive::read(bytes.clone()).is_ok_and(|hive| hive.is_dirty());
        if !is_dirty {
            return Ok(bytes);
        }
        let mut logs = Vec::new();
        for ending in hive::LOG_ENDINGS {
            let log = format!("{path}{ending}");
            if let Some(content) = self.read(image, &log)? {
                if !content.is_empty() {
                    logs.push(content);
                }
                self.put(image, &log, Wiped::default());
            }
        }
        let mut logs = logs.into_iter();
        let (first, second) = (logs.next().unwrap_or_default(), logs.next().unwrap_or_default());
        hive::recover(bytes, &first, &second).map_err(|cause| self.failed(image, path, cause))
    }

    fn hive(&mut self, image: u32, path: &str, bytes: Wiped, traces: &[&Trace]) -> Result<(), Error> {
        let whole = self.whole(image, path, bytes)?;
        let cleaned = cleaned(whole, traces).map_err(|cause| self.failed(image, path, cause))?;
        self.put(image, path, cleaned);
        Ok(())
    }

    /// Empties a transaction log, after its hive was made whole if it is dirty.
    fn log(&mut self, image: u32, path: &str) -> Result<(), Error> {
        let ending = path.to_ascii_uppercase().rfind(".LOG").unwrap_or(path.len());
        let hive = path.get(..ending).unwrap_or(path).to_owned();
        let key = (image, hive.clone());
        let is_known = self.files.contains_key(&key);
        if let Some(bytes) = self.read(image, &hive)? {
            let before = bytes.len();
            let is_dirty = Hive::read(bytes.clone()).is_ok_and(|hive| hive.is_dirty());
            let whole = self.whole(image, &hive, bytes)?;
            debug_assert!(is_dirty || whole.len() == before);
            if is_known || is_dirty {
                self.put(image, &hive, whole);
            }
        }
        self.put(image, path, Wiped::default());
        Ok(())
    }

    fn answer_file(&mut self, image: u32, path: &str, bytes: Wiped, traces: &[&Trace]) -> Result<(), Error> {
        let description = self.images.describe(&self.image(image));
        let failed = |cause| Error::AnswerFile {
            image: description,
            file: path.to_owned(),
            cause: Box::new(cause),
        };
        let passwords = traces
            .iter()
            .any(|trace| matches!(trace.secret, Secret::Password));
        let is_doomed = |text: &str| {
            ProductKey::parse(text).is_ok_and(|parsed| {
                let same = |key: &&std::sync::Arc<ProductKey>| key.symbols() == parsed.key.symbols();
                traces
                    .iter()
                    .filter_map(|trace| trace.key())
                    .any(|key| same(&key))
            })
        };
        let cleaned = AnswerFile::parse(bytes).and_then(|mut file| {
            file.blank(passwords, &is_doomed)?;
            Ok(file.into_bytes())
        });
        self.put(image, path, cleaned.map_err(failed)?);
        Ok(())
    }
}

/// The hive without the values in `traces`, and with zeros in everything that is not in use.
fn cleaned(bytes: Wiped, traces: &[&Trace]) -> Result<Wiped, hive::Error> {
    let mut hive = Hive::open(bytes)?;
    for trace in traces {
        let Some((key, name)) = &trace.value else {
            continue;
        };
        if trace.scrub == Scrub::Delete {
            hive.delete_value(key, name)?;
            continue;
        }
        let stored = match hive.find(key)?.map(|key| key.value(name)).transpose()?.flatten() {
            Some(value) => (value.kind(), Wiped::new(value.data()?.to_vec())),
            None => continue,
        };
        let (kind, mut data) = stored;
        if trace.scrub == Scrub::Mask {
            let known = trace
                .key()
                .map(|key| Traces::of([key.as_ref()]))
                .unwrap_or_default();
            for place in known.find(&data) {
                mask(&mut data, place.offset..place.offset + place.length);
            }
            hive.set_value(key, name, kind, &data)?;
            continue;
        }
        let clear = DigitalProductId::clear(&mut data).or_else(|| DigitalProductId4::clear(&mut data));
        match clear {
            Some(()) => {
                hive.set_value(key, name, kind, &data)?;
            }
            // No value of a known layout: nothing of it stays.
            None => {
                hive.delete_value(key, name)?;
            }
        }
    }
    hive.scrub()?;
    hive.finish()
}

/// An X for each letter and digit of the key.
fn mask(bytes: &mut Wiped, range: Range<usize>) {
    for byte in bytes.get_mut(range).unwrap_or_default() {
        if byte.is_ascii_alphanumeric() {
            *byte = b'X';
        }
    }
}
