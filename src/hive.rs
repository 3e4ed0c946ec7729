//! hive - registry hives (`regf`): reading, checking, editing, wiping.
//!
//! Promise: a hive is bytes in memory, wiped when dropped. Nothing is edited before the whole hive was checked, nothing
//! is given back before the result was checked, and an edit that changes nothing changes no byte. What an edit removes
//! is zero in the result. One file for each structure on disk; the format is that of <https://github.com/msuhanov/regf>.
//!
//! ```
//! use wimkey::hive::{Change, Hive, ValueKind};
//! let mut hive = Hive::create(5)?;
//! let change = hive.set_value(r"Company\Product", "Count", ValueKind::Dword, &[7, 0, 0, 0])?;
//! assert_eq!(change, Change::Created);
//! let bytes = hive.finish()?;
//! let hive = Hive::read(bytes)?;
//! let key = hive.find(r"company\PRODUCT")?.unwrap();
//! assert_eq!(key.value("count")?.unwrap().as_u32()?, 7);
//! # Ok::<(), wimkey::hive::Error>(())
//! ```

mod ahead;
mod base_block;
mod big_data;
mod bin;
mod bitmap;
mod build;
mod cell;
mod check;
mod compact;
mod edit;
mod error;
mod index;
mod key;
mod key_node;
mod kind;
mod locate;
mod name;
mod present;
mod recover;
mod save;
mod scrub;
mod seams;
mod security;
mod space;
mod sparse;
mod value;

pub use check::check;
pub use compact::Compacted;
pub use edit::Change;
pub use error::{Error, Finding, Severity};
pub use key::{Key, Subkeys, Values, Walk};
pub use kind::{UnknownKind, ValueKind};
pub use locate::Holder;
pub use recover::recover;
pub use save::{LOG_ENDINGS, SaveError, empty_logs, logs_of, read_logs, save};
pub use seams::{Seam, seams};
pub use sparse::{Lookup, LookupError};
pub use value::{DATA_LIMIT, Data, Value};

use crate::bytes::{slice, u32_at};
use crate::file::Draft;
use crate::secret::{Bulk, Wiped};
use crate::threads::Allowance;
use base_block::BaseBlock;
use check::Tiling;
use space::Space;

/// The largest hive file to read into memory, in bytes. The format itself ends at 2 GiB.
pub const FILE_LIMIT: usize = 512 << 20;

/// Whether `bytes` begin as a hive does.
pub fn is_hive(bytes: &[u8]) -> bool {
    bytes.starts_with(base_block::SIGNATURE)
}

/// A registry hive in memory.
pub struct Hive {
    /// The whole file.
    bytes: Bulk,
    /// How many bytes of bins there are.
    bins_length: usize,
    minor: u32,
    root: u32,
    /// How it shows that the hive is dirty.
    dirt: Option<Finding>,
    /// The harmless findings of the full check.
    warnings: Vec<Finding>,
    /// Whether the full check was passed and `space` is filled.
    is_checked: bool,
    space: Space,
    changed: bool,
    /// An edit failed half-way.
    is_broken: bool,
    /// Where the values of the key stand that was edited last.
    names: Option<edit::ValueNames>,
    /// Which parts are in memory, if not all.
    present: Option<present::Present>,
    /// The threads that may check it.
    allowance: Allowance,
}

impl Hive {
    /// The hive `bytes`, for reading: the base block and the headers of the bins are checked, all else as it is read.
    /// A dirty hive is read too; see [`Hive::is_dirty`].
    ///
    /// # Errors
    /// [`Error::NotAHive`], [`Error::Version`], [`Error::Damaged`].
    pub fn read(bytes: Wiped) -> Result<Self, Error> {
        Self::read_bulk(bytes.into())
    }

    /// As [`Hive::read`], for a hive in large memory.
    ///
    /// # Errors
    /// As [`Hive::read`].
    pub fn read_bulk(bytes: Bulk) -> Result<Self, Error> {
        let block = BaseBlock::read(&bytes)?;
        let area = slice(&bytes, cell::BINS_START, block.bins_size).unwrap_or_default();
        bin::bins(area).try_for_each(|bin| bin.map(drop))?;
        Ok(Self::assemble(bytes, &block))
    }

    /// The hive `bytes`, for editing: everything is checked.
    ///
    /// # Errors
    /// [`Error::Dirty`] with the reason and the way out; [`Error::Damaged`] with the first fault that forbids edits;
    /// [`Error::NotAHive`], [`Error::Version`].
    pub fn open(bytes: Wiped) -> Result<Self, Error> {
        Self::open_bulk(bytes.into(), Allowance::default())
    }

    /// As [`Hive::open`], for a hive in large memory. It is checked by the threads of `allowance`.
    ///
    /// # Errors
    /// As [`Hive::open`].
    pub fn open_bulk(bytes: Bulk, allowance: Allowance) -> Result<Self, Error> {
        let block = BaseBlock::read(&bytes)?;
        let mut hive = Self {
            allowance,
            ..Self::assemble(bytes, &block)
        };
        hive.demand_editable()?;
        Ok(hive)
    }

    fn assemble(bytes: Bulk, block: &BaseBlock) -> Self {
        Self {
            bytes,
            bins_length: block.bins_size,
            minor: block.minor,
            root: block.root,
            dirt: block.dirt(),
            warnings: Vec::new(),
            is_checked: false,
            space: Space::default(),
            changed: false,
            is_broken: false,
            names: None,
            present: None,
            allowance: Allowance::default(),
        }
    }

    /// Runs the full check, unless it was passed before; every edit does so first.
    ///
    /// # Errors
    /// As [`Hive::open`]; [`Error::Broken`] after an edit that failed.
    pub fn demand_editable(&mut self) -> Result<(), Error> {
        if self.is_broken {
            return Err(Error::Broken);
        }
        if self.is_checked {
            return Ok(());
        }
        if let Some(dirt) = &self.dirt {
            return Err(Error::Dirty {
                reason: dirt.sentence.clone(),
            });
        }
        let (warnings, tiling) = self.demand_whole()?;
        self.warnings = warnings;
        self.space = Space::new(tiling);
        self.is_checked = true;
        Ok(())
    }

    /// The warnings of the full check and what it met, or the first fault that forbids edits.
    fn demand_whole(&self) -> Result<(Vec<Finding>, Tiling), Error> {
        let block = BaseBlock::read(&self.bytes)?;
        let (findings, tiling) = check::examine(&self.bytes, &block, self.allowance.threads());
        let worst = findings
            .iter()
            .find(|finding| finding.severity == Severity::Refuse);
        match worst {
            Some(fault) => Err(Error::Damaged(fault.clone())),
            None => Ok((findings, tiling)),
        }
    }

    /// The minor version of the format: 3 for user hives and the boot configuration, 5 for the rest.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// Whether changes are missing that are only in the transaction logs. Such a hive can be read, not edited.
    pub fn is_dirty(&self) -> bool {
        self.dirt.is_some()
    }

    /// How it shows that the hive is dirty.
    pub fn dirt(&self) -> Option<&Finding> {
        self.dirt.as_ref()
    }

    /// The harmless findings of the full check; empty after [`Hive::read`] alone.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// Whether [`Hive::finish`] gives other bytes than were read.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// The root key.
    ///
    /// # Errors
    /// [`Error::Damaged`] if there is none.
    pub fn root(&self) -> Result<Key<'_>, Error> {
        Key::read(self.cells(), self.root)
    }

    /// The key at `path`, parts separated by `\`, in any case; `""` is the root key. `None` if there is no such key.
    ///
    /// # Errors
    /// [`Error::BadPath`], or [`Error::Damaged`] if keys on the way cannot be read.
    pub fn find(&self, path: &str) -> Result<Option<Key<'_>>, Error> {
        let mut key = self.root()?;
        for part in edit::parts(path)? {
            match key.subkey(part)? {
                Some(next) => key = next,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// All keys, parents before children and siblings in order; ends whatever the hive holds.
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self.cells(), self.root)
    }

    fn sequence(&self) -> u32 {
        u32_at(&self.bytes, base_block::PRIMARY_SEQUENCE).unwrap_or_default()
    }

    /// The bytes of the hive file. If nothing was changed these are the bytes that were read; otherwise both sequence
    /// numbers are raised by one and the result has passed the full check.
    ///
    /// # Errors
    /// [`Error::Broken`] after an edit that failed; [`Error::Damaged`] if the result does not pass, which would be a
    /// fault of this program.
    pub fn finish(mut self) -> Result<Wiped, Error> {
        self.rehearse()?;
        Ok(self.bytes.into())
    }

    /// As [`Hive::finish`], in the memory that the hive lies in.
    ///
    /// # Errors
    /// As [`Hive::finish`].
    pub fn finish_in_place(mut self) -> Result<Bulk, Error> {
        self.rehearse()?;
        Ok(self.bytes)
    }

    /// As [`Hive::finish`], for a look at what would come of it; gives the length in bytes.
    ///
    /// # Errors
    /// As [`Hive::finish`].
    pub fn rehearse(&mut self) -> Result<u64, Error> {
        self.seal()?;
        if self.changed {
            self.demand_whole()?;
        }
        Ok(self.bytes.len() as u64)
    }

    /// As [`Hive::finish`] and then [`save`] to the file that `draft` is for, in less time: the full check of the result runs while
    /// the new file is being written, before it takes the place of the old one. Gives the length of the file in bytes.
    ///
    /// # Errors
    /// [`SaveError::Hive`] after an edit that failed; [`SaveError::File`], also if the result does not pass.
    pub fn save(mut self, draft: Draft) -> Result<u64, SaveError> {
        self.seal()?;
        draft.replace(&self.bytes, save::judge)?;
        Ok(self.bytes.len() as u64)
    }

    /// Raises both sequence numbers by one if anything was changed.
    fn seal(&mut self) -> Result<(), Error> {
        if self.is_broken {
            return Err(Error::Broken);
        }
        if self.changed {
            let sequence = self.sequence().wrapping_add(1);
            base_block::seal(&mut self.bytes, sequence)
                .ok_or(Error::NotAHive("it ends within its base block"))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Hive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Hive")
            .field("minor", &self.minor)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
