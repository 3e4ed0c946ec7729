//! leftovers - drafts of runs that were killed, which hold what nobody wants any more, maybe a key.
//!
//! Promise: a draft that a run is still at stays, and so does what only looks like one: a link, a file with other names or of another
//! owner. Best effort: nothing that goes wrong here hinders the work.

use super::wipe;
use std::fs::{DirEntry, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

/// What the names of drafts begin with.
pub(super) const PREFIX: &str = ".wimkey-";
/// How many characters that chance chose follow.
const CHANCE: usize = 6;
/// A younger file may be a draft that is not locked yet.
const YOUNG: Duration = Duration::from_secs(10);

/// Overwrites and removes the drafts in `folder` that nobody is at any more.
pub(super) fn remove(folder: &Path) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        _ = remove_if_left(&entry);
    }
}

fn remove_if_left(entry: &DirEntry) -> io::Result<()> {
    let name = entry.file_name();
    let chance = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    let is_named_so = chance.is_some_and(|chance| {
        chance.len() == CHANCE && chance.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if !is_named_so {
        return Ok(());
    }
    let mut file = open(&entry.path())?;
    let metadata = file.metadata()?;
    let age = metadata.modified()?.elapsed().unwrap_or_default();
    if metadata.is_file() && age >= YOUNG && is_ours_alone(&metadata) && file.try_lock().is_ok() {
        // A full disk may have no room for the zeros either: removing it is better than nothing.
        _ = wipe(&mut file);
        std::fs::remove_file(entry.path())?;
    }
    Ok(())
}

/// Opens the file itself, not one that a link leads to.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    options.open(path)
}

/// Whether the file has one name and is of the user whose run this is.
fn is_ours_alone(metadata: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.nlink() == 1 && metadata.uid() == rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        _ = metadata;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Draft, replace};
    use std::time::SystemTime;

    #[test]
    fn what_a_killed_run_left_goes_and_what_somebody_is_at_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let long_ago = SystemTime::now() - 2 * YOUNG;
        let make = |name: &str, time: SystemTime| {
            std::fs::write(file(name), "an old page").unwrap();
            let made = OpenOptions::new().write(true).open(file(name)).unwrap();
            made.set_modified(time).unwrap();
            made
        };
        let dead = make(".wimkey-dead00", long_ago);
        drop(dead);
        let held = make(".wimkey-held00", long_ago);
        held.lock().unwrap();
        make(".wimkey-young0", SystemTime::now());
        make(".wimkey-not-one-of-ours", long_ago);
        make("notes.txt", long_ago);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(file("notes.txt"), file(".wimkey-link00")).unwrap();
            make(".wimkey-names0", long_ago);
            std::fs::hard_link(file(".wimkey-names0"), file("other name")).unwrap();
        }
        replace(&file("SOFTWARE"), b"new", |_| Ok(())).unwrap();
        assert!(!file(".wimkey-dead00").exists());
        for kept in [
            ".wimkey-held00",
            ".wimkey-young0",
            ".wimkey-not-one-of-ours",
            "notes.txt",
        ] {
            assert_eq!(std::fs::read(file(kept)).unwrap(), b"an old page", "{kept}");
        }
        #[cfg(unix)]
        assert!(file(".wimkey-link00").is_symlink() && file("other name").metadata().unwrap().len() > 0);
    }

    #[test]
    fn a_draft_that_is_worked_on_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let _draft = Draft::new(&folder.path().join("SOFTWARE")).unwrap();
        let entry = folder.path().read_dir().unwrap().next().unwrap().unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(name.len() == PREFIX.len() + CHANCE, "{name}");
        let other = OpenOptions::new().write(true).open(entry.path()).unwrap();
        assert!(other.try_lock().is_err());
    }
}
