//! scrub - removes what [`crate::audit`] finds, and proves it.
//!
//! Promise: only what is in the list of removals changes. Keys that Microsoft publishes stay unless they are asked for. Everything is
//! worked out before the first byte is written; then the result is opened afresh and searched again, every stream decompressed and
//! every dead byte, for every form of every key that was removed. What is still there is counted and named, never left out.

mod file;

use crate::audit::{self, Audit, Kind, Options, Trace};
use crate::catalog::traces::Scrub;
use crate::finding::Level;
use crate::image::{self, Images, NewFile, Progress, Target};
use crate::key::ProductKey;
use crate::plan::Destination;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// What to remove.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The kinds of traces; empty for all but [`Kind::Other`].
    pub kinds: Vec<Kind>,
    /// Keys to remove even if they are published.
    pub keys: Vec<Arc<ProductKey>>,
    /// Remove published keys too.
    pub published: bool,
    /// Write a WIM afresh whose solid resources hold what is to be removed.
    pub rewrite_solid: bool,
    /// Files of a folder of loose files that are not looked at, because whoever asks writes them.
    pub except: Vec<PathBuf>,
}

/// Why nothing could be removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target cannot be read or written.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// An answer file that cannot be edited.
    #[error("{file} in {image}: {cause}")]
    AnswerFile {
        /// The image in words.
        image: String,
        /// The path inside it.
        file: String,
        /// What is wrong with it.
        cause: Box<crate::unattend::Error>,
    },
}

impl Error {
    /// Whether this is a refusal for the target's safety rather than a failure.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Image(error) => error.is_refusal(),
            Self::AnswerFile { .. } => true,
        }
    }
}

/// Something removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The image; `None` for what belongs to none.
    pub image: Option<u32>,
    /// The file in the image, or what it is instead of a file.
    pub path: String,
    /// Where in the file, in words.
    pub place: String,
    /// What was there, in words.
    pub what: String,
    /// What became of it.
    pub how: &'static str,
}

/// What a run did, or would do.
#[derive(Debug)]
pub struct Outcome {
    /// Everything removed, in the order of images, paths and places.
    pub removals: Vec<Removal>,
    /// What was found and stays: reported only, not chosen, or not removable.
    pub left: Vec<Trace>,
    /// Whether the result was opened and searched again, all of it.
    pub verified: bool,
    /// Places in which a removed key was still found in the result.
    pub residue: u64,
}

impl Outcome {
    /// Whether all that could be read and searched, and nothing that matters is left.
    pub fn is_clean(&self) -> bool {
        self.residue == 0 && self.left.iter().all(|trace| trace.level != Level::Error)
    }

    /// How many files or contents could not be searched: nobody knows what is in them.
    pub fn not_searched(&self) -> usize {
        self.left.iter().filter(|trace| trace.is_not_searched()).count()
    }
}

/// Removes traces from all images of a target.
///
/// # Errors
/// The first file that cannot be cleaned; nothing is written then. After the writing began, what made it fail.
pub fn execute(
    target: &Target,
    request: &Request,
    destination: Destination<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, Error> {
    execute_on(Images::open(target)?, target, request, destination, progress)
}

/// As [`execute`], on images that are open; `target` is what they were opened from.
///
/// # Errors
/// As [`execute`].
pub fn execute_on(
    images: Images,
    target: &Target,
    request: &Request,
    destination: Destination<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, Error> {
    if !matches!(destination, Destination::Nowhere) {
        images.writable()?;
    }
    let is_loose = images.is_loose();
    let images = images.without(&request.except);
    let options = Options {
        keys: request.keys.clone(),
        only: false,
    };
    let found = audit::search(&images, &options, progress)?.traces;
    let (chosen, mut left): (Vec<Trace>, Vec<Trace>) =
        found.into_iter().partition(|trace| request.chooses(trace));
    // Settings and the like are the audit's business.
    left.retain(|trace| trace.is_secret() || trace.is_not_searched());
    let mut by_file: BTreeMap<(u32, String), Vec<&Trace>> = BTreeMap::new();
    for trace in chosen.iter().filter(|trace| trace.kind != Kind::Container) {
        let place = (trace.image.unwrap_or(1), trace.path.clone());
        by_file.entry(place).or_default().push(trace);
    }
    let mut cleaner = file::Cleaner::new(&images);
    for ((image, path), traces) in &by_file {
        cleaner.clean(*image, path, traces)?;
    }
    let files = cleaner.finish();
    let container = chosen.iter().any(|trace| trace.kind == Kind::Container);
    let removals: Vec<Removal> = chosen.iter().map(Removal::of).collect();
    let written = match destination {
        Destination::Nowhere => {
            return Ok(Outcome {
                removals,
                left,
                verified: false,
                residue: 0,
            });
        }
        Destination::Target => target.clone(),
        Destination::Copy(path) => target.at(path),
    };
    let is_solid = images.is_solid() && chosen.iter().any(|trace| trace.solid);
    write(images, files, container, destination, progress)?;
    if request.rewrite_solid && is_solid {
        image::rebuild(written.path())?;
    }
    let removed = keys_of(&chosen);
    let again = Options {
        keys: removed,
        only: false,
    };
    let images = if is_loose {
        Images::loose(written.path()).without(&request.except)
    } else {
        Images::open(&written)?
    };
    let Audit { traces, .. } = audit::search(&images, &again, progress)?;
    let known: BTreeSet<_> = left.iter().map(place_of).collect();
    // What stays by choice is no residue; everything else that is found now is.
    let fresh: Vec<Trace> = traces
        .into_iter()
        .filter(|trace| !known.contains(&place_of(trace)))
        .filter(|trace| {
            let is_removed = || again.keys.iter().any(|key| is_of(trace, key));
            trace.is_not_searched() || request.would_choose(trace) || is_removed()
        })
        .collect();
    let residue = fresh.iter().filter(|trace| trace.is_secret()).count() as u64;
    left.extend(fresh);
    let verified = !left.iter().any(Trace::is_not_searched);
    Ok(Outcome {
        removals,
        left,
        verified,
        residue,
    })
}

/// By what a trace is known again; the length of its file may have changed before it.
fn place_of(trace: &Trace) -> (Option<u32>, String, &'static str, Vec<u8>) {
    let key = trace.key().map(|key| key.partial().into_bytes());
    (
        trace.image,
        trace.path.clone(),
        trace.rule.id,
        key.unwrap_or_default(),
    )
}

fn is_of(trace: &Trace, key: &ProductKey) -> bool {
    trace.key().is_some_and(|own| own.symbols() == key.symbols())
}

/// Each key once.
fn keys_of(traces: &[Trace]) -> Vec<Arc<ProductKey>> {
    let mut keys: Vec<Arc<ProductKey>> = Vec::new();
    for key in traces.iter().filter_map(Trace::key) {
        if !keys.iter().any(|own| own.symbols() == key.symbols()) {
            keys.push(Arc::clone(key));
        }
    }
    keys
}

/// Writes the changed files; in a WIM also zeros over what belongs to nothing.
fn write(
    images: Images,
    files: Vec<NewFile>,
    container: bool,
    destination: Destination<'_>,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let output = match destination {
        Destination::Copy(path) => Some(path),
        Destination::Nowhere | Destination::Target => None,
    };
    if files.is_empty() && !container && output.is_none() {
        return Ok(());
    }
    images.commit_and_wipe(files, output, progress)?;
    Ok(())
}

impl Request {
    /// Whether a trace is to be removed, and can be.
    fn chooses(&self, trace: &Trace) -> bool {
        let can = trace.scrub != Scrub::Report && !trace.solid;
        // A file inside a solid resource gets a new content outside of it; what is no file has to stay unless all is written afresh.
        let is_file = trace.kind != Kind::Container;
        let can = can || trace.solid && trace.scrub != Scrub::Report && (is_file || self.rewrite_solid);
        can && self.would_choose(trace)
    }

    /// Whether a trace is to be removed if it can be.
    fn would_choose(&self, trace: &Trace) -> bool {
        let kind = if self.kinds.is_empty() {
            !matches!(trace.kind, Kind::Other | Kind::Report)
        } else {
            self.kinds.contains(&trace.kind)
        };
        kind && trace.is_secret() && (self.published || trace.wanted || !trace.is_published())
    }
}

impl Removal {
    fn of(trace: &Trace) -> Self {
        let how = match trace.scrub {
            Scrub::Clear => "cleared",
            Scrub::Delete => "deleted",
            Scrub::Empty if trace.kind == Kind::Container => "wiped",
            Scrub::Empty => "emptied",
            Scrub::Mask => "masked",
            Scrub::Edit if matches!(trace.kind, Kind::AnswerFile | Kind::Password) => "blanked",
            Scrub::Edit | Scrub::Report => "zeroed",
        };
        Self {
            image: trace.image,
            path: trace.path.clone(),
            place: trace.place.clone(),
            what: trace.message(),
            how,
        }
    }
}
