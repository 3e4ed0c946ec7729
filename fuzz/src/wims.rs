//! WIMs: whatever opens is read to its end; an update changes what it was asked to change and nothing else.

use arbitrary::{Arbitrary, Unstructured};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties, Wim};
use zeroize::Zeroizing;

/// WIMs longer than this teach nothing that shorter ones do not, in bytes.
const LONGEST: usize = 1 << 20;
/// The most bytes of one file that are read.
const READ_LIMIT: u64 = 8 << 20;
/// The most files and folders that are looked at.
const MOST_ENTRIES: usize = 500;
/// Length of a row of the blob table, in bytes.
const ROW: usize = 50;

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
    usize::try_from(u64::from_le_bytes(word)).ok()
}

/// Gives every resource that is stored as it is the SHA-1 that it has: damage behind a hash would else never be reached.
fn seal(bytes: &mut [u8]) {
    let (Some(size), Some(table)) = (number(bytes, 48), number(bytes, 56)) else {
        return;
    };
    let size = size & 0x00FF_FFFF_FFFF_FFFF;
    for row in (0..size / ROW).map_while(|index| table.checked_add(index * ROW)) {
        let (Some(length), Some(offset)) = (number(bytes, row), number(bytes, row.saturating_add(8))) else {
            return;
        };
        let (flags, length) = (length >> 56, length & 0x00FF_FFFF_FFFF_FFFF);
        let content = offset.checked_add(length).and_then(|end| bytes.get(offset..end));
        if let (0 | 2, Some(content)) = (flags, content) {
            let hash = Sha1::digest(content);
            if let Some(place) = bytes.get_mut(row.saturating_add(30)..row.saturating_add(ROW)) {
                place.copy_from_slice(&hash);
            }
        }
    }
}

/// `bytes` as a file, in memory where the system has a place for that.
fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::NamedTempFile::new_in(memory)
    } else {
        tempfile::NamedTempFile::new()
    };
    let made = made.expect("a temporary file");
    std::fs::write(made.path(), bytes).expect("the temporary file is written");
    made
}

type Contents = BTreeMap<(u32, String), Vec<u8>>;

/// Every file of every image that can be read.
fn contents(wim: &Wim) -> Contents {
    let mut all = Contents::new();
    for image in 1..=wim.image_count().min(4) {
        let mut folders = vec![String::new()];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            let Ok(children) = wim.children(image, &folder) else {
                continue;
            };
            for child in children {
                seen += 1;
                if seen > MOST_ENTRIES {
                    return all;
                }
                let path = if folder.is_empty() {
                    child.name.clone()
                } else {
                    format!("{folder}/{}", child.name)
                };
                if child.is_directory() {
                    folders.push(path);
                } else if let Ok(content) = wim.read(image, &path, READ_LIMIT) {
                    all.insert((image, path), content.to_vec());
                }
            }
        }
    }
    all
}

/// Any bytes: opened, listed, read; and, where that is allowed, changed.
pub fn open(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let mut bytes = bytes.to_vec();
    seal(&mut bytes);
    let file = file(&bytes);
    let Ok(wim) = Wim::open(file.path()) else { return };
    let before = contents(&wim);
    if wim.writable().is_err() {
        return;
    }
    let Ok(mut update) = wim.update() else { return };
    let outcome = update.put(1, "Windows/fuzz.txt", Zeroizing::new(b"fuzz".to_vec()));
    let committed = outcome.is_ok() && update.commit(&mut |_, _| {}).is_ok();
    let wim = Wim::open(file.path()).expect("what opened before an update opens after it");
    let after = contents(&wim);
    for (place, content) in &before {
        let is_the_new_one = place.0 == 1 && place.1.eq_ignore_ascii_case("Windows/fuzz.txt");
        assert!(
            is_the_new_one || after.get(place) == Some(content),
            "an update changed another file"
        );
    }
    if committed {
        let new = wim
            .read(1, "Windows/fuzz.txt", READ_LIMIT)
            .expect("the new file is there");
        assert_eq!(&new[..], b"fuzz");
    }
}

/// What the WIM must hold.
struct Model {
    contents: Contents,
    /// The images in which `Windows/one.txt` is also `Windows/two.txt`.
    linked: BTreeSet<u32>,
}

impl Model {
    fn assert_is(&self, wim: &Wim) {
        let found = contents(wim);
        for (place, content) in &self.contents {
            assert!(
                found.get(place) == Some(content),
                "{place:?} holds something else"
            );
        }
        assert_eq!(found.len(), self.contents.len(), "there is a file too many");
    }
}

/// One change, as the fuzzer draws it.
#[derive(Debug, Arbitrary)]
enum Step {
    Put {
        image: bool,
        path: u8,
        content: u8,
        length: u16,
        edit: u8,
    },
    Same {
        image: bool,
        from: u8,
        to: u8,
    },
    Delete {
        image: bool,
        path: u8,
    },
    Commit,
}

const PATHS: [&str; 7] = [
    "Windows/System32/config/SOFTWARE",
    "Windows/System32/config/RegBack/SOFTWARE",
    "Windows/one.txt",
    "Windows/nothing.txt",
    "Windows/new.txt",
    "New folder/Below/x.bin",
    "Ä/ſ.txt",
];
/// The most changes of one run.
const MOST_STEPS: usize = 40;

fn pattern(seed: u8, length: usize, edit: u8) -> Vec<u8> {
    let mut state = u32::from(seed) | 1;
    let mut bytes: Vec<u8> = (0..length)
        .map(|index| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if index % 3 == 0 {
                state.to_be_bytes()[0]
            } else {
                seed
            }
        })
        .collect();
    // A small change in the middle leaves most chunks as they were.
    if let Some(byte) = bytes.get_mut(usize::from(edit) * 97) {
        *byte ^= edit;
    }
    bytes
}

fn image(number: u8) -> ImageBuilder {
    ImageBuilder::new(&format!("Image {number}"))
        .text("WINDOWS/ARCH", "9")
        .file(PATHS[0], &pattern(1, 40_000, 0), Properties::default())
        .file(PATHS[1], &pattern(number, 9000, 0), Properties::default())
        .file(
            PATHS[2],
            b"one file",
            Properties {
                link: 7,
                ..Properties::default()
            },
        )
        .file(
            "Windows/two.txt",
            b"one file",
            Properties {
                link: 7,
                ..Properties::default()
            },
        )
        .file(PATHS[3], b"", Properties::default())
}

fn builder(choice: u8) -> Builder {
    let coding = [
        None,
        Some((Codec::Xpress, 4096)),
        Some((Codec::Xpress, 32_768)),
        Some((Codec::Lzx, 32_768)),
        Some((Codec::Lzms, 32_768)),
    ];
    let mut builder = Builder::new().image(image(1)).image(image(2)).boot(2);
    if let Some((codec, size)) = coding[usize::from(choice >> 1) % coding.len()] {
        builder = builder.compress(codec, Some(size)).unwrap();
    }
    if choice & 1 == 1 {
        builder.integrity()
    } else {
        builder
    }
}

/// How many kinds of WIM a first byte chooses from.
const KINDS: u8 = 10;

/// A WIM of each kind, made once: compressing them would take most of a run.
static WIMS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(open_seeds);

/// Random updates of a WIM of our own: it holds what a plain model holds.
pub fn update(bytes: &[u8]) {
    let mut source = Unstructured::new(bytes);
    let Ok(choice) = source.arbitrary::<u8>() else {
        return;
    };
    let file = file(&WIMS[usize::from(choice % KINDS)]);
    let mut model = Model {
        contents: contents(&Wim::open(file.path()).unwrap()),
        linked: BTreeSet::from([1, 2]),
    };
    let mut update = Wim::open(file.path()).unwrap().update().unwrap();
    for _ in 0..MOST_STEPS {
        if source.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut source) else {
            break;
        };
        match step {
            Step::Put {
                image,
                path,
                content,
                length,
                edit,
            } => {
                let content = pattern(content, usize::from(length), edit);
                put(&mut update, &mut model, u32::from(image) + 1, path, &content);
            }
            Step::Same { image, from, to } => {
                let from = (
                    2 - u32::from(image),
                    PATHS[usize::from(from) % PATHS.len()].to_owned(),
                );
                if let Some(content) = model.contents.get(&from).cloned() {
                    put(&mut update, &mut model, u32::from(image) + 1, to, &content);
                }
            }
            Step::Delete { image, path } => {
                let place = (
                    u32::from(image) + 1,
                    PATHS[usize::from(path) % PATHS.len()].to_owned(),
                );
                let was = update.delete(place.0, &place.1).unwrap();
                assert_eq!(was, model.contents.remove(&place).is_some());
                if place.1 == PATHS[2] {
                    model.linked.remove(&place.0);
                }
            }
            Step::Commit => {
                update.commit(&mut |_, _| {}).unwrap();
                let wim = Wim::open(file.path()).unwrap();
                model.assert_is(&wim);
                update = wim.update().unwrap();
            }
        }
    }
    update.commit(&mut |_, _| {}).unwrap();
    let wim = Wim::open(file.path()).unwrap();
    model.assert_is(&wim);
    assert!(!wim.was_interrupted());
}

fn put(update: &mut wimkey::wim::Update, model: &mut Model, image: u32, path: u8, content: &[u8]) {
    let path = PATHS[usize::from(path) % PATHS.len()];
    update.put(image, path, Zeroizing::new(content.to_vec())).unwrap();
    model.contents.insert((image, path.to_owned()), content.to_vec());
    // Two names of one file hold one content, until one of them is deleted.
    if path == PATHS[2] && model.linked.contains(&image) {
        model
            .contents
            .insert((image, "Windows/two.txt".to_owned()), content.to_vec());
    }
}

/// Small WIMs of each kind, as they are.
pub fn open_seeds() -> Vec<Vec<u8>> {
    (0..KINDS)
        .map(|choice| builder(choice).to_bytes().unwrap())
        .collect()
}

/// Choices of a WIM, each followed by bytes that become changes.
pub fn update_seeds() -> Vec<Vec<u8>> {
    (0..KINDS)
        .map(|choice| [vec![choice], pattern(choice, 400, 0)].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_hold_what_they_promise() {
        super::open_seeds().iter().for_each(|seed| super::open(seed));
        super::update_seeds().iter().for_each(|seed| super::update(seed));
    }
}
