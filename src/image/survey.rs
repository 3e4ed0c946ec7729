//! Every stream of a target, byte by byte: for whoever looks for something that may lie anywhere.
//!
//! Promise: each stored content of a WIM is decompressed once however many files have it, and so is each file of a folder read once;
//! contents that nothing refers to, directory trees, tables and dead bytes of a WIM come too. Several threads share the work.

use super::folder::Folder;
use super::{Error, Images, Kind, Phase, Progress};
use crate::threads;
use crate::wim::{self, Group, Owner, Wim};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use zeroize::Zeroizing;

/// How many bytes of a file are read at a time.
const STEP: usize = 256 << 10;

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// The content of files.
    File,
    /// The directory tree of an image of a WIM: names.
    Tree,
    /// A content of a WIM that nothing refers to.
    Orphan,
    /// Bytes of a WIM that belong to nothing.
    Dead,
    /// Header and tables of a WIM.
    Tables,
}

/// A stream of a target.
#[derive(Debug, Clone)]
pub struct Stream {
    /// What it is.
    pub kind: StreamKind,
    /// The files that have it, as image and path; for a directory tree its image, without a path.
    pub names: Vec<(u32, String)>,
    /// Length in bytes.
    pub size: u64,
    /// Where it begins in the WIM, for dead bytes and tables.
    pub offset: u64,
    /// Whether it lies in a solid resource, which cannot be changed in place.
    pub solid: bool,
}

impl Stream {
    /// Where the byte at `offset` of the stream is told to stand: in the WIM for dead bytes and tables, in the stream for the rest.
    pub fn offset_of(&self, offset: u64) -> u64 {
        match self.kind {
            StreamKind::Dead | StreamKind::Tables => self.offset.saturating_add(offset),
            StreamKind::File | StreamKind::Tree | StreamKind::Orphan => offset,
        }
    }
}

/// Is shown streams, one after the other. Each thread has a watcher of its own.
pub trait Watch: Send {
    /// A stream begins.
    fn begin(&mut self, stream: &Stream);
    /// The next bytes of it.
    fn feed(&mut self, bytes: &[u8]);
    /// It is over; with an error if the rest of it cannot be read.
    fn end(&mut self, stream: &Stream, outcome: Result<(), Error>);
}

/// Work for one thread.
enum Task {
    Group(Group),
    Raw(StreamKind, Range<u64>),
    File(String),
    /// Contents that are not in this file: how many, and one of the files.
    Missing {
        image: u32,
        path: String,
        count: usize,
    },
}

impl Images {
    /// Shows every stream of the selected images, and everything of a WIM that belongs to no image, to watchers that `make` makes;
    /// gives them back.
    ///
    /// # Errors
    /// A target whose directory cannot be read. What is wrong with a single stream the watcher is told.
    pub fn survey<W: Watch>(
        &self,
        make: impl Fn() -> W + Sync,
        progress: Progress<'_>,
    ) -> Result<Vec<W>, Error> {
        let (tasks, names) = self.tasks()?;
        let total = tasks.iter().map(|(_, size)| *size).fold(0, u64::saturating_add);
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        progress(Phase::Search, 0, total);
        let work = || {
            let mut watcher = make();
            while let Some((task, size)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.show(task, &names, &mut watcher);
                progress(
                    Phase::Search,
                    done.fetch_add(*size, Ordering::Relaxed).saturating_add(*size),
                    total,
                );
            }
            watcher
        };
        let threads = threads::available();
        Ok(std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.min(tasks.len()).max(1))
                .map(|_| scope.spawn(work))
                .collect();
            let results = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
            results
                .map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        }))
    }

    /// The files of the selected images that have this content, as image and path; none in a folder.
    ///
    /// # Errors
    /// What is wrong with the directory of an image.
    pub fn holders(&self, hash: &wim::Hash) -> Result<Vec<(u32, String)>, Error> {
        let Kind::Wim(wim) = &self.kind else {
            return Ok(Vec::new());
        };
        let mut holders = Vec::new();
        for image in &self.selected {
            let paths = wim.paths(image.index).map_err(|cause| self.wim_error(cause))?;
            let own = paths.into_iter().filter(|(_, own)| own == hash);
            holders.extend(own.map(|(path, _)| (image.index, path)));
        }
        Ok(holders)
    }

    /// Hands out the bytes of a WIM that belong to nothing, range by range, part by part; an empty part ends a range.
    ///
    /// # Errors
    /// What the system reports.
    pub fn dead_bytes(&self, visit: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        if let Kind::Wim(wim) = &self.kind {
            for range in wim.dead_ranges() {
                wim.raw(range, visit).map_err(|cause| self.wim_error(cause))?;
                visit(&[]);
            }
        }
        Ok(())
    }

    fn tasks(&self) -> Result<(Vec<(Task, u64)>, Names), Error> {
        let mut names = Names::new();
        let tasks = match &self.kind {
            Kind::Folder(folder) => {
                let (files, closed) = folder.files();
                let files = files.into_iter().map(|(path, size)| (Task::File(path), size));
                // Opened as files they say why they cannot be read.
                files
                    .chain(closed.into_iter().map(|path| (Task::File(path), 0)))
                    .collect()
            }
            Kind::Wim(wim) => {
                let failed = |cause| self.wim_error(cause);
                for image in &self.selected {
                    for (path, hash) in wim.paths(image.index).map_err(failed)? {
                        names.entry(hash).or_default().push((image.index, path));
                    }
                }
                let groups = wim.groups().map_err(failed)?;
                let missing = missing(&groups, &names);
                let mut tasks: Vec<_> = groups
                    .into_iter()
                    .filter(|group| self.wants(group, &names))
                    .map(|group| {
                        let size = group.plain_size();
                        (Task::Group(group), size)
                    })
                    .collect();
                for (kind, ranges) in [
                    (StreamKind::Tables, wim.table_ranges()),
                    (StreamKind::Dead, wim.dead_ranges()),
                ] {
                    tasks.extend(ranges.into_iter().map(|range| {
                        let size = range.end - range.start;
                        (Task::Raw(kind, range), size)
                    }));
                }
                tasks.extend(missing.into_iter().map(|task| (task, 0)));
                tasks
            }
        };
        Ok((tasks, names))
    }

    /// Whether some of a group is of a selected image or of none at all.
    fn wants(&self, group: &Group, names: &Names) -> bool {
        let mut contents = group.contents().peekable();
        contents.peek().is_none()
            || contents.any(|content| match content.owner {
                Owner::Files => names.contains_key(&content.hash),
                Owner::Metadata(image) => self.selected.iter().any(|selected| selected.index == image),
                Owner::Nobody | Owner::Gap => true,
            })
    }

    fn show(&self, task: &Task, names: &Names, watcher: &mut impl Watch) {
        match (task, &self.kind) {
            (Task::Group(group), Kind::Wim(wim)) => self.show_group(wim, group, names, watcher),
            (Task::Raw(kind, range), Kind::Wim(wim)) => {
                let stream = Stream {
                    kind: *kind,
                    names: Vec::new(),
                    size: range.end - range.start,
                    offset: range.start,
                    solid: false,
                };
                watcher.begin(&stream);
                let outcome = wim.raw(range.clone(), &mut |bytes| watcher.feed(bytes));
                watcher.end(&stream, outcome.map_err(|cause| self.wim_error(cause)));
            }
            (Task::File(path), Kind::Folder(folder)) => show_file(folder, path, watcher),
            (Task::Missing { image, path, count }, _) => {
                let stream = Stream {
                    kind: StreamKind::File,
                    names: vec![(*image, path.clone())],
                    size: 0,
                    offset: 0,
                    solid: false,
                };
                let path = match count - 1 {
                    0 => path.clone(),
                    others => format!("{path} and of {others} more files"),
                };
                let cause = wim::Error::Elsewhere { image: *image, path };
                watcher.begin(&stream);
                watcher.end(&stream, Err(self.wim_error(cause)));
            }
            _ => {}
        }
    }

    fn show_group(&self, wim: &Wim, group: &Group, names: &Names, watcher: &mut impl Watch) {
        let mut current: Option<(wim::Content, Stream)> = None;
        let outcome = wim.stream(group, &mut |content, bytes| {
            if current.as_ref().is_none_or(|(current, _)| current != content) {
                if let Some((_, stream)) = current.take() {
                    watcher.end(&stream, Ok(()));
                }
                let of_files = names.get(&content.hash).cloned().unwrap_or_default();
                let (kind, names) = match content.owner {
                    Owner::Files => (StreamKind::File, of_files),
                    Owner::Metadata(image) => (StreamKind::Tree, vec![(image, String::new())]),
                    Owner::Nobody => (StreamKind::Orphan, Vec::new()),
                    Owner::Gap => (StreamKind::Dead, Vec::new()),
                };
                let stream = Stream {
                    kind,
                    names,
                    size: content.size,
                    offset: group.offset(),
                    solid: content.solid,
                };
                watcher.begin(&stream);
                current = Some((*content, stream));
            }
            watcher.feed(bytes);
        });
        let outcome = outcome.map_err(|cause| self.wim_error(cause));
        match current {
            Some((_, stream)) => watcher.end(&stream, outcome),
            // Not even its first bytes can be read.
            None => {
                let of = group.contents().next();
                let stream = Stream {
                    kind: StreamKind::File,
                    names: of
                        .and_then(|content| names.get(&content.hash).cloned())
                        .unwrap_or_default(),
                    size: group.plain_size(),
                    offset: group.offset(),
                    solid: false,
                };
                watcher.begin(&stream);
                watcher.end(&stream, outcome);
            }
        }
    }
}

/// The files that have a content.
type Names = HashMap<wim::Hash, Vec<(u32, String)>>;

/// What is missing of each image: the contents that its files have and that no group holds, as in a part of a split WIM.
fn missing(groups: &[Group], names: &Names) -> Vec<Task> {
    let stored: HashSet<_> = groups
        .iter()
        .flat_map(Group::contents)
        .map(|content| content.hash)
        .collect();
    let mut images: BTreeMap<u32, (&str, usize)> = BTreeMap::new();
    let holders = names.iter().filter(|(hash, _)| !stored.contains(*hash));
    for (image, path) in holders.flat_map(|(_, holders)| holders) {
        let (first, count) = images.entry(*image).or_insert((path, 0));
        *first = path.as_str().min(first);
        *count += 1;
    }
    let tasks = images.into_iter().map(|(image, (path, count))| Task::Missing {
        image,
        path: path.to_owned(),
        count,
    });
    tasks.collect()
}

fn show_file(folder: &Folder, path: &str, watcher: &mut impl Watch) {
    let mut stream = Stream {
        kind: StreamKind::File,
        names: vec![(1, path.to_owned())],
        size: 0,
        offset: 0,
        solid: false,
    };
    let place = folder.absolute(path);
    let opened = std::fs::File::open(&place).and_then(|file| {
        stream.size = file.metadata()?.len();
        Ok(file)
    });
    watcher.begin(&stream);
    let outcome = opened.and_then(|mut file| {
        let mut buffer = Zeroizing::new(vec![0; STEP]);
        loop {
            match std::io::Read::read(&mut file, &mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => watcher.feed(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    });
    watcher.end(
        &stream,
        outcome.map_err(|cause| Error::System {
            place: place.display().to_string(),
            cause,
        }),
    );
}
