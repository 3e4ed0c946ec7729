//! Folders that hold several things with images in them: an extracted installation medium, the `RemoteInstall` folder of WDS.
//!
//! Source: Microsoft, Windows Setup Supported Platforms and Cross-Platform Deployments (`sources`), Windows Setup Edition
//! Configuration and Product ID Files (`ei.cfg`, `PID.txt`); Windows Deployment Services Getting Started Guide (`RemoteInstall`).

use super::folder::{Folder, is_named};
use super::{Error, Images, Target};
use std::path::{Path, PathBuf};

/// Something in a target that is a thing of its own: a WIM, an answer file, what else lies about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file or folder, and which images of it.
    pub target: Target,
    /// What it is there for.
    pub role: Role,
}

/// The target itself; of an extracted installation medium, whose other parts are of no interest then, the images that it installs.
pub(super) fn installed(target: &Target) -> Result<Target, Error> {
    let installs = parts(target)?
        .into_iter()
        .filter(|part| part.role == Role::Install);
    let mut installs: Vec<Target> = installs.map(|part| part.target).collect();
    match (installs.pop(), installs.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => Err(Error::SeveralWims {
            path: target.path().to_owned(),
            wims: installs
                .iter()
                .chain([&last])
                .map(|wim| wim.path().display().to_string())
                .collect(),
        }),
        (None, _) => Ok(target.clone()),
    }
}

impl Part {
    /// The images of a WIM, or the loose files of a folder: what a search for keys goes through. `None` if another part of the same
    /// folder has it all.
    ///
    /// # Errors
    /// As [`Images::open`].
    pub fn searched(&self) -> Result<Option<Images>, Error> {
        match self.role {
            Role::Install | Role::Boot => Images::open(&self.target).map(Some),
            Role::Loose => Ok(Some(Images::loose(self.target.path()))),
            Role::SetupAnswers | Role::ImageAnswers | Role::ClientAnswers => Ok(None),
        }
    }
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
/// The folders that make a `RemoteInstall` folder.
const WDS_FOLDERS: [&str; 2] = ["Images", "Boot"];
/// The parts of an extracted installation medium or of a `RemoteInstall` folder; of anything else the target itself, even if it does not
/// exist: whoever opens it says so. The images that the target names are those of the parts that are installed.
///
/// # Errors
/// A folder that cannot be read.
pub fn parts(target: &Target) -> Result<Vec<Part>, Error> {
    let root = target.path();
    let part = |path: &Path, role| Part {
        target: match role {
            Role::Install => target.at(path),
            _ => Target::all_of(path),
        },
        role,
    };
    let whole = vec![part(root, Role::Install)];
    if !root.is_dir() || Folder::open(root).is_ok() {
        return Ok(whole);
    }
    let folder = Folder::loose(root);
    let mut parts = Vec::new();
    for file in INSTALL_FILES {
        if let Some(install) = folder.find(file)? {
            parts.push(part(&install, Role::Install));
            parts.extend(
                folder
                    .find("sources/boot.wim")?
                    .map(|path| part(&path, Role::Boot)),
            );
            let answers = folder.find("Autounattend.xml")?;
            let answers = answers.unwrap_or_else(|| root.join("Autounattend.xml"));
            parts.push(part(&answers, Role::SetupAnswers));
            parts.push(part(root, Role::Loose));
            return Ok(parts);
        }
    }
    let mut found = Vec::new();
    for name in WDS_FOLDERS {
        found.extend(folder.find(name)?.filter(|found| found.is_dir()));
    }
    let [images, boot] = found.as_slice() else {
        return Ok(whole);
    };
    let wims = |folder: &Path| {
        let (files, _) = Folder::loose(folder).all_files();
        let wims = files.into_iter().filter(|(file, _)| is_named(file, "wim"));
        wims.map(|(file, _)| folder.join(file)).collect::<Vec<_>>()
    };
    let installs = wims(images);
    parts.extend(installs.iter().map(|path| part(path, Role::Install)));
    parts.extend(
        installs
            .iter()
            .map(|path| part(&answers_of(path), Role::ImageAnswers)),
    );
    parts.extend(wims(boot).iter().map(|path| part(path, Role::Boot)));
    let client = folder.find("WdsClientUnattend")?;
    let client = client.unwrap_or_else(|| root.join("WdsClientUnattend"));
    parts.push(part(&client, Role::ClientAnswers));
    parts.push(part(root, Role::Loose));
    Ok(parts)
}

/// Where WDS looks for the answer file of the images in the WIM at `path`.
fn answers_of(path: &Path) -> PathBuf {
    path.with_extension("").join("Unattend").join("ImageUnattend.xml")
}

/// The WIM whose images the answer file at `answers` is for, if it lies where WDS looks for it and the WIM is there.
pub fn wim_of_answers(answers: &Path) -> Option<PathBuf> {
    let folder = answers.parent()?.parent()?;
    let siblings = folder.parent()?.read_dir().ok()?;
    let mut paths = siblings.filter_map(|entry| Some(entry.ok()?.path()));
    let is_wim = |path: &Path| {
        let ending = path.extension().unwrap_or_default();
        ending.eq_ignore_ascii_case("wim") && path.is_file()
    };
    paths.find(|path| is_wim(path) && answers_of(path) == answers)
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

    fn found(root: &Path) -> Vec<(String, Role)> {
        let name = |part: &Part| {
            part.target
                .path()
                .strip_prefix(root)
                .unwrap()
                .display()
                .to_string()
        };
        let parts = parts(&Target::all_of(root)).unwrap();
        parts.iter().map(|part| (name(part), part.role)).collect()
    }

    #[test]
    fn a_medium_is_known_by_its_install_image_in_any_case() {
        let root = tree(&[
            "Sources/INSTALL.ESD",
            "Sources/Boot.wim",
            "autounattend.xml",
            "setup.exe",
        ]);
        assert_eq!(
            found(root.path()),
            [
                ("Sources/INSTALL.ESD".to_owned(), Role::Install),
                ("Sources/Boot.wim".to_owned(), Role::Boot),
                ("autounattend.xml".to_owned(), Role::SetupAnswers),
                (String::new(), Role::Loose),
            ]
        );
    }

    #[test]
    fn a_remote_install_folder_gives_its_images_with_their_answer_files() {
        let root = tree(&[
            "Images/Clients/win11.wim",
            "Images/Clients/Res.RWM",
            "Boot/x64/Images/boot.wim",
            "WdsClientUnattend/a.xml",
        ]);
        let found = found(root.path());
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
        for files in [
            &["Windows/System32/config/SOFTWARE", "sources/install.wim"][..],
            &["Boot/x"],
        ] {
            let root = tree(files);
            assert_eq!(found(root.path()), [(String::new(), Role::Install)]);
        }
        let missing = Target::new("missing/install.wim:3");
        assert_eq!(parts(&missing).unwrap()[0].target, missing);
    }
}
