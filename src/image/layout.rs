//! Folders that hold several things with images in them: an extracted installation medium, the RemoteInstall folder of WDS.
//!
//! Source: Microsoft, Windows Setup Supported Platforms and Cross-Platform Deployments (`sources`), Windows Setup Edition
//! Configuration and Product ID Files (`ei.cfg`, `PID.txt`); Windows Deployment Services Getting Started Guide (`RemoteInstall`).

use super::Error;
use super::folder::Folder;
use crate::text::same_name;
use std::path::{Path, PathBuf};

/// What a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// A WIM file, or the root of one image.
    Image,
    /// An extracted installation medium.
    Medium(Vec<Part>),
    /// A RemoteInstall folder of WDS.
    RemoteInstall(Vec<Part>),
}

/// Something in such a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file or folder.
    pub path: PathBuf,
    /// What it is there for.
    pub role: Role,
}

/// What a part is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Images that are installed.
    Install,
    /// Images that Setup runs from (Windows PE): they never activate, but keys may lie about in them.
    Boot,
    /// The folder itself with all files in it but WIMs.
    Loose,
    /// The place of the answer file that Setup finds by itself.
    SetupAnswers,
    /// The place of the answer file that WDS gives to an install image.
    ImageAnswers,
    /// The folder of the answer files that WDS gives to its client.
    ClientAnswers,
}

/// The install image of a medium, in the order in which Setup looks for it.
const INSTALL_FILES: [&str; 3] = [
    "sources/install.wim",
    "sources/install.esd",
    "sources/install.swm",
];
/// The folders that make a RemoteInstall folder.
const WDS_FOLDERS: [&str; 2] = ["Images", "Boot"];
/// What the names of containers of images end in.
const CONTAINERS: [&str; 4] = ["wim", "esd", "swm", "rwm"];

impl Layout {
    /// Looks what a target is. What does not exist is an image: whoever opens it says so.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn of(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() || Folder::open(path).is_ok() {
            return Ok(Self::Image);
        }
        let folder = Folder::loose(path);
        for file in INSTALL_FILES {
            if let Some(install) = folder.find(file)? {
                return medium(&folder, path, install);
            }
        }
        let mut found = Vec::new();
        for name in WDS_FOLDERS {
            found.extend(folder.find(name)?.filter(|found| found.is_dir()));
        }
        match found.as_slice() {
            [images, boot] => remote_install(&folder, path, images, boot),
            _ => Ok(Self::Image),
        }
    }
}

fn medium(folder: &Folder, root: &Path, install: PathBuf) -> Result<Layout, Error> {
    let mut parts = vec![Part {
        path: install,
        role: Role::Install,
    }];
    parts.extend(folder.find("sources/boot.wim")?.map(|path| Part {
        path,
        role: Role::Boot,
    }));
    let answers = folder.find("Autounattend.xml")?;
    parts.push(Part {
        path: answers.unwrap_or_else(|| root.join("Autounattend.xml")),
        role: Role::SetupAnswers,
    });
    parts.push(Part {
        path: root.to_owned(),
        role: Role::Loose,
    });
    Ok(Layout::Medium(parts))
}

fn remote_install(folder: &Folder, root: &Path, images: &Path, boot: &Path) -> Result<Layout, Error> {
    let mut parts = Vec::new();
    for (file, _) in Folder::loose(images).all_files().0 {
        if is_named(&file, "wim") {
            let path = images.join(&file);
            parts.push(Part {
                path: path.with_extension("").join("Unattend").join("ImageUnattend.xml"),
                role: Role::ImageAnswers,
            });
            parts.push(Part {
                path,
                role: Role::Install,
            });
        }
    }
    // What is served comes before the answer files that go with it.
    parts.sort_by_key(|part| part.role == Role::ImageAnswers);
    for (file, _) in Folder::loose(boot).all_files().0 {
        if is_named(&file, "wim") {
            parts.push(Part {
                path: boot.join(&file),
                role: Role::Boot,
            });
        }
    }
    let client = folder.find("WdsClientUnattend")?;
    parts.push(Part {
        path: client.unwrap_or_else(|| root.join("WdsClientUnattend")),
        role: Role::ClientAnswers,
    });
    parts.push(Part {
        path: root.to_owned(),
        role: Role::Loose,
    });
    Ok(Layout::RemoteInstall(parts))
}

fn is_named(file: &str, extension: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, own)| same_name(own, extension))
}

/// Whether a file is a container of images by its name: those are targets of their own.
pub(super) fn is_container(file: &str) -> bool {
    CONTAINERS.iter().any(|extension| is_named(file, extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    fn parts(root: &Path, layout: Layout) -> Vec<(String, Role)> {
        let (Layout::Medium(parts) | Layout::RemoteInstall(parts)) = layout else {
            return Vec::new();
        };
        let name = |part: &Part| part.path.strip_prefix(root).unwrap().display().to_string();
        parts.iter().map(|part| (name(part), part.role)).collect()
    }

    #[test]
    fn a_medium_is_known_by_its_install_image_in_any_case() {
        let root = tree(&[
            "Sources/INSTALL.ESD",
            "sources/boot.wim",
            "autounattend.xml",
            "setup.exe",
        ]);
        let found = parts(root.path(), Layout::of(root.path()).unwrap());
        // Two folders whose names differ in case are a thing of this file system: both are looked into.
        assert!(found.iter().any(|part| part.1 == Role::Install), "{found:?}");
        assert!(
            found.contains(&("autounattend.xml".to_owned(), Role::SetupAnswers)),
            "{found:?}"
        );
        assert!(found.contains(&(String::new(), Role::Loose)), "{found:?}");
    }

    #[test]
    fn a_remote_install_folder_gives_its_images_with_their_answer_files() {
        let root = tree(&[
            "Images/Clients/win11.wim",
            "Images/Clients/Res.RWM",
            "Boot/x64/Images/boot.wim",
            "WdsClientUnattend/a.xml",
        ]);
        let found = parts(root.path(), Layout::of(root.path()).unwrap());
        assert_eq!(
            found,
            [
                ("Images/Clients/win11.wim".to_owned(), Role::Install),
                (
                    "Images/Clients/win11/Unattend/ImageUnattend.xml".to_owned(),
                    Role::ImageAnswers
                ),
                ("Boot/x64/Images/boot.wim".to_owned(), Role::Boot),
                ("WdsClientUnattend".to_owned(), Role::ClientAnswers),
                (String::new(), Role::Loose),
            ]
        );
    }

    #[test]
    fn anything_else_is_an_image_or_nothing() {
        let root = tree(&["Windows/System32/config/SOFTWARE", "sources/install.wim"]);
        assert_eq!(Layout::of(root.path()).unwrap(), Layout::Image);
        assert_eq!(Layout::of(&root.path().join("missing")).unwrap(), Layout::Image);
        assert_eq!(Layout::of(tree(&["Boot/x"]).path()).unwrap(), Layout::Image);
    }
}
