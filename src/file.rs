//! file - replacing a file on disk: whatever happens, its path names the whole old content or the whole new.
//!
//! Promise: the new content goes to a file beside the old one, is synced, read back, compared, and renamed over it. Mode, owner and
//! extended attributes stay, the access lists of an NTFS volume among them. A new file that did not come to its place is overwritten
//! with zeros before it is removed, for it may hold a key; one that a killed run left, by the next run that writes in its folder.

mod filling;
mod held;
mod leftovers;
mod standing;

pub use filling::Filling;
pub use held::{Held, hold};
pub use standing::take_over_standing;

use crate::bytes::slice_mut;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// How many bytes are written, compared or wiped at a time.
const STEP: usize = 1 << 20;
/// How many bytes are copied before the medium is told to begin with them.
const COPY_STEP: u64 = 8 << 20;
/// What the system writes at least, in bytes.
const PAGE: usize = 4096;

/// Why a file was not replaced as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system reported an error. The file is as it was before.
    #[error("{0}\nThe file is as it was before; check the folder's free space and rights.")]
    System(#[from] io::Error),
    /// A device, a pipe or a folder stands at the path.
    #[error(
        "it is no ordinary file, and only such a file can be replaced\nName a file; what goes into a pipe or a device is to be written to a file first."
    )]
    NotAFile,
    /// What was read back is not what was written, or is not acceptable. The file is as it was before.
    #[error("{0}\nThe file is as it was before; check the disk and the memory.")]
    Rejected(String),
    /// The new content stands in its place, but the folder could not be synced.
    #[error(
        "the file is replaced, but a loss of power now could undo that: {0}\nThe file holds its new content; check the disk."
    )]
    Unsynced(io::Error),
}

/// What is done to the disk, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    Sync,
    TakeOverStanding,
    Read,
    Rename,
    SyncFolder,
}

/// Makes `bytes` the content of the file at `path`, at once or not at all. What was written is read back and compared, and `bytes`
/// are shown to `accept` (meanwhile, in a thread of its own), before they take the old file's place.
///
/// If `path` is a symbolic link, the file that it points to is replaced. Old blocks of the file stay on the medium until the system
/// uses them again.
///
/// # Errors
/// [`Error`]; each says what the file is then.
pub fn replace(
    path: &Path,
    bytes: &[u8],
    accept: impl FnOnce(&[u8]) -> Result<(), String> + Send,
) -> Result<(), Error> {
    Draft::new(path)?.replace(bytes, accept)
}

/// As [`replace`], for contents that must not be found again: once the new content stands in its place, zeros are written over the old
/// one before its blocks are given back. Best effort: a journal, a snapshot or a flash drive may keep copies that nobody can reach from
/// here, and a file that has other names is left alone, for they still show it.
///
/// # Errors
/// As [`replace`].
pub fn replace_and_wipe(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let old = OpenOptions::new().write(true).open(path).ok();
    replace(path, bytes, |_| Ok(()))?;
    if let Some(old) = old {
        wipe_nameless(old);
    }
    Ok(())
}

/// Writes zeros over a file that was replaced, if no name leads to it any more. Best effort: the new content stands, and what cannot be
/// wiped is not worth undoing that.
pub fn wipe_nameless(mut file: File) {
    if has_no_name(&file) {
        _ = wipe(&mut file);
    }
}

/// Whether no name leads to the file any more.
fn has_no_name(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// A new file in `folder`, which is removed unless it gets a name there. What killed runs left there is wiped and removed.
///
/// # Errors
/// What the system reports, without the temporary name, which means nothing to anybody.
pub fn fresh_in(folder: &Path) -> io::Result<NamedTempFile> {
    let fresh = tempfile::Builder::new()
        .prefix(leftovers::PREFIX)
        .tempfile_in(folder)
        .map_err(|cause| io::Error::from(cause.kind()))?;
    // As long as it is locked, nobody takes it for what a killed run left; where there are no locks, nothing is taken for that.
    _ = fresh.as_file().try_lock();
    leftovers::remove(folder);
    Ok(fresh)
}

/// A new file beside the one whose place it is to take.
pub struct Draft {
    target: PathBuf,
    folder: PathBuf,
    /// `None` when it has taken its place.
    fresh: Option<NamedTempFile>,
    copying: Option<Copying>,
}

/// What fills a draft in a thread of its own.
struct Copying {
    thread: JoinHandle<()>,
    /// Says that all is copied; what the thread does then does not write.
    done: Receiver<()>,
}

impl Draft {
    /// An empty draft for the file at `path`.
    ///
    /// # Errors
    /// [`Error::System`], [`Error::NotAFile`].
    pub fn new(path: &Path) -> Result<Self, Error> {
        let target = match path.canonicalize() {
            Ok(target) if !target.is_file() => return Err(Error::NotAFile),
            Ok(target) => target,
            // A link that leads to no file yet: the file is made where it leads.
            Err(error) if error.kind() == io::ErrorKind::NotFound => match path.read_link() {
                Ok(led) => path.parent().unwrap_or(Path::new(".")).join(led),
                Err(_) => path.to_owned(),
            },
            Err(error) => return Err(error.into()),
        };
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Ok(Self {
            folder: folder.to_owned(),
            fresh: Some(fresh_in(folder)?),
            target,
            copying: None,
        })
    }

    /// A draft that begins to take over the content of `source` now, while the caller still works on a few changes to it:
    /// [`Draft::replace`] then writes what is different. Whether `source` could be copied, or changes meanwhile, makes no difference
    /// but of time.
    ///
    /// # Errors
    /// As [`Draft::new`].
    pub fn of(path: &Path, mut source: File) -> Result<Self, Error> {
        let mut draft = Self::new(path)?;
        let Some(fresh) = &draft.fresh else {
            return Ok(draft);
        };
        let mut copy = fresh.as_file().try_clone()?;
        let (tell, done) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            _ = source
                .seek(SeekFrom::Start(0))
                .and_then(|_| copy_and_begin_sync(&mut source, &mut copy));
            _ = tell.send(());
            // The sooner this begins, the less is left to wait for.
            _ = copy.sync_data();
        });
        draft.copying = Some(Copying { thread, done });
        Ok(draft)
    }

    /// As [`replace`], with what the draft holds already.
    ///
    /// # Errors
    /// As [`replace`].
    pub fn replace(
        self,
        bytes: &[u8],
        accept: impl FnOnce(&[u8]) -> Result<(), String> + Send,
    ) -> Result<(), Error> {
        self.replace_in_steps(bytes, accept, &mut |_| Ok(()))
    }

    /// As [`Draft::replace`]; before each step `gate` says whether it may be done.
    fn replace_in_steps(
        mut self,
        bytes: &[u8],
        accept: impl FnOnce(&[u8]) -> Result<(), String> + Send,
        gate: &mut dyn FnMut(Step) -> io::Result<()>,
    ) -> Result<(), Error> {
        std::thread::scope(|scope| {
            let judgement = scope.spawn(|| accept(bytes));
            let prepared = self.prepare(bytes, gate);
            let accepted = judgement.join();
            prepared?;
            let accepted = accepted.unwrap_or_else(|_| Err("its judgement failed".to_owned()));
            accepted.map_err(Error::Rejected)
        })?;
        self.take_place(gate)
    }

    /// The file itself.
    fn file(&self) -> io::Result<&File> {
        let gone = || io::Error::other("the new file has taken its place already");
        self.fresh.as_ref().map(NamedTempFile::as_file).ok_or_else(gone)
    }

    /// Renames the file, which is as it should be, over the old one.
    fn take_place(&mut self, gate: &mut dyn FnMut(Step) -> io::Result<()>) -> Result<(), Error> {
        gate(Step::Rename)?;
        let Some(fresh) = self.fresh.take() else {
            return Ok(());
        };
        if let Err(error) = fresh.persist(&self.target) {
            self.fresh = Some(error.file);
            return Err(error.error.into());
        }
        gate(Step::SyncFolder)
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(Error::Unsynced)
    }

    /// Everything that comes before the rename.
    fn prepare(&mut self, bytes: &[u8], gate: &mut dyn FnMut(Step) -> io::Result<()>) -> Result<(), Error> {
        let Some(fresh) = &mut self.fresh else {
            return Ok(());
        };
        let file = fresh.as_file_mut();
        if let Some(copying) = &self.copying {
            _ = copying.done.recv();
        }
        let written = mend(file, bytes, gate)?;
        gate(Step::TakeOverStanding)?;
        take_over_standing(file, &self.target)?;
        if let Some(copying) = self.copying.take() {
            _ = copying.thread.join();
        }
        gate(Step::Sync)?;
        file.sync_all()?;
        gate(Step::Read)?;
        if holds(file, bytes, &written)? {
            Ok(())
        } else {
            Err(Error::Rejected(
                "the new file does not hold what was written to it".to_owned(),
            ))
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(copying) = self.copying.take() {
            _ = copying.thread.join();
        }
        if let Some(fresh) = &mut self.fresh {
            _ = wipe(fresh.as_file_mut());
        }
    }
}

/// Copies a file to the end; the medium begins with what is copied while the rest is.
fn copy_and_begin_sync(source: &mut File, copy: &mut File) -> io::Result<()> {
    let mut end = 0;
    loop {
        let start = end;
        end += io::copy(&mut Read::by_ref(source).take(COPY_STEP), copy)?;
        if start == end {
            return Ok(());
        }
        begin_sync(copy, start..end);
    }
}

/// Compares the file with `bytes` and writes what is different; gives the parts that were written.
fn mend(
    file: &mut File,
    bytes: &[u8],
    gate: &mut dyn FnMut(Step) -> io::Result<()>,
) -> io::Result<Vec<Range<usize>>> {
    let mut written = Vec::new();
    let mut buffer = Zeroizing::new(vec![0; STEP.min(bytes.len())]);
    let mut left = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    for (part, start) in bytes.chunks(STEP).zip((0..).step_by(STEP)) {
        let there = slice_mut(&mut buffer, 0, part.len().min(left)).unwrap_or_default();
        left -= there.len();
        file.seek(SeekFrom::Start(start as u64))?;
        file.read_exact(there)?;
        if there == part {
            continue;
        }
        gate(Step::Write)?;
        let pairs = part.chunks(PAGE).zip((0..).step_by(PAGE));
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (page, place) in pairs {
            let end = place + page.len();
            if there.get(place..end) == Some(page) {
                continue;
            }
            match runs.last_mut().filter(|run| run.end == place) {
                Some(run) => run.end = end,
                None => runs.push(place..end),
            }
        }
        for run in runs {
            file.seek(SeekFrom::Start((start + run.start) as u64))?;
            file.write_all(part.get(run.clone()).unwrap_or_default())?;
            written.push(start + run.start..start + run.end);
        }
    }
    file.set_len(bytes.len() as u64)?;
    Ok(written)
}

/// Lets the medium begin with bytes that were written; promises nothing.
pub(crate) fn begin_sync(file: &File, range: Range<u64>) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};
        use std::num::NonZeroU64;
        if let Some(length) = NonZeroU64::new(range.end.saturating_sub(range.start)) {
            // Linux begins to write what is dirty before it forgets the rest.
            _ = fadvise(file, range.start, Some(length), Advice::DontNeed);
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        _ = (file, range);
    }
}

/// Whether the file is as long as `bytes` and holds the `written` parts of them; a small part of it is in memory at a time.
fn holds(file: &mut File, bytes: &[u8], written: &[Range<usize>]) -> io::Result<bool> {
    let mut buffer = Zeroizing::new(vec![0; STEP.min(bytes.len())]);
    for run in written {
        file.seek(SeekFrom::Start(run.start as u64))?;
        for part in bytes.get(run.clone()).unwrap_or_default().chunks(STEP) {
            let copy = slice_mut(&mut buffer, 0, part.len()).unwrap_or_default();
            file.read_exact(copy)?;
            if copy != part {
                return Ok(false);
            }
        }
    }
    Ok(file.metadata()?.len() == bytes.len() as u64)
}

/// Overwrites all of a file with zeros.
fn wipe(file: &mut File) -> io::Result<()> {
    let mut left = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.seek(SeekFrom::Start(0))?;
    let zeros = vec![0; STEP.min(left)];
    while left > 0 {
        let step = zeros.get(..left).unwrap_or(&zeros);
        file.write_all(step)?;
        left -= step.len();
    }
    file.sync_all()
}

/// Overwrites the file at `path` with zeros and empties it; one that is not there or is empty stays as it is.
///
/// # Errors
/// What the system reports; the file may then be overwritten in part.
pub fn empty(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    wipe(&mut file)?;
    file.set_len(0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn what_is_not_acceptable_does_not_take_the_place_of_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        std::fs::write(&path, "old").unwrap();
        let error = replace(&path, b"new", |_| Err("it is not as it should be".to_owned())).unwrap_err();
        assert!(matches!(error, Error::Rejected(_)), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.xml"]);
    }

    #[test]
    fn the_new_content_takes_the_place_of_the_old_and_the_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        std::fs::write(&path, "old").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        replace(&path, b"new", |_| Ok(())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777,
            0o640
        );
        assert_eq!(names(folder.path()), ["a.xml"]);
    }

    #[test]
    fn what_is_not_acceptable_leaves_the_old_content_and_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        std::fs::write(&path, "old").unwrap();
        let error = replace(&path, b"new", |_| Err("no".into())).unwrap_err();
        assert!(error.to_string().starts_with("no\n"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.xml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"new", |_| Ok(())).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn a_failure_at_any_step_leaves_the_old_content_or_the_new_and_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        let (old, new) = (vec![1; 5 * STEP / 2], vec![2; 7 * STEP / 2]);
        let mut steps = Vec::new();
        std::fs::write(&path, &old).unwrap();
        let draft = Draft::new(&path).unwrap();
        draft
            .replace_in_steps(&new, |_| Ok(()), &mut |step| {
                steps.push(step);
                Ok(())
            })
            .unwrap();
        assert_eq!(steps.iter().filter(|&&step| step == Step::Write).count(), 4);
        for (failing, &step) in steps.iter().enumerate() {
            std::fs::write(&path, &old).unwrap();
            let mut done = 0;
            let mut gate = |_| {
                // At no moment does the path name anything but the whole old or the whole new content.
                let now = std::fs::read(&path).unwrap();
                assert!(now == old || now == new);
                done += 1;
                if done > failing {
                    return Err(io::Error::other("the disk is gone"));
                }
                Ok(())
            };
            let draft = Draft::new(&path).unwrap();
            let error = draft.replace_in_steps(&new, |_| Ok(()), &mut gate).unwrap_err();
            let is_replaced = step == Step::SyncFolder;
            assert_eq!(matches!(error, Error::Unsynced(_)), is_replaced, "{step:?}");
            assert!(error.to_string().contains("the disk is gone"));
            let expected = if is_replaced { &new } else { &old };
            assert!(std::fs::read(&path).unwrap() == *expected, "{step:?}");
            assert_eq!(names(folder.path()), ["SOFTWARE"], "{step:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_old_content_is_overwritten_unless_another_name_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        std::fs::write(&path, "old").unwrap();
        let mut reader = File::open(&path).unwrap();
        replace_and_wipe(&path, b"new").unwrap();
        let mut left = Vec::new();
        reader.read_to_end(&mut left).unwrap();
        assert_eq!(left, [0; 3]);
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let other = folder.path().join("other");
        std::fs::hard_link(&path, &other).unwrap();
        replace_and_wipe(&path, b"newer").unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"new");
    }

    #[test]
    fn a_draft_gets_what_is_different_whatever_it_took_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        let old: Vec<u8> = (0..=250).cycle().take(5 * STEP / 2).collect();
        let mut changed = old.clone();
        for place in [0, PAGE - 1, PAGE, STEP, 2 * STEP - 1, old.len() - 1] {
            changed[place] ^= 1;
        }
        let longer = [&changed[..], &vec![7; STEP]].concat();
        let shorter = &old[..STEP + 5];
        for new in [&old[..], &changed, &longer, shorter, &[]] {
            std::fs::write(&path, &old).unwrap();
            let mut written = 0;
            let draft = Draft::of(&path, File::open(&path).unwrap()).unwrap();
            draft
                .replace_in_steps(new, |_| Ok(()), &mut |step| {
                    written += usize::from(step == Step::Write);
                    Ok(())
                })
                .unwrap();
            assert!(std::fs::read(&path).unwrap() == new);
            assert!(written <= new.len().div_ceil(STEP) && (written == 0) == old.starts_with(new));
            assert_eq!(names(folder.path()), ["SOFTWARE"]);
        }
        // A source that cannot be read, and a draft that is not wanted any more.
        std::fs::write(&path, &old).unwrap();
        let unreadable = || OpenOptions::new().write(true).open(&path).unwrap();
        Draft::of(&path, unreadable())
            .unwrap()
            .replace(&changed, |_| Ok(()))
            .unwrap();
        assert!(std::fs::read(&path).unwrap() == changed);
        drop(Draft::of(&path, File::open(&path).unwrap()).unwrap());
        assert!(std::fs::read(&path).unwrap() == changed);
        assert_eq!(names(folder.path()), ["SOFTWARE"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_an_ordinary_file_is_replaced_and_a_link_to_none_yet_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [&socket, folder.path(), Path::new("/dev/null")] {
            let error = replace(path, b"new", |_| Ok(())).unwrap_err();
            assert!(matches!(error, Error::NotAFile), "{error}");
        }
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::os::unix::fs::symlink("real", &link).unwrap();
        replace(&link, b"new", |_| Ok(())).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn who_holds_a_file_holds_the_one_that_its_path_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        std::fs::write(&path, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let _held = hold(&path).unwrap();
                        let count: u32 = std::fs::read_to_string(&path).unwrap().parse().unwrap();
                        replace(&path, (count + 1).to_string().as_bytes(), |_| Ok(())).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "80");
        assert_eq!(
            hold(&folder.path().join("none")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn a_file_is_emptied_once_and_a_missing_one_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE.LOG1");
        empty(&path).unwrap();
        std::fs::write(&path, vec![7; 100]).unwrap();
        empty(&path).unwrap();
        empty(&path).unwrap();
        assert_eq!(path.metadata().unwrap().len(), 0);
    }
}
