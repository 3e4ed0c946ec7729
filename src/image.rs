//! image - Windows images wherever they lie: in a WIM, or applied to a folder.
//!
//! Promise: an image hands out files and hives as bytes in memory and takes changed ones back, all of a WIM's in one update.
//! What an image says of itself comes from its hives; the WIM's XML only fills the gaps.

mod error;
mod facts;
mod folder;
mod layout;
mod put;
mod survey;
mod target;
mod wipe;

pub use error::Error;
pub use facts::{Facts, architecture_of};
pub use layout::{Part, Role, parts, wim_of_answers};
pub use put::{NewFile, PackedFile};
pub use survey::{Stream, StreamKind, Watch};
pub use target::{Selector, Target};
pub use wipe::rebuild;

use crate::hive;
use crate::secret::{Bulk, Wiped};
use crate::wim::{self, Room, Wim};
use folder::Folder;
use std::path::{Path, PathBuf};

/// Where the SOFTWARE hive lies.
pub const SOFTWARE: &str = "Windows/System32/config/SOFTWARE";
/// Where the SYSTEM hive lies.
pub const SYSTEM: &str = "Windows/System32/config/SYSTEM";
/// Where the hive lies that every new profile is copied from.
pub const DEFAULT_USER: &str = "Users/Default/NTUSER.DAT";
/// Where Setup looks first for an answer file inside an image.
pub const ANSWER_FILE: &str = "Windows/Panther/unattend.xml";
/// Where an image keeps its key configuration (Windows 7 and later).
pub const KEY_CONFIGURATION: &str = "Windows/System32/spp/tokens/pkeyconfig/pkeyconfig.xrm-ms";
/// Where an image may keep key configurations, the main one first: then those of KMS host keys, and of earlier versions' keys.
pub const KEY_CONFIGURATIONS: [&str; 5] = [
    KEY_CONFIGURATION,
    "Windows/System32/licensing/pkeyconfig/pkeyconfig.xrm-ms", // Windows Vista, Server 2008
    "Windows/System32/spp/tokens/pkeyconfig/pkeyconfig-csvlk.xrm-ms",
    "Windows/System32/spp/tokens/pkeyconfig/pkeyconfig-downlevel.xrm-ms",
    "Windows/System32/licensing/pkeyconfig/pkeyconfig-csvlk.xrm-ms",
];

/// The largest file taken out of an image, in bytes. Real SOFTWARE hives reach some 150 MB.
pub const FILE_LIMIT: u64 = 512 << 20;

/// One image of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// 1 for the first image; 1 for a folder.
    pub index: u32,
    /// Its name; a folder's path.
    pub name: String,
    /// Its description as the WIM's XML has it.
    pub description: Option<String>,
    /// EditionID as the WIM's XML has it.
    pub edition: Option<String>,
    /// Build as the WIM's XML has it.
    pub build: Option<u32>,
    /// Architecture as the WIM's XML has it, as answer files name it.
    pub architecture: Option<&'static str>,
    /// Bytes of all files as the WIM's XML has it.
    pub total_bytes: Option<u64>,
}

impl Image {
    /// An image of which nothing is known but its files.
    pub fn unknown() -> Self {
        Self {
            index: 1,
            name: String::new(),
            description: None,
            edition: None,
            build: None,
            architecture: None,
            total_bytes: None,
        }
    }
}

/// An open target: a WIM with its images, or a folder, which is one image.
#[derive(Debug)]
pub struct Images {
    path: PathBuf,
    kind: Kind,
    selected: Vec<Image>,
}

#[derive(Debug)]
enum Kind {
    Wim(Box<Wim>),
    Folder(Folder),
}

/// What a long run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading images and working out their changes; counted in images.
    Read,
    /// Compressing what changed; counted in bytes.
    Compress,
    /// Writing; counted in bytes.
    Write,
    /// Reading everything back; counted in images.
    Verify,
    /// Looking for keys everywhere; counted in bytes.
    Search,
}

/// Is told what a run is at, how much of it is done and how much there is. May be called from several threads.
pub type Progress<'a> = &'a (dyn Fn(Phase, u64, u64) + Sync);

impl Images {
    /// Opens a target for reading and selects the images it names. Of an extracted installation medium, that is its install image.
    ///
    /// # Errors
    /// What is not an image, is damaged, or has no image of that index or name.
    pub fn open(target: &Target) -> Result<Self, Error> {
        let target = &layout::installed(target)?;
        let path = target.path().to_owned();
        let (kind, all) = if path.is_dir() {
            let folder = Folder::open(&path)?;
            let image = Image {
                index: 1,
                name: path.display().to_string(),
                ..Image::unknown()
            };
            (Kind::Folder(folder), vec![image])
        } else {
            let wim = Wim::open(&path).map_err(|cause| Error::Wim {
                path: path.clone(),
                cause,
            })?;
            let all = wim.images().iter().map(described).collect();
            (Kind::Wim(Box::new(wim)), all)
        };
        let selected = target.choose(all)?;
        Ok(Self { path, kind, selected })
    }

    /// The files of any folder but containers of images, as if they were one image: what lies about on a medium beside its images.
    pub fn loose(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            kind: Kind::Folder(Folder::loose(path)),
            selected: vec![Image {
                name: path.display().to_string(),
                ..Image::unknown()
            }],
        }
    }

    /// The same without these files, of a folder opened by [`Images::loose`]: [`Images::survey`] does not come upon them.
    #[must_use]
    pub fn without(mut self, files: &[PathBuf]) -> Self {
        if let Kind::Folder(folder) = &mut self.kind {
            folder.leave_out(files);
        }
        self
    }

    /// The images that the target named: one, or all.
    pub fn selected(&self) -> &[Image] {
        &self.selected
    }

    /// The WIM or folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the target is a folder, which is one image.
    pub fn is_folder(&self) -> bool {
        matches!(self.kind, Kind::Folder(_))
    }

    /// Whether it is a folder of any files, opened by [`Images::loose`].
    pub fn is_loose(&self) -> bool {
        matches!(&self.kind, Kind::Folder(folder) if folder.is_loose())
    }

    /// Whether files can be put back, asked before any work is done.
    ///
    /// # Errors
    /// The reason (split, pipable, read-only …) and the way out.
    pub fn writable(&self) -> Result<(), Error> {
        match &self.kind {
            Kind::Wim(wim) => wim.writable().map_err(|cause| self.wim_error(cause)),
            Kind::Folder(_) => Ok(()),
        }
    }

    /// Whether an earlier run was killed and left work to finish: a commit does so, even one without files.
    pub fn was_interrupted(&self) -> bool {
        matches!(&self.kind, Kind::Wim(wim) if wim.was_interrupted())
    }

    /// Whether another program was stopped while it wrote the WIM and left its mark; a commit takes that away.
    pub fn is_marked_as_being_written(&self) -> bool {
        matches!(&self.kind, Kind::Wim(wim) if wim.is_marked_as_being_written())
    }

    /// A file's content; `None` if the image has no such file. Paths are found without regard to case.
    ///
    /// # Errors
    /// A file over [`FILE_LIMIT`], damage, or what the system reports.
    pub fn read(&self, image: u32, path: &str) -> Result<Option<Wiped>, Error> {
        match &self.kind {
            Kind::Wim(wim) => self.if_there(wim, image, path, |wim| wim.read(image, path, FILE_LIMIT)),
            Kind::Folder(folder) => folder.read(path),
        }
    }

    /// What `read` gives, if the WIM has such a file.
    fn if_there<T>(
        &self,
        wim: &Wim,
        image: u32,
        path: &str,
        read: impl FnOnce(&Wim) -> Result<T, wim::Error>,
    ) -> Result<Option<T>, Error> {
        let found = wim.find(image, path).map_err(|cause| self.wim_error(cause))?;
        let content = found.map(|_| read(wim)).transpose();
        content.map_err(|cause| self.wim_error(cause))
    }

    /// A file's length in bytes; `None` if the image has no such file, or its content is in another part of the WIM.
    ///
    /// # Errors
    /// Damage, or what the system reports.
    pub fn size(&self, image: u32, path: &str) -> Result<Option<u64>, Error> {
        match &self.kind {
            Kind::Wim(wim) => {
                let found = wim.find(image, path).map_err(|cause| self.wim_error(cause))?;
                Ok(found.and_then(|entry| entry.size))
            }
            Kind::Folder(folder) => folder.size(path),
        }
    }

    /// About how much memory the open target takes, in bytes.
    pub fn memory(&self) -> u64 {
        match &self.kind {
            Kind::Wim(wim) => wim.memory(),
            Kind::Folder(_) => 0,
        }
    }

    /// About how much memory the directory trees of the selected images take when they are read, in bytes.
    pub fn tree_sizes(&self) -> u64 {
        match &self.kind {
            Kind::Wim(wim) => {
                let sizes = self.selected.iter().map(|image| wim.tree_size(image.index));
                sizes.fold(0, u64::saturating_add)
            }
            Kind::Folder(_) => 0,
        }
    }

    /// As [`Images::read`], in the memory of `room` if it is a WIM's; see [`Wim::read_into`].
    ///
    /// # Errors
    /// As [`Images::read`].
    pub fn read_into(&self, image: u32, path: &str, room: &mut Room) -> Result<Option<Bulk>, Error> {
        match &self.kind {
            Kind::Wim(wim) => self.if_there(wim, image, path, |wim| {
                wim.read_into(image, path, FILE_LIMIT, room)
            }),
            Kind::Folder(folder) => Ok(folder.read(path)?.map(Bulk::from)),
        }
    }

    /// The names of what lies in the folder at `path`; `None` if the image has no such folder. The path is found without
    /// regard to case.
    ///
    /// # Errors
    /// Damage, or what the system reports.
    pub fn list(&self, image: u32, path: &str) -> Result<Option<Vec<String>>, Error> {
        match &self.kind {
            Kind::Wim(wim) => {
                let found = wim.find(image, path).map_err(|cause| self.wim_error(cause))?;
                if found.is_none() {
                    return Ok(None);
                }
                let entries = wim.children(image, path).map_err(|cause| self.wim_error(cause))?;
                Ok(Some(entries.into_iter().map(|entry| entry.name).collect()))
            }
            Kind::Folder(folder) => folder.list(path),
        }
    }

    /// A file that every Windows image has.
    ///
    /// # Errors
    /// As [`Images::read`]; [`Error::NoFile`] if it is not there.
    pub fn require(&self, image: &Image, path: &'static str) -> Result<Wiped, Error> {
        self.read(image.index, path)?
            .ok_or_else(|| self.no_file(image, path))
    }

    fn no_file(&self, image: &Image, file: &'static str) -> Error {
        Error::NoFile {
            image: self.describe(image),
            file,
        }
    }

    /// As [`Images::require`], in the memory of `room` if it is a WIM's; see [`Wim::read_into`].
    ///
    /// # Errors
    /// As [`Images::require`].
    pub fn require_into(&self, image: &Image, path: &'static str, room: &mut Room) -> Result<Bulk, Error> {
        self.read_into(image.index, path, room)?
            .ok_or_else(|| self.no_file(image, path))
    }

    /// An image in words, for messages.
    pub fn describe(&self, image: &Image) -> String {
        match self.kind {
            Kind::Wim(_) => format!(
                "image {} ({}) of {}",
                image.index,
                crate::text::printable(&image.name),
                self.path.display()
            ),
            Kind::Folder(_) => self.path.display().to_string(),
        }
    }

    /// Names the image and the file in a hive's error.
    pub fn hive_error(&self, image: &Image, file: &str, cause: hive::Error) -> Error {
        Error::Hive {
            image: self.describe(image),
            file: file.to_owned(),
            cause,
        }
    }

    fn wim_error(&self, cause: wim::Error) -> Error {
        Error::Wim {
            path: self.path.clone(),
            cause,
        }
    }
}

fn described(image: &wim::ImageInfo) -> Image {
    Image {
        index: image.index,
        name: image.name.clone().unwrap_or_default(),
        description: image.description.clone(),
        edition: image.edition_id.clone(),
        build: image.build,
        architecture: image.architecture.and_then(architecture_of),
        total_bytes: image.total_bytes,
    }
}
