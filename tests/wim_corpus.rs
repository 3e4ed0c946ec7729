//! Real WIMs by other programs, whole and damaged: runs where `WIMKEY_CORPUS` names the unpacked corpus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use wimkey::secret::Wiped;
use wimkey::wim::{Entry, Error, Refusal, Wim};

const LIMIT: u64 = 1 << 30;

fn corpus() -> Option<PathBuf> {
    common::corpus("wim")
}

/// The WIM files of the corpus, which has notes beside them.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = common::files(folder);
    found.retain(|path| {
        path.extension()
            .is_some_and(|own| ["wim", "esd", "swm"].iter().any(|known| own == *known))
    });
    found
}

fn wimlib(arguments: &[&str], path: &Path) -> Option<std::process::Output> {
    let mut command = Command::new("wimlib-imagex");
    command.arg(arguments[0]).arg(path).args(&arguments[1..]);
    let output = command.output().ok();
    if output.is_none() {
        eprintln!("skipped: wimlib-imagex is not installed");
    }
    output
}

/// All entries of an image with their paths.
fn entries(wim: &Wim, image: u32) -> Result<Vec<(String, Entry)>, Error> {
    let mut all = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in wim.children(image, &folder)? {
            let path = format!("{folder}/{}", entry.name);
            if entry.is_directory() {
                folders.push(path.clone());
            }
            all.push((path, entry));
        }
    }
    all.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(all)
}

fn is_ordinary(entry: &Entry) -> bool {
    !entry.is_directory() && !entry.is_reparse_point()
}

/// Everything that can be read of a WIM: the number of entries, or the first error.
fn read_all(path: &Path) -> Result<usize, Error> {
    let wim = Wim::open(path)?;
    let mut count = 0;
    for image in 1..=wim.image_count() {
        for (path, entry) in entries(&wim, image)? {
            count += 1;
            if is_ordinary(&entry) {
                assert_eq!(wim.read(image, &path, LIMIT)?.len() as u64, entry.size.unwrap());
            }
        }
    }
    Ok(count)
}

#[test]
fn what_wimlib_reads_is_read_and_what_it_refuses_is_refused() {
    let Some(folder) = corpus() else { return };
    for path in files(&folder) {
        let ours = read_all(&path);
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        match &ours {
            Ok(count) => eprintln!("{name}: {count} entries"),
            Err(error) => eprintln!("{name}: {}", error.to_string().replace('\n', " | ")),
        }
        let Some(info) = wimlib(&["info"], &path) else {
            return;
        };
        let Some(verified) = wimlib(&["verify"], &path) else {
            return;
        };
        // A single part of a split WIM is whole for wimlib, but its files cannot be read.
        let whole = info.status.success() && verified.status.success() && !name.contains("split");
        assert_eq!(ours.is_ok(), whole, "{name}: {ours:?}");
    }
}

#[test]
fn listings_are_those_of_wimlib() {
    let Some(folder) = corpus() else { return };
    for path in files(&folder) {
        let Ok(wim) = Wim::open(&path) else { continue };
        for image in 1..=wim.image_count() {
            let Ok(ours) = entries(&wim, image) else { continue };
            let Some(theirs) = wimlib(&["dir", &image.to_string()], &path) else {
                return;
            };
            let mut theirs: Vec<String> = String::from_utf8_lossy(&theirs.stdout)
                .lines()
                .filter(|line| *line != "/")
                .map(str::to_owned)
                .collect();
            theirs.sort();
            let ours: Vec<String> = ours.into_iter().map(|(path, _)| path).collect();
            assert_eq!(ours, theirs, "{} image {image}", path.display());
        }
    }
}

/// What `wimlib-imagex dir --detailed` says, without what an update of contents has to change.
fn detailed(path: &Path, image: u32) -> Option<String> {
    let output = wimlib(&["dir", &image.to_string(), "--detailed"], path)?;
    assert!(
        output.status.success(),
        "{}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one journey: copy, change, compare")]
fn a_file_of_every_image_is_changed_and_nothing_else() {
    let Some(folder) = corpus() else { return };
    let work = tempfile::tempdir().unwrap();
    let (mut changed, mut refused) = (0, Vec::new());
    for source in files(&folder) {
        let name = source.strip_prefix(&folder).unwrap().display().to_string();
        if read_all(&source).is_err() {
            continue;
        }
        let path = work.path().join("copy.wim");
        std::fs::copy(&source, &path).unwrap();
        let wim = Wim::open(&path).unwrap();
        if let Err(error) = wim.writable() {
            assert!(matches!(error, Error::Refused(_)), "{name}: {error}");
            refused.push(name);
            continue;
        }
        let images = wim.image_count();
        let before: Vec<_> = (1..=images).map(|image| entries(&wim, image).unwrap()).collect();
        let text_before: Vec<_> = (1..=images).map_while(|image| detailed(&path, image)).collect();
        let mut targets = Vec::new();
        for (image, entries) in (1..).zip(&before) {
            let target = entries.iter().filter(|(_, entry)| is_ordinary(entry));
            let target = target.max_by_key(|(path, entry)| (path.ends_with("config/SOFTWARE"), entry.size));
            if let Some((path, _)) = target {
                let mut content = wim.read(image, path, LIMIT).unwrap();
                if content.is_empty() {
                    content = Wiped::new(vec![b'x'; 10]);
                }
                let middle = content.len() / 2;
                content[middle] = content[middle].wrapping_add(u8::try_from(image).unwrap());
                targets.push((image, path.clone(), content));
            }
        }
        let mut update = wim.update().unwrap();
        for (image, path, content) in &targets {
            update.put(*image, path, content.clone()).unwrap();
        }
        update.commit(&mut |_, _| {}).unwrap();
        let wim = Wim::open(&path).unwrap();
        for (image, target, content) in &targets {
            assert_eq!(wim.read(*image, target, LIMIT).unwrap(), *content, "{name}");
        }
        for (image, before) in (1..).zip(&before) {
            for ((path, old), (_, new)) in before.iter().zip(entries(&wim, image).unwrap()) {
                // The other names of a hard-linked file change with it.
                let is_target = targets
                    .iter()
                    .any(|(_, target, _)| wim.find(image, target).unwrap().unwrap().hash == new.hash);
                if is_target {
                    let kept = Entry {
                        hash: old.hash,
                        size: old.size,
                        ..new
                    };
                    assert_eq!(kept, *old, "{name} {path}");
                } else {
                    assert_eq!(new, *old, "{name} {path}");
                }
            }
        }
        for (image, old) in (1..).zip(&text_before) {
            let new = detailed(&path, image).unwrap();
            let lines = |text: &str| {
                text.lines()
                    // Hash, place, length and reference count of contents move; everything of the files must stay.
                    .filter(|line| {
                        ![
                            "Hash",
                            "Size",
                            "Compressed",
                            "Raw",
                            "Offset",
                            "Reference",
                            "Uncompressed",
                            "Flags",
                            "Solid",
                            "Total",
                            "Part Number",
                        ]
                        .iter()
                        .any(|word| line.contains(word))
                    })
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let (old, new) = (lines(old), lines(&new));
            for (old, new) in old.iter().zip(&new) {
                assert_eq!(old, new, "{name}");
            }
            assert_eq!(old.len(), new.len(), "{name}");
        }
        let whole = wimlib(&["verify"], &path).is_none_or(|output| output.status.success());
        assert!(whole, "{name}");
        if let Some(keep) = std::env::var_os("WIMKEY_KEEP") {
            let keep = PathBuf::from(keep).join(name.replace('/', "_"));
            std::fs::copy(&path, keep).unwrap();
        }
        changed += 1;
    }
    eprintln!("{changed} changed; refused: {}", refused.join(", "));
    assert!(changed > 40);
    assert!(
        refused.iter().all(
            |name| ["pipable", "readonly", "write-in-progress", "duplicate_names"]
                .iter()
                .any(|word| name.contains(word))
        ),
        "{refused:?}"
    );
}

#[test]
fn a_delta_wim_is_refused_because_references_cannot_be_counted() {
    let Some(folder) = corpus() else { return };
    let wim = Wim::open(&folder.join("peer-made/delta.wim")).unwrap();
    assert!(matches!(
        wim.writable(),
        Err(Error::Refused(Refusal::Delta { image: 1 }))
    ));
    let split = Wim::open(&folder.join("peer-made/split.swm")).unwrap();
    assert!(matches!(
        split.writable(),
        Err(Error::Refused(Refusal::Split { part: 1, parts: 3 }))
    ));
}
