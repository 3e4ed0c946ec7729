//! An image applied or mounted to a folder: paths found without regard to case, files replaced whole or not at all.

use super::{Error, FILE_LIMIT, SOFTWARE};
use crate::file;
use crate::hive;
use crate::secret::{self, Wiped};
use crate::text::same_name;
use std::path::{Path, PathBuf};

/// What the names of containers of images end in.
const CONTAINERS: [&str; 4] = ["wim", "esd", "swm", "rwm"];

/// The root folder of an image.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Whether it holds more than one image: then containers of images in it are targets of their own.
    loose: bool,
    /// Files of a loose folder that are left out of it.
    except: Vec<PathBuf>,
}

impl Folder {
    /// Opens a folder that holds `Windows/System32/config`.
    pub(super) fn open(root: &Path) -> Result<Self, Error> {
        let folder = Self {
            root: root.to_owned(),
            loose: false,
            except: Vec::new(),
        };
        let configuration = SOFTWARE.rsplit_once('/').map_or(SOFTWARE, |(folder, _)| folder);
        match folder.find(configuration)? {
            Some(path) if path.is_dir() => Ok(folder),
            _ => Err(Error::NotAnImage {
                path: root.to_owned(),
            }),
        }
    }

    /// Any folder: its files without the containers of images.
    pub(super) fn loose(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            loose: true,
            except: Vec::new(),
        }
    }

    /// Leaves files out of a loose folder.
    pub(super) fn leave_out(&mut self, files: &[PathBuf]) {
        self.except = files.to_vec();
    }

    /// Whether it was opened by [`Folder::loose`].
    pub(super) fn is_loose(&self) -> bool {
        self.loose
    }

    /// The file's content; `None` if there is none.
    pub(super) fn read(&self, path: &str) -> Result<Option<Wiped>, Error> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        secret::read_file(&found, usize::try_from(FILE_LIMIT).unwrap_or(usize::MAX))
            .map(Some)
            .map_err(|cause| system(&found, cause))
    }

    /// The file's length; `None` if there is none.
    pub(super) fn size(&self, path: &str) -> Result<Option<u64>, Error> {
        let Some(found) = self.find(path)? else {
            return Ok(None);
        };
        let data = found.metadata().map_err(|cause| system(&found, cause))?;
        Ok(Some(data.len()))
    }

    /// The names in the folder, in order; `None` if there is no such folder.
    pub(super) fn list(&self, path: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(found) = self.find(path)?.filter(|found| found.is_dir()) else {
            return Ok(None);
        };
        let entries = std::fs::read_dir(&found).map_err(|cause| system(&found, cause))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|cause| system(&found, cause))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(Some(names))
    }

    /// As [`Folder::all_files`]; of a loose folder without the containers of images and the files that were left out.
    pub(super) fn files(&self) -> (Vec<(String, u64)>, Vec<String>) {
        let (mut files, closed) = self.all_files();
        if self.loose {
            files.retain(|(file, _)| !is_container(file) && !self.except.contains(&self.absolute(file)));
        }
        (files, closed)
    }

    /// Every ordinary file below the root with its length, in order; links are not followed. Then the folders that cannot be read.
    pub(super) fn all_files(&self) -> (Vec<(String, u64)>, Vec<String>) {
        let mut found = Vec::new();
        let mut closed = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(above) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(self.absolute(&above)) else {
                closed.push(above);
                continue;
            };
            for entry in entries {
                let Ok((kind, entry)) = entry.and_then(|entry| Ok((entry.file_type()?, entry))) else {
                    closed.push(above.clone());
                    break;
                };
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if above.is_empty() {
                    name
                } else {
                    format!("{above}/{name}")
                };
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() {
                    let length = entry.metadata().map(|data| data.len()).unwrap_or_default();
                    found.push((path, length));
                }
            }
        }
        found.sort();
        closed.sort();
        (found, closed)
    }

    /// The real path of a file that [`Folder::files`] named.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Replaces or creates the file: a new one beside it, synced, renamed over it. Behind a hive its transaction logs are wiped and
    /// emptied, for they hold old pages of it.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        let destination = self.place(path)?;
        let parent = destination.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(parent).map_err(|cause| system(parent, cause))?;
        file::replace(&destination, content, |_| Ok(())).map_err(|cause| Error::NotReplaced {
            place: destination.display().to_string(),
            cause,
        })?;
        if hive::is_hive(content) {
            hive::empty_logs(&destination).map_err(|cause| system(&destination, cause))?;
        }
        Ok(())
    }

    /// As [`Folder::write`], and overwrites the old content; a file without content is emptied where it is.
    pub(super) fn write_over(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        let destination = self.place(path)?;
        if content.is_empty() {
            return file::empty(&destination).map_err(|cause| system(&destination, cause));
        }
        file::replace_and_wipe(&destination, content).map_err(|cause| Error::NotReplaced {
            place: destination.display().to_string(),
            cause,
        })
    }

    /// The real path of what Windows would find at `path`.
    pub(super) fn find(&self, path: &str) -> Result<Option<PathBuf>, Error> {
        let mut place = self.root.clone();
        for part in path.split('/') {
            match child(&place, part)? {
                Some(next) => place = next,
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// Where `path` is or would be: parts that exist in their own spelling, the rest as named.
    fn place(&self, path: &str) -> Result<PathBuf, Error> {
        let mut place = self.root.clone();
        for part in path.split('/') {
            place = child(&place, part)?.unwrap_or_else(|| place.join(part));
        }
        Ok(place)
    }
}

/// The entry of `folder` named `name` but for case; the exact spelling wins.
fn child(folder: &Path, name: &str) -> Result<Option<PathBuf>, Error> {
    let exact = folder.join(name);
    if exact.symlink_metadata().is_ok() {
        return Ok(Some(exact));
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(cause) => return Err(system(folder, cause)),
    };
    for entry in entries {
        let entry = entry.map_err(|cause| system(folder, cause))?;
        if entry
            .file_name()
            .to_str()
            .is_some_and(|found| same_name(found, name))
        {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Whether a file's name ends in this extension.
pub(super) fn is_named(file: &str, extension: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, own)| same_name(own, extension))
}

/// Whether a file is a container of images by its name: those are targets of their own.
fn is_container(file: &str) -> bool {
    CONTAINERS.iter().any(|extension| is_named(file, extension))
}

fn system(place: &Path, cause: std::io::Error) -> Error {
    Error::System {
        place: place.display().to_string(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_without_regard_to_case_and_replaced_in_their_own_spelling() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("WINDOWS/system32/Config");
        std::fs::create_dir_all(&real).unwrap();
        std::fs::write(real.join("Software"), b"old").unwrap();
        let folder = Folder::open(root.path()).unwrap();
        assert_eq!(&folder.read(SOFTWARE).unwrap().unwrap()[..], b"old");
        folder.write(SOFTWARE, b"new").unwrap();
        assert_eq!(std::fs::read(real.join("Software")).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(&real).unwrap().count(), 1);
        folder.write("Windows/Panther/unattend.xml", b"<a/>").unwrap();
        assert!(root.path().join("WINDOWS/Panther/unattend.xml").is_file());
        assert!(folder.read("Windows/none").unwrap().is_none());
        assert_eq!(folder.list("windows/PANTHER").unwrap().unwrap(), ["unattend.xml"]);
        assert!(folder.list("Windows/none").unwrap().is_none());
    }

    #[test]
    fn the_logs_of_a_hive_are_emptied_when_it_is_replaced_and_no_other_files() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("Windows/System32/config");
        std::fs::create_dir_all(&real).unwrap();
        for name in [
            "SOFTWARE",
            "SOFTWARE.LOG1",
            "software.log2",
            "SYSTEM.LOG1",
            "SOFTWARE.TXT",
        ] {
            std::fs::write(real.join(name), b"old").unwrap();
        }
        let folder = Folder::open(root.path()).unwrap();
        let length = |name| real.join(name).metadata().unwrap().len();
        folder.write(SOFTWARE, b"no hive").unwrap();
        assert_eq!(length("SOFTWARE.LOG1"), 3);
        let content = hive::Hive::create(5).unwrap().finish().unwrap();
        folder.write(SOFTWARE, &content).unwrap();
        assert_eq!((length("SOFTWARE.LOG1"), length("software.log2")), (0, 0));
        assert_eq!((length("SYSTEM.LOG1"), length("SOFTWARE.TXT")), (3, 3));
        assert_eq!(std::fs::read(real.join("SOFTWARE")).unwrap(), *content);
    }

    #[test]
    fn a_folder_without_hives_is_no_image() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(Folder::open(root.path()), Err(Error::NotAnImage { .. })));
    }
}
