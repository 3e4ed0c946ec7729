//! Writing a whole WIM afresh through libwim: what an update in place cannot rid of old contents, because they lie in a solid resource
//! with others.
//!
//! Promise: the path names the old file or the new one, whole. The new one has the same images with the same paths and contents, and
//! is stored as the old one was: solid stays solid. Mode and owner stay, and a symbolic link stays one. It holds nothing that no image
//! refers to. The old one is overwritten before its blocks are given back; one that has other names is left alone, for they would keep it.

use super::reader::Wim;
use super::{Error, Refusal};
use crate::file;
use crate::text::printable;
use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use wimlib::WimLib;
use wimlib::string::TStr;
use wimlib::wim::{OpenFlags, WriteFlags};

impl Wim {
    /// Writes the WIM at `path` afresh, everything recompressed; nothing is left in it of what no image refers to. That takes minutes
    /// for a WIM of gigabytes, and as much memory as libwim needs for its largest chunks.
    ///
    /// # Errors
    /// [`Refusal::OtherNames`], what libwim or the system reports, or [`Error::Rebuilt`]; the WIM is then what it was.
    pub fn rebuild(path: &Path) -> Result<(), Error> {
        // Of a symbolic link the file that it leads to is written afresh.
        let path = &path.canonicalize().map_err(open_error(path))?;
        let old = Self::open(path)?;
        old.storage
            .begin_writing()
            .map_err(|source| match source.kind() {
                io::ErrorKind::WouldBlock => Error::Locked,
                _ => open_error(path)(source),
            })?;
        let names = path.metadata().map_err(open_error(path))?.nlink();
        if names > 1 {
            return Err(Refusal::OtherNames { names }.into());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let new = file::fresh_in(folder).map_err(open_error(folder))?;
        written_afresh(path, new.as_file(), old.is_solid())?;
        old.agrees_with(&Self::open(new.path())?)?;
        let fresh = new.as_file();
        file::take_over_standing(fresh, path)
            .and_then(|()| fresh.sync_all())
            .map_err(open_error(new.path()))?;
        let replaced = std::fs::OpenOptions::new().write(true).open(path).ok();
        new.persist(path).map_err(|error| open_error(path)(error.error))?;
        if let Some(replaced) = replaced {
            file::wipe_nameless(replaced);
        }
        let folder = std::fs::File::open(folder).map_err(open_error(folder))?;
        folder.sync_all().map_err(open_error(path))
    }

    /// Compares every path and content of every image.
    fn agrees_with(&self, new: &Self) -> Result<(), Error> {
        let count = self.image_count();
        if new.image_count() != count {
            return Err(Error::Rebuilt { image: 0 });
        }
        for image in 1..=count {
            let sorted = |wim: &Self| {
                wim.paths(image).map(|mut paths| {
                    paths.sort();
                    paths
                })
            };
            if sorted(self)? != sorted(new)? {
                return Err(Error::Rebuilt { image });
            }
        }
        new.verify()
    }
}

fn open_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = printable(&path.to_string_lossy());
    move |source| Error::Open { path, source }
}

/// Lets libwim write all images of the WIM at `path` to `file`.
fn written_afresh(path: &Path, file: &std::fs::File, solid: bool) -> Result<(), Error> {
    let refused = |cause: wimlib::Error| Error::Library {
        what: format!("{cause}"),
    };
    let no_name = || open_error(path)(io::ErrorKind::InvalidFilename.into());
    let name = path
        .to_str()
        .and_then(|name| CString::new(name).ok())
        .ok_or_else(no_name)?;
    let name = TStr::from_slice(name.as_bytes_with_nul()).map_err(|_| no_name())?;
    let library = WimLib::default();
    let wim = library.open_wim(name, OpenFlags::empty()).map_err(refused)?;
    let mut flags = WriteFlags::RECOMPRESS;
    flags.set(WriteFlags::SOLID, solid);
    wim.select_all_images()
        .write_to_file(file, flags, 0)
        .map_err(refused)
}
