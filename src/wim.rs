//! wim - WIM containers: reads any kind, changes single files in place, makes small new ones.
//!
//! Promise: an update is all or nothing; apart from what was asked for, every directory entry, resource and XML character
//! stays as it was. Container code is this crate's own; of libwim only the codecs are used (see `codec`).
//!
//! ```no_run
//! use wimkey::wim::Wim;
//! let wim = Wim::open("install.wim".as_ref())?;
//! let hive = wim.read(1, "Windows/System32/config/SOFTWARE", 1 << 30)?;
//! let mut update = wim.update()?;
//! update.put(1, "Windows/System32/config/SOFTWARE", hive)?;
//! update.commit(&mut |_done, _total| {})?;
//! # Ok::<(), wimkey::wim::Error>(())
//! ```

mod blob_table;
mod builder;
mod codec;
mod commit;
mod contents;
mod encode;
mod error;
mod fingerprint;
mod header;
mod integrity;
mod intent;
mod memory;
mod metadata;
mod reader;
mod rebuild;
mod references;
mod resource;
mod room;
mod space;
mod storage;
mod update;
mod verify;
mod xml;

pub use builder::{Builder, ImageBuilder, Properties};
pub use codec::Codec;
pub use commit::{Left, LeftReason, Report};
pub use contents::{Content, Group, Owner};
pub use error::{Error, Refusal};
pub use memory::MemoryFile;
pub use metadata::attribute;
pub use reader::{Entry, Stream, Wim};
pub use resource::Hash;
pub use room::Room;
pub use update::{Packed, Update};
pub use xml::ImageInfo;
