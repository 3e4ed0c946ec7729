//! plan - what to do to which images, and doing it.
//!
//! Promise: every image is looked at before the first byte is written; one refusal stops all. What is printed, what is written
//! and what is verified is one list of changes. Doing the same again changes nothing.

mod beside;
mod choice;
mod export;
mod files;
mod inputs;
mod logs;
mod planned;
mod prepare;
mod show;
mod wishes;

pub use beside::{Beside, beside};
pub use choice::{KeyChoice, Places};
pub use export::export_settings;
pub use inputs::{InputError, answer_file, first_boot_steps, licence_files, registry_entries, unix_time};
pub use planned::{Planned, export_planned};
pub use prepare::{ImageChanges, Memory, prepare};
pub use show::{Look, show};

use crate::activation::{FirstBootStep, KmsHost};
use crate::image::{self, Images, PackedFile, Phase, Progress, Target};
use crate::secret::Wiped;
use crate::threads::{self, Allowance};
use crate::trace::{Scanner, Traces};
use crate::wim::{Left, LeftReason};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What an operator wants done to every selected image.
#[derive(Debug, Default)]
pub struct Request {
    /// The key to put in.
    pub key: Option<KeyChoice>,
    /// Where to put it; `None` for what suits the key: a client setup key everywhere, any other in the answer file.
    pub places: Option<Places>,
    /// Apply the transaction logs of hives that are dirty.
    pub replay: bool,
    /// Accept a key of another edition.
    pub allow_other_edition: bool,
    /// The value of SkipRearm.
    pub skip_rearm: Option<bool>,
    /// The KMS host to name.
    pub kms_host: Option<KmsHost>,
    /// Settings as `NAME=VALUE`.
    pub settings: Vec<String>,
    /// Names of settings to bring back to their defaults.
    pub unset: Vec<String>,
    /// Entries of registration files.
    pub registry: Vec<crate::regfile::Entry>,
    /// What the machine is to do at the end of Setup.
    pub first_boot: Vec<FirstBootStep>,
    /// Licence files to install at the end of Setup, with their names.
    pub licences: Vec<(String, Wiped)>,
    /// The answer file to put into each image.
    pub answer_file: Option<Wiped>,
    /// Seconds since 1970 to write where a value holds the time of its making.
    pub unix_time: u32,
}

impl Request {
    /// Whether it asks for nothing at all.
    pub fn is_empty(&self) -> bool {
        self.key.is_none()
            && !self.replay
            && self.skip_rearm.is_none()
            && self.kms_host.is_none()
            && self.settings.is_empty()
            && self.unset.is_empty()
            && self.registry.is_empty()
            && self.first_boot.is_empty()
            && self.licences.is_empty()
            && self.answer_file.is_none()
    }
}

/// Why a request cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target cannot be read or written.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// Nothing is asked for.
    #[error(
        "there is nothing to do\nName a key (--gvlk, --key-file …), a setting (--skip-rearm, --kms-host, --set) or an answer file (--unattend)."
    )]
    Nothing,
    /// A registration file holds the settings of one image.
    #[error("a registration file holds the settings of one image\nName one with TARGET:INDEX.")]
    OneImage,
    /// A registration file that cannot be written.
    #[error(transparent)]
    Transfer(#[from] crate::transfer::Error),
    /// No published key for this image's edition.
    #[error(
        "{image}, {edition} build {build}: {reason}\nNothing was written. Leave the image out with TARGET:INDEX, or bring a key of your own (--key-file)."
    )]
    NoPublishedKey {
        /// The image in words.
        image: String,
        /// The edition asked for.
        edition: String,
        /// The image's build.
        build: u32,
        /// Why there is none.
        reason: String,
    },
    /// The key is not for this image.
    #[error(
        "{image}: the key {partial} cannot be used here: {reason}\nNothing was written. Use a key of the image's edition, or name the right image with TARGET:INDEX."
    )]
    WrongKey {
        /// The image in words.
        image: String,
        /// The key's last five symbols.
        partial: String,
        /// What is wrong.
        reason: String,
    },
    /// The key has no place to go to.
    #[error(
        "{image}: the key {partial} has no place to go: {reason}\nAdd --unattend FILE, or --key-in hive if you know that it belongs there."
    )]
    NoPlace {
        /// The image in words.
        image: String,
        /// The key's last five symbols.
        partial: String,
        /// Why not the hive.
        reason: String,
    },
    /// The answer file cannot be used.
    #[error(transparent)]
    AnswerFile(#[from] crate::unattend::Error),
    /// A setting that cannot be written.
    #[error(transparent)]
    Setting(#[from] crate::activation::SettingError),
    /// One value is to be two things.
    #[error("{place} {name} is asked for twice, with different values\nLeave one of the two out.")]
    AtOdds {
        /// Where.
        place: String,
        /// Which value.
        name: String,
    },
    /// A new hive was not as asked.
    #[error(
        "{image}: in the new hive, {place} {name} is not as asked\nNothing was written: please report this with the command you ran."
    )]
    NotAsAsked {
        /// The image in words.
        image: String,
        /// Where.
        place: String,
        /// Which value.
        name: String,
    },
    /// A file that the request names.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A registration file that is not for an image.
    #[error(transparent)]
    RegistryFile(#[from] crate::activation::RegistryFileError),
    /// A step for the first start that cannot be written.
    #[error(transparent)]
    FirstBoot(#[from] crate::activation::FirstBootError),
    /// After writing, something was not as asked.
    #[error(
        "{image}: after writing, {place} {name} is not as asked\nThe target is whole but differs: please report this with the command you ran."
    )]
    NotVerified {
        /// The image in words.
        image: String,
        /// Where.
        place: String,
        /// Which value.
        name: String,
    },
}

impl Error {
    /// Whether this is a refusal for the target's safety rather than a failure.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Image(error) => error.is_refusal(),
            Self::NoPublishedKey { .. } | Self::WrongKey { .. } | Self::NoPlace { .. } => true,
            _ => false,
        }
    }

    /// Whether the operator asked for something that makes no sense.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Nothing
            | Self::OneImage
            | Self::AtOdds { .. }
            | Self::Setting(_)
            | Self::RegistryFile(_)
            | Self::FirstBoot(_) => true,
            Self::Input(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// What a run did, or would do.
#[derive(Debug)]
pub struct Outcome {
    /// The changes of each image.
    pub images: Vec<ImageChanges>,
    /// Whether the target was read back and found as asked.
    pub verified: bool,
    /// Places in the written files and the dead parts of the WIM where a replaced key still stands.
    pub residue: u64,
    /// Whether what an interrupted run, or another program, had left was taken away.
    pub cleaned: bool,
}

impl Outcome {
    /// Whether anything differs from before.
    pub fn changed(&self) -> bool {
        self.images.iter().any(ImageChanges::changed)
    }
}

/// Where a run writes to.
#[derive(Debug, Clone, Copy)]
pub enum Destination<'a> {
    /// Nowhere: only say what would change.
    Nowhere,
    /// The target itself.
    Target,
    /// A changed copy at this path.
    Copy(&'a Path),
}

/// Carries a request out on all images of a target, then reads everything back.
///
/// # Errors
/// The first reason found why an image cannot be done; nothing is written then. After the writing began, what made it fail;
/// a WIM is then what it was.
pub fn execute(
    target: &Target,
    request: &Request,
    destination: Destination<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, Error> {
    let will_write = !matches!(destination, Destination::Nowhere);
    Prepared::new(target, request, will_write, progress)?.write(request, destination, progress)
}

/// A target whose changes are worked out and not written yet.
#[derive(Debug)]
pub struct Prepared {
    target: Target,
    images: Images,
    done: Vec<ImageChanges>,
}

impl Prepared {
    /// Looks at all images of a target and works out what a request changes. Only what is new of the contents is kept of a WIM's
    /// files; of a folder's, all of it.
    ///
    /// # Errors
    /// The first reason found why an image cannot be done; if `will_write`, also why the target cannot be written.
    pub fn new(
        target: &Target,
        request: &Request,
        will_write: bool,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let images = Images::open(target)?;
        if will_write {
            images.writable()?;
        }
        if images.selected().is_empty() {
            let path = images.path().to_owned();
            return Err(image::Error::NoImages { path }.into());
        }
        let done = prepare_all(&images, request, Phase::Read, progress)?;
        Ok(Self {
            target: target.clone(),
            images,
            done,
        })
    }

    /// About how much memory is kept for writing, in bytes: new contents, and what is known of the target.
    pub fn kept(&self) -> u64 {
        let files = self.done.iter().flat_map(|changes| &changes.files);
        let files: u64 = files.map(PackedFile::kept).sum();
        files.saturating_add(self.images.memory())
    }

    /// Writes what `request`, which is the same as before, changes; reads everything back.
    ///
    /// # Errors
    /// A target that is another one by now, and what makes the writing fail; a WIM is then what it was.
    pub fn write(
        self,
        request: &Request,
        destination: Destination<'_>,
        progress: Progress<'_>,
    ) -> Result<Outcome, Error> {
        let Self {
            target,
            images,
            mut done,
        } = self;
        let files: Vec<PackedFile> = done
            .iter_mut()
            .flat_map(|changes| std::mem::take(&mut changes.files))
            .collect();
        let (output, written) = match destination {
            Destination::Nowhere => {
                return Ok(Outcome {
                    images: done,
                    verified: false,
                    residue: 0,
                    cleaned: false,
                });
            }
            Destination::Target => (None, target),
            Destination::Copy(path) => (Some(path), target.at(path)),
        };
        let mut residue: u64 = done.iter().map(|changes| changes.residue).sum();
        let stopped = if images.is_marked_as_being_written() {
            "another program was stopped while it wrote this WIM; all contents are whole, and its mark is taken away"
        } else {
            "an earlier run was stopped while it wrote this WIM; all contents are whole, and what it left is wiped"
        };
        let cleaned = images.was_interrupted();
        if let Some(first) = done.first_mut().filter(|_| cleaned) {
            first.notes.push(stopped.to_owned());
        }
        // What was written to a WIM was compared with the contents that were asked again for everything; what did not change was just read.
        let mut verified = true;
        if !files.is_empty() || output.is_some() || images.was_interrupted() {
            verified = images.reads_back();
            let left = images.commit_packed(files, output, progress)?;
            let traces = Traces::of(done.iter().flat_map(|changes| &changes.replaced));
            residue += tell_left(&left, &mut done) + still_there(&written, &left, &done, &traces)?;
        }
        if !verified {
            verify(&written, request, &done, progress)?;
        }
        Ok(Outcome {
            images: done,
            verified: true,
            residue,
            cleaned,
        })
    }
}

/// Notes old contents that are still in the WIM; counts those that hold a key which was replaced and cannot be wiped.
fn tell_left(left: &[Left], done: &mut [ImageChanges]) -> u64 {
    let mut residue = 0;
    for left in left {
        let Some(changes) = done.iter_mut().find(|changes| changes.index == left.image) else {
            continue;
        };
        let replaced = !changes.replaced.is_empty();
        let path = crate::text::printable(&left.path);
        match left.reason {
            LeftReason::Solid => {
                residue += u64::from(replaced);
                changes.notes.push(format!(
                    "the old {path} stays in a solid resource; to be rid of it: wimkey image scrub TARGET --rewrite-solid"
                ));
            }
            LeftReason::StillUsed if replaced => {
                changes.notes.push(format!(
                    "the old {path}, with the key it held, is also the content of other files or images"
                ));
            }
            LeftReason::StillUsed => {}
        }
    }
    residue
}

/// Counts where replaced keys still stand in what was written: other files of the selected images that have the old content, and bytes
/// of the file that belong to nothing.
fn still_there(
    written: &Target,
    left: &[Left],
    done: &[ImageChanges],
    traces: &Traces,
) -> Result<u64, Error> {
    if traces.is_empty() {
        return Ok(0);
    }
    let images = Images::open(written)?;
    let mut count = 0;
    let replaced = |left: &&Left| {
        let changes = done.iter().find(|changes| changes.index == left.image);
        left.reason == LeftReason::StillUsed && changes.is_some_and(|changes| !changes.replaced.is_empty())
    };
    let mut hashes: Vec<_> = left.iter().filter(replaced).map(|left| left.hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    for hash in hashes {
        count += images.holders(&hash)?.len() as u64;
    }
    let mut scanner = Scanner::new(traces, false);
    images.dead_bytes(&mut |bytes| {
        if bytes.is_empty() {
            scanner.finish(&mut |_| count += 1);
        } else {
            scanner.feed(bytes, &mut |_| count += 1);
        }
    })?;
    Ok(count)
}

/// Looks at every selected image, several at a time, and works out its changes. The first refusal, in the order of images, counts.
fn prepare_all(
    images: &Images,
    request: &Request,
    phase: Phase,
    progress: Progress<'_>,
) -> Result<Vec<ImageChanges>, Error> {
    let (next, looked) = (AtomicUsize::new(0), AtomicU64::new(0));
    let total = images.selected().len() as u64;
    progress(phase, 0, total);
    let workers = threads::available().min(images.selected().len()).max(1);
    let allowance = Allowance::among(workers);
    let work = || {
        let mut done = Vec::new();
        let mut memory = Memory::of_worker(&allowance);
        while let Some(image) = images.selected().get(next.fetch_add(1, Ordering::Relaxed)) {
            let changes = prepare(images, image, request, &mut memory);
            let refused = changes.is_err();
            done.push((image.index, changes));
            progress(phase, looked.fetch_add(1, Ordering::Relaxed) + 1, total);
            if refused {
                // No image after this one needs to be looked at.
                next.store(images.selected().len(), Ordering::Relaxed);
            }
        }
        allowance.leave();
        done
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        results
            .flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, changes)| changes).collect()
}

/// Opens what was written and asks again for everything: nothing may be left to change.
fn verify(
    written: &Target,
    request: &Request,
    done: &[ImageChanges],
    progress: Progress<'_>,
) -> Result<(), Error> {
    let images = Images::open(written)?;
    for (again, before) in prepare_all(&images, request, Phase::Verify, progress)?
        .iter()
        .zip(done)
    {
        let open = again.changes.iter().find(|change| change.changed);
        if let Some(change) = open {
            return Err(Error::NotVerified {
                image: before.described.clone(),
                place: change.place.clone(),
                name: change.name.clone(),
            });
        }
    }
    Ok(())
}
