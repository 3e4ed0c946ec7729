//! `wimkey unattend lint`: many answer files, one image beside them, one list of findings.

use super::super::findings::{FailOptions, tell};
use super::super::terminal::Terminal;
use super::super::{Failure, Outcome};
use crate::Error;
use crate::finding::Finding;
use crate::image::{Images, Target};
use crate::licensing::Dossier;
use crate::lint::{self, KnownImage, Neighbour, NeighbourKind, Surroundings};
use crate::secret::{self, Wiped};
use crate::text::{self, Encoding, Form};
use crate::threads;
use crate::unattend::{self, AnswerFile, SIZE_LIMIT};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The folder on media in which Setup looks for ei.cfg and PID.txt.
const SOURCES: &str = "sources";
/// The largest such file that is looked at, in bytes; real ones have less than a hundred.
const NEIGHBOUR_LIMIT: usize = 64 * 1024;
/// How many files are worth a thread of their own.
const ENOUGH: usize = 16;
/// Standard input instead of a file.
const STDIN: &str = "-";

/// A file to look at.
struct Subject {
    path: PathBuf,
    /// Whether it was named, or found in a folder among others that may be no answer files.
    named: bool,
}

pub(super) fn run(
    files: &[PathBuf],
    image: Option<&str>,
    options: &FailOptions,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    let ground = image.map(Ground::new).transpose()?.unwrap_or_default();
    let images = ground.images();
    let mut subjects = Vec::new();
    for path in files {
        if path.as_os_str() != STDIN && path.is_dir() {
            walk(path, &mut subjects).map_err(|cause| Error::file(path, cause))?;
        } else {
            subjects.push(Subject {
                path: path.clone(),
                named: true,
            });
        }
    }
    let neighbours = neighbours(&subjects);
    // Asking the system for its processors takes longer than to read a few files.
    let threads = if subjects.len() > ENOUGH {
        threads::available()
    } else {
        1
    };
    let share = subjects.len().div_ceil(threads).max(ENOUGH);
    let look = |part: &[Subject]| -> Result<(usize, Vec<Finding>), Error> {
        let mut found = Vec::new();
        let mut count = 0;
        let mut memory = Wiped::default();
        for subject in part {
            let beside = subject.path.parent().and_then(|folder| neighbours.get(folder));
            if let Some(findings) = one(subject, &mut memory, &images, beside.map_or(&[], Vec::as_slice))? {
                count += 1;
                found.extend(findings);
            }
        }
        Ok((count, found))
    };
    let mut findings = Vec::new();
    let mut count = 0;
    let mut take = |(files, found): (usize, Vec<Finding>)| {
        count += files;
        findings.extend(found);
    };
    let mut parts = subjects.chunks(share);
    if let (Some(first), rest) = (parts.next(), parts) {
        std::thread::scope(|scope| -> Result<(), Failure> {
            let others: Vec<_> = rest.map(|part| scope.spawn(move || look(part))).collect();
            take(look(first)?);
            for other in others {
                let done = other.join().unwrap_or_else(|_| {
                    Err(Error::Usage(
                        "a thread ended early\nReport these files as a fault of wimkey.".into(),
                    ))
                });
                take(done?);
            }
            Ok(())
        })?;
    }
    if count == 0 {
        // A slip in the folder's name must not pass for a clean file.
        let shown = files
            .iter()
            .map(|path| text::printable(&path.display().to_string()));
        let sentence = format!(
            "there is no answer file in {}\nName an answer file, or a folder that holds some.",
            shown.collect::<Vec<_>>().join(", ")
        );
        return Err(Error::NotFound(sentence).into());
    }
    if findings.is_empty() {
        let plural = if count == 1 { "" } else { "s" };
        terminal.say(&format!("{count} answer file{plural}, nothing found"));
    }
    tell(&findings, options, terminal)
}

/// The findings in one file; `None` if it was only found in a folder and is no answer file.
fn one(
    subject: &Subject,
    memory: &mut Wiped,
    images: &[KnownImage<'_>],
    beside: &[Neighbour],
) -> Result<Option<Vec<Finding>>, Error> {
    let path = &subject.path;
    let shown = path.display().to_string();
    let read = if path.as_os_str() == STDIN {
        secret::read_all(io::stdin().lock(), SIZE_LIMIT).map(|bytes| *memory = bytes)
    } else {
        secret::read_file_into(memory, path, SIZE_LIMIT)
    };
    match read {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge && !subject.named => return Ok(None),
        other => other.map_err(|cause| Error::file(path, cause))?,
    }
    let surroundings = Surroundings {
        images,
        in_image: false,
        beside,
        path: &shown,
    };
    let is_answer_file = subject.named || speaks_of_answers(memory);
    let mut findings = match AnswerFile::parse(std::mem::take(memory)) {
        Ok(file) => {
            let findings = lint::parsed(&file, &surroundings);
            *memory = file.into_bytes();
            findings
        }
        Err(unattend::Error::NotAnAnswerFile { .. }) if !subject.named => return Ok(None),
        Err(_) if !is_answer_file => return Ok(None),
        Err(error) => vec![lint::unreadable(&error)],
    };
    for finding in &mut findings {
        if finding.target.is_empty() {
            finding.target.clone_from(&shown);
        }
    }
    Ok(Some(findings))
}

/// Whether the namespace of answer files occurs, so that a file which cannot be read was meant for one.
fn speaks_of_answers(bytes: &[u8]) -> bool {
    let namespace = match Form::detect(bytes).encoding {
        Encoding::Utf8 => Wiped::new(unattend::NAMESPACE.as_bytes().to_vec()),
        encoding => text::encode(
            unattend::NAMESPACE,
            Form {
                encoding,
                mark: false,
            },
        ),
    };
    memchr::memmem::find(bytes, &namespace).is_some()
}

/// Every .xml file below a folder, in the order of names. Links to folders are not followed.
fn walk(folder: &Path, found: &mut Vec<Subject>) -> io::Result<()> {
    let mut open = vec![folder.to_owned()];
    let mut paths = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let kind = entry.file_type()?;
            let is_xml = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
            if kind.is_dir() {
                open.push(path);
            } else if is_xml && path.is_file() {
                paths.push(path);
            }
        }
    }
    paths.sort();
    found.extend(paths.into_iter().map(|path| Subject { path, named: false }));
    Ok(())
}

/// What lies beside the files, by folder. What cannot be read is passed over: it is not what was asked for.
fn neighbours(subjects: &[Subject]) -> BTreeMap<PathBuf, Vec<Neighbour>> {
    let mut found = BTreeMap::new();
    for subject in subjects {
        let Some(folder) = subject.path.parent() else {
            continue;
        };
        if subject.path.as_os_str() == STDIN || found.contains_key(folder) {
            continue;
        }
        let mut beside = Vec::new();
        let mut folders = vec![if folder.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            folder.to_owned()
        }];
        let mut top = true;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let kind = if name.eq_ignore_ascii_case("ei.cfg") {
                    NeighbourKind::EiCfg
                } else if name.eq_ignore_ascii_case("pid.txt") {
                    NeighbourKind::PidTxt
                } else {
                    if top && name.eq_ignore_ascii_case(SOURCES) {
                        folders.push(entry.path());
                    }
                    continue;
                };
                let path = entry.path();
                if let Ok(content) = secret::read_file(&path, NEIGHBOUR_LIMIT) {
                    let path = path.strip_prefix("./").unwrap_or(&path).display().to_string();
                    beside.push(Neighbour { path, kind, content });
                }
            }
            top = false;
        }
        found.insert(folder.to_owned(), beside);
    }
    found
}

/// The images that the files are for.
#[derive(Default)]
struct Ground {
    /// Each with whether it is meant.
    images: Vec<(Dossier, bool)>,
}

impl Ground {
    fn new(target: &str) -> Result<Self, Failure> {
        let target = Target::new(target);
        let meant: Vec<u32> = Images::open(&target)?
            .selected()
            .iter()
            .map(|image| image.index)
            .collect();
        // All of them: a name of an image is a mistake only if none has it.
        let all = Images::open(&Target::new(&target.path().display().to_string()))?;
        let mut images = Vec::new();
        for image in all.selected() {
            let is_meant = meant.contains(&image.index);
            let dossier = if is_meant {
                Dossier::read(&all, image)?
            } else {
                Dossier::from_outside(image)
            };
            images.push((dossier, is_meant));
        }
        Ok(Self { images })
    }

    fn images(&self) -> Vec<KnownImage<'_>> {
        let images = self.images.iter();
        images.map(|(dossier, meant)| dossier.known(*meant)).collect()
    }
}
