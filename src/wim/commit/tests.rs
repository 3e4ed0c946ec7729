//! Kills and failures at every single write, sync and change of length: each leaves the old or the new WIM, whole, and
//! the next update leaves no residue.

mod medium;
mod places;
mod told;

use super::*;
use crate::secret::Wiped;
use crate::wim::MemoryFile;
use crate::wim::builder::{Builder, ImageBuilder, Properties};
use crate::wim::codec::Codec;
use crate::wim::error::Refusal;
use crate::wim::space::Ranges;
use crate::wim::storage::Storage;
use std::sync::Mutex;

const OLD: &[u8] = b"the old secret the old secret the old secret";
const NEW: &[u8] = b"the new secret the new secret the new secret";
const NEXT: &[u8] = b"nothing secret in here";
const PATH: &str = "Windows/Panther/unattend.xml";

/// How a step goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// The step and all later ones fail: the program was killed.
    Kill,
    /// As `Kill`, but half of the bytes of the write arrive.
    Torn,
    /// This step alone fails: the program may clean up.
    Error,
    /// What arrives is not what was written, and nobody says so.
    Lie,
}

/// A file in memory in which one step goes wrong.
struct Faulty {
    bytes: Mutex<Vec<u8>>,
    steps: Mutex<usize>,
    fault: Option<(usize, Fault)>,
}

impl Faulty {
    fn new(bytes: Vec<u8>, fault: Option<(usize, Fault)>) -> Arc<Self> {
        Arc::new(Self {
            bytes: Mutex::new(bytes),
            steps: Mutex::new(0),
            fault,
        })
    }

    fn contents(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    /// Whether the step that is next is to be a lie.
    fn lies(&self) -> bool {
        self.fault == Some((*self.steps.lock().unwrap(), Fault::Lie))
    }

    /// Counts a step; `Some(true)` if it fails half done, `Some(false)` if it fails.
    fn step(&self) -> Option<bool> {
        let mut steps = self.steps.lock().unwrap();
        let now = *steps;
        *steps += 1;
        match self.fault {
            Some((at, Fault::Torn)) if at == now => Some(true),
            Some((at, Fault::Error)) if at == now => Some(false),
            Some((at, Fault::Kill | Fault::Torn)) if at <= now => Some(false),
            _ => None,
        }
    }
}

impl Storage for Faulty {
    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let own = self.bytes.lock().unwrap();
        let source = crate::bytes::slice(&own, usize::try_from(offset).unwrap(), bytes.len());
        bytes.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn begin_writing(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut bytes = bytes.to_vec();
        if self.lies() {
            bytes[0] ^= 1;
        }
        let failed = self.step();
        let arriving = match failed {
            None => &bytes,
            Some(true) => &bytes[..bytes.len() / 2],
            Some(false) => &[],
        };
        let mut own = self.bytes.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        if !arriving.is_empty() {
            let end = start + arriving.len();
            let length = own.len().max(end);
            own.resize(length, 0);
            own[start..end].copy_from_slice(arriving);
        }
        failed.map_or(Ok(()), |_| Err(io::Error::other("injected")))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        if self.step().is_some() {
            return Err(io::Error::other("injected"));
        }
        self.bytes
            .lock()
            .unwrap()
            .resize(usize::try_from(length).unwrap(), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.step().map_or(Ok(()), |_| Err(io::Error::other("injected")))
    }

    fn punch(&self, range: std::ops::Range<u64>) -> io::Result<()> {
        if self.step().is_some() {
            return Err(io::Error::other("injected"));
        }
        let mut own = self.bytes.lock().unwrap();
        let [start, end] = [range.start, range.end].map(|offset| usize::try_from(offset).unwrap());
        own[start..end].fill(0);
        Ok(())
    }
}

fn open(storage: &Arc<Faulty>) -> Result<Wim, Error> {
    Wim::open_storage(Arc::clone(storage) as Arc<dyn Storage>, Path::new("memory"))
}

fn put(storage: &Arc<Faulty>, content: &[u8]) -> Result<Report, Error> {
    let mut update = open(storage)?.update()?;
    update.put(1, PATH, Zeroizing::new(content.to_vec()))?;
    update.commit(&mut |_, _| {})
}

fn content(storage: &Arc<Faulty>) -> Vec<u8> {
    open(storage).unwrap().read(1, PATH, 1 << 20).unwrap().to_vec()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// WIMs to be changed: fresh ones, and ones with gaps from earlier changes.
fn starts() -> Vec<Vec<u8>> {
    let mut starts = Vec::new();
    for integrity in [false, true] {
        let image = ImageBuilder::new("one")
            .file(PATH, OLD, Properties::default())
            .file("Windows/other.txt", &vec![7; 70_000], Properties::default());
        let mut builder = Builder::new().compress(Codec::Lzx, None).unwrap().image(image);
        if integrity {
            builder = builder.integrity();
        }
        let fresh = builder.to_bytes().unwrap();
        let used = Faulty::new(fresh.clone(), None);
        for content in [&b"first"[..], b"second", OLD] {
            put(&used, content).unwrap();
        }
        starts.extend([fresh, used.contents()]);
    }
    starts
}

/// Whether the integrity table, if there is one, holds for the bytes.
fn integrity_holds(storage: &Arc<Faulty>) -> bool {
    let wim = open(storage).unwrap();
    if wim.header.integrity.plain == 0 {
        return true;
    }
    let end = wim.header.blob_table.range().unwrap().end;
    let table = integrity::build(&**storage, None, &Ranges::default(), end).unwrap();
    let at = usize::try_from(wim.header.integrity.offset).unwrap();
    storage.contents()[at..at + table.len()] == table
}

#[test]
fn every_kill_and_every_failure_leaves_the_old_or_the_new_state_and_no_residue_after_the_next_update() {
    let (mut old_states, mut new_states) = (0, 0);
    for start in starts() {
        let has_integrity = open(&Faulty::new(start.clone(), None))
            .unwrap()
            .header
            .integrity
            .plain
            != 0;
        for fault in [Fault::Kill, Fault::Torn, Fault::Error] {
            for at in 0.. {
                let faulty = Faulty::new(start.clone(), Some((at, fault)));
                let result = put(&faulty, NEW);
                let after = Faulty::new(faulty.contents(), None);
                let found = content(&after);
                assert!(integrity_holds(&after), "{fault:?} at {at}");
                if found == OLD {
                    old_states += 1;
                    assert!(result.is_err());
                } else {
                    new_states += 1;
                    assert_eq!(found, NEW, "{fault:?} at {at}");
                }
                if result.is_err() && fault == Fault::Error && found == OLD {
                    assert_eq!(
                        after.contents(),
                        start,
                        "an error before the header leaves every byte: {at}"
                    );
                }
                // The next change, of whatever kind, cleans up.
                put(&after, NEXT).unwrap();
                assert_eq!(content(&after), NEXT);
                let bytes = after.contents();
                assert!(
                    !contains(&bytes, OLD) && !contains(&bytes, NEW),
                    "{fault:?} at {at}"
                );
                assert!(integrity_holds(&after));
                let wim = open(&after).unwrap();
                assert!(!wim.was_interrupted());
                assert_eq!(
                    wim.header.integrity.plain != 0,
                    has_integrity,
                    "{fault:?} at {at}"
                );
                if result.is_ok() {
                    break;
                }
            }
        }
    }
    assert!(
        old_states > 20 && new_states > 20,
        "{old_states} old, {new_states} new"
    );
}

#[test]
fn what_arrives_wrong_never_comes_into_force() {
    for start in starts() {
        let mut caught = 0;
        for at in 0.. {
            let faulty = Faulty::new(start.clone(), Some((at, Fault::Lie)));
            let result = put(&faulty, NEW);
            let after = Faulty::new(faulty.contents(), None);
            match result {
                Ok(_) => assert_eq!(content(&after), NEW, "{at}"),
                Err(Error::ReadBack { .. }) if content(&after) == OLD => {
                    assert_eq!(after.contents(), start, "{at}");
                    caught += 1;
                }
                // Only the integrity table was missing.
                Err(Error::ReadBack { .. }) => {
                    put(&after, NEXT).unwrap();
                    assert_eq!(content(&after), NEXT, "{at}");
                }
                Err(other) => panic!("{at}: {other}"),
            }
            assert!(integrity_holds(&after), "{at}");
            if *faulty.steps.lock().unwrap() <= at {
                break;
            }
        }
        // The content, the metadata, the tables, and the header that points to them.
        assert!(caught >= 4, "{caught}");
    }
}

#[test]
fn an_update_without_changes_finishes_what_a_killed_one_began() {
    for start in starts() {
        for at in 0.. {
            let faulty = Faulty::new(start.clone(), Some((at, Fault::Kill)));
            let done = put(&faulty, NEW).is_ok();
            let after = Faulty::new(faulty.contents(), None);
            let state = content(&after);
            let interrupted = open(&after).unwrap().was_interrupted();
            let report = open(&after)
                .unwrap()
                .update()
                .unwrap()
                .commit(&mut |_, _| {})
                .unwrap();
            assert_eq!(report.recovered, interrupted);
            assert_eq!(content(&after), state);
            let gone = if state == OLD { NEW } else { OLD };
            assert!(!contains(&after.contents(), gone), "killed at {at}");
            assert!(integrity_holds(&after));
            assert!(!open(&after).unwrap().was_interrupted());
            if done {
                break;
            }
        }
    }
}

#[test]
fn what_another_program_wrote_after_a_kill_stays() {
    let mut notes = 0;
    for start in starts() {
        for at in 0.. {
            let faulty = Faulty::new(start.clone(), Some((at, Fault::Kill)));
            let done = put(&faulty, NEW).is_ok();
            // Another program makes the image bootable; it knows no note and leaves it where it is.
            let mut bytes = faulty.contents();
            let state = content(&faulty);
            let mut header = Header::parse(&bytes).unwrap();
            header.boot_index = 1;
            header.boot_metadata = open(&faulty).unwrap().blobs.metadata(1).unwrap().location;
            header.integrity = ResourceHeader::default();
            bytes[..header.bytes.len()].copy_from_slice(&header.encode());
            let after = Faulty::new(bytes, None);
            notes += usize::from(open(&after).unwrap().interrupted.is_some());
            assert_eq!(open(&after).unwrap().boot_image(), Some(1), "killed at {at}");
            assert_eq!(content(&after), state, "killed at {at}");
            put(&after, NEXT).unwrap();
            assert_eq!(content(&after), NEXT);
            let wim = open(&after).unwrap();
            assert_eq!(wim.boot_image(), Some(1), "killed at {at}");
            let row = wim.blobs.metadata(1).unwrap();
            assert_eq!(wim.header.boot_metadata, row.location, "killed at {at}");
            let bytes = after.contents();
            assert!(!contains(&bytes, OLD) && !contains(&bytes, NEW), "killed at {at}");
            if done {
                break;
            }
        }
    }
    assert!(notes > 20, "{notes}");
}

#[test]
fn tables_that_claim_to_be_endless_take_no_memory() {
    const ENDLESS: u64 = 1 << 49;
    let builder = Builder::new()
        .image(ImageBuilder::new("one").file("a", b"content", Properties::default()))
        .integrity();
    let mut bytes = builder.to_bytes().unwrap();
    let endless = &(2 * ENDLESS).to_le_bytes()[..7];
    // The length of the blob table in the file: its plain length counts.
    bytes[48..55].copy_from_slice(endless);
    // Both lengths of the integrity table.
    let mut other = bytes.clone();
    other[124..131].copy_from_slice(endless);
    other[140..148].copy_from_slice(&ENDLESS.to_le_bytes());
    let refused = MemoryFile::new(other).open().unwrap().update().map(drop);
    assert!(matches!(refused, Err(Error::Refused(Refusal::CutOff))));
    let file = MemoryFile::new(bytes);
    let mut update = file.open().unwrap().update().unwrap();
    update.put(1, "a", Wiped::new(b"other".to_vec())).unwrap();
    update.commit(&mut |_, _| {}).unwrap();
    let wim = file.open().unwrap();
    assert_eq!(&wim.read(1, "a", 100).unwrap()[..], b"other");
    assert!(wim.header.integrity.plain < 100);
}

#[test]
fn a_row_that_claims_what_is_behind_the_end_does_not_make_the_file_longer() {
    let builder = Builder::new()
        .image(ImageBuilder::new("one").file("a", b"content", Properties::default()))
        .integrity();
    let mut bytes = builder.to_bytes().unwrap();
    let length = bytes.len();
    // A row more, of a content without a hash, far behind the end.
    let at = |bytes: &[u8], place: usize| {
        usize::try_from(u64::from_le_bytes(bytes[place..place + 8].try_into().unwrap())).unwrap()
    };
    let (size, table) = (at(&bytes, 48) & 0xFF_FFFF, at(&bytes, 56));
    let mut rows = bytes[table..table + size].to_vec();
    let mut row = vec![0; 50];
    row[0] = 7;
    row[13] = 0x7F;
    row[16] = 7;
    row[24] = 1;
    rows.extend(row);
    let moved = bytes.len() as u64;
    bytes.extend(&rows);
    bytes[48..55].copy_from_slice(&(rows.len() as u64).to_le_bytes()[..7]);
    bytes[56..64].copy_from_slice(&moved.to_le_bytes());
    bytes[64..72].copy_from_slice(&(rows.len() as u64).to_le_bytes());
    let file = MemoryFile::new(bytes);
    let mut update = file.open().unwrap().update().unwrap();
    update.put(1, "a", Wiped::new(b"other".to_vec())).unwrap();
    update.commit(&mut |_, _| {}).unwrap();
    assert!(file.bytes().len() < length * 3, "{}", file.bytes().len());
}
