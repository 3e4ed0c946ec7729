//! regfile - registration files (`.reg`): the text in which regedit exports and imports keys and values.
//!
//! Promise: version 5 (UTF-16 or UTF-8) and REGEDIT4 are read, version 5 is written; every type, every length of data and the order
//! of the file come through unchanged, and what cannot is refused with its line. The quoting and the hex lists are those of the
//! `regashii` crate. It keeps no positions, sorts, drops what it does not understand, knows types up to 255 and mends data to fit
//! its type; so the file is taken apart here, and it is shown one value at a time. It cannot wipe its memory: of a key in a `.reg`
//! file, copies may stay in freed memory until the process ends.
//!
//! Classes, times and permissions of keys have no place in the format.
//!
//! ```
//! use wimkey::regfile::{Action, parse};
//! let text = b"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n\"n\"=dword:7\r\n";
//! let entries = parse(text)?;
//! assert_eq!(entries[0].key, r"HKEY_LOCAL_MACHINE\SOFTWARE\A");
//! assert!(matches!(&entries[1].action, Action::Set { name, kind: 4, data } if name == "n" && **data == [7, 0, 0, 0]));
//! # Ok::<(), wimkey::regfile::Error>(())
//! ```

mod ansi;
mod error;
mod read;
mod scan;
mod write;

pub use error::{Error, Reason};
pub use read::parse;
pub use write::Writer;

use crate::secret::Wiped;

/// One thing that a registration file asks for.
#[derive(Debug)]
pub struct Entry {
    /// The line it stands on, from 1.
    pub line: usize,
    /// The whole path of the key, from `HKEY_…` on, parts separated by one `\`.
    pub key: String,
    /// What is to become of the key, or of a value of it.
    pub action: Action,
}

/// What becomes of a key, or of a value of it.
#[derive(PartialEq, Eq)]
pub enum Action {
    /// The key is to be there.
    Create,
    /// The key is to be gone, with all below it.
    Delete,
    /// The value is to be there, with this type and data.
    Set {
        /// The name; empty for the default value.
        name: String,
        /// The number of the type.
        kind: u32,
        /// The data as a hive holds it: texts in UTF-16LE.
        data: Wiped,
    },
    /// The value is to be gone.
    DeleteValue {
        /// The name; empty for the default value.
        name: String,
    },
}

impl std::fmt::Debug for Action {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create => formatter.write_str("Create"),
            Self::Delete => formatter.write_str("Delete"),
            Self::Set { name, kind, data } => {
                write!(
                    formatter,
                    "Set {name:?}, type {kind}, [{} bytes elided]",
                    data.len()
                )
            }
            Self::DeleteValue { name } => write!(formatter, "DeleteValue {name:?}"),
        }
    }
}

/// The first line of a version 5 file.
const VERSION_5: &str = "Windows Registry Editor Version 5.00";
/// The first line of a file of Windows 98 or NT 4.
const VERSION_4: &str = "REGEDIT4";

/// The numbers of the types that a file has a notation for.
mod kind {
    pub(super) const STRING: u32 = 1;
    pub(super) const EXPAND_STRING: u32 = 2;
    pub(super) const BINARY: u32 = 3;
    pub(super) const DWORD: u32 = 4;
    pub(super) const MULTI_STRING: u32 = 7;
}
