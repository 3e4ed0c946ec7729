//! filling - a draft that gets its content part by part, for contents that are never whole in memory.
//!
//! Promise: as [`Draft::replace`]: what was written is synced and read back, and compared by the checksums of its parts, before it takes
//! the place of the old file. The memory of parts is used again, and wiped when it is given up.

use super::{Draft, Error, Step, take_over_standing};
use crate::bytes::{put, slice, slice_mut};
use crate::secret::{Bulk, Wiped};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

/// How many parts wait to be written.
const WAITING: usize = 6;
/// How many bytes are written before the medium is told to begin with them.
const SYNC_STEP: u64 = 2 << 20;

/// Says before each step whether it may be done.
type Gate<'g> = &'g mut dyn FnMut(Step) -> io::Result<()>;

/// A draft that is being filled.
pub struct Filling {
    draft: Draft,
    /// Of each part that was written.
    sums: Vec<Sum>,
    writer: Option<Writer>,
}

/// Length and checksum of a part.
struct Sum {
    length: usize,
    sum: u32,
}

/// Writes parts in a thread of its own.
struct Writer {
    parts: SyncSender<Wiped>,
    /// Memory of parts that were written.
    spare: Receiver<Wiped>,
    thread: JoinHandle<io::Result<Vec<Sum>>>,
}

impl Draft {
    /// Begins to fill an empty draft.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn fill(self) -> Result<Filling, Error> {
        let file = self.file()?.try_clone()?;
        let (parts, waiting) = mpsc::sync_channel::<Wiped>(WAITING);
        let (give_back, spare) = mpsc::channel();
        let thread = std::thread::spawn(move || write_all(file, &waiting, &give_back));
        Ok(Filling {
            draft: self,
            sums: Vec::new(),
            writer: Some(Writer { parts, spare, thread }),
        })
    }
}

fn write_all(
    mut file: File,
    parts: &Receiver<Wiped>,
    give_back: &mpsc::Sender<Wiped>,
) -> io::Result<Vec<Sum>> {
    let (mut end, mut begun) = (0u64, 0);
    let mut sums = Vec::new();
    for part in parts {
        file.write_all(&part)?;
        sums.push(Sum {
            length: part.len(),
            sum: crc32fast::hash(&part),
        });
        end += part.len() as u64;
        if end - begun >= SYNC_STEP {
            super::begin_sync(&file, begun..end);
            begun = end;
        }
        // Whoever does not want it any more lets it be wiped.
        _ = give_back.send(part);
    }
    Ok(sums)
}

impl Filling {
    /// Adds `part` to the content; leaves other memory in its place, whatever that holds.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn append(&mut self, part: &mut Wiped) -> Result<(), Error> {
        self.append_in_steps(part, &mut |_| Ok(()))
    }

    fn append_in_steps(&mut self, part: &mut Wiped, gate: Gate<'_>) -> Result<(), Error> {
        gate(Step::Write)?;
        let Some(writer) = &self.writer else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        let next = writer.spare.try_recv().unwrap_or_default();
        if writer.parts.send(std::mem::replace(part, next)).is_err() {
            self.written()?;
        }
        Ok(())
    }

    /// Waits until all parts are written.
    fn written(&mut self) -> Result<(), Error> {
        let Some(Writer { parts, thread, .. }) = self.writer.take() else {
            return Ok(());
        };
        drop(parts);
        let outcome = thread.join();
        self.sums = outcome.unwrap_or_else(|_| Err(io::Error::other("the writing thread failed")))?;
        Ok(())
    }

    /// Lets the content take the place of the old file, as [`Draft::replace`] does. `amendments` are places and bytes for them, where
    /// zeros were written so far. The content is read back into `memory`, whose own is not needed any more, and shown to `accept`.
    ///
    /// # Errors
    /// As [`Draft::replace`].
    pub fn replace(
        self,
        amendments: &[(u64, &[u8])],
        memory: Bulk,
        accept: impl FnOnce(&[u8]) -> Result<(), String>,
    ) -> Result<(), Error> {
        self.replace_in_steps(amendments, memory, accept, &mut |_| Ok(()))
    }

    fn replace_in_steps(
        mut self,
        amendments: &[(u64, &[u8])],
        mut memory: Bulk,
        accept: impl FnOnce(&[u8]) -> Result<(), String>,
        gate: Gate<'_>,
    ) -> Result<(), Error> {
        self.written()?;
        let mut file = self.draft.file()?.try_clone()?;
        for (place, bytes) in amendments {
            gate(Step::Write)?;
            file.seek(SeekFrom::Start(*place))?;
            file.write_all(bytes)?;
        }
        gate(Step::TakeOverStanding)?;
        take_over_standing(&file, &self.draft.target)?;
        gate(Step::Sync)?;
        gate(Step::Read)?;
        let synced = file.try_clone()?;
        std::thread::scope(|scope| {
            let sync = scope.spawn(move || synced.sync_all());
            let judged = self
                .read_back(&mut file, amendments, &mut memory)
                .and_then(|()| accept(&memory).map_err(Error::Rejected));
            // Wiping takes a while too.
            drop(memory);
            let synced = sync.join();
            judged?;
            Ok::<(), Error>(synced.unwrap_or_else(|_| Err(io::Error::other("the syncing thread failed")))?)
        })?;
        self.draft.take_place(gate)
    }

    /// Reads the whole content into `memory` and compares it with what was written.
    fn read_back(
        &self,
        file: &mut File,
        amendments: &[(u64, &[u8])],
        memory: &mut Bulk,
    ) -> Result<(), Error> {
        let other = || Error::Rejected("the new file does not hold what was written to it".to_owned());
        let length = self.sums.iter().map(|part| part.length).sum::<usize>();
        memory.truncate(length);
        memory.grow(length)?;
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(memory)?;
        if file.metadata()?.len() != length as u64 {
            return Err(other());
        }
        // What was amended is compared by itself, and is as it was before while the sums are.
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        for (place, bytes) in amendments {
            if slice(memory, at(*place), bytes.len()) != Some(*bytes) {
                return Err(other());
            }
            slice_mut(memory, at(*place), bytes.len())
                .ok_or_else(other)?
                .fill(0);
        }
        let mut rest = &**memory;
        for &Sum { length, sum } in &self.sums {
            let (part, behind) = rest.split_at_checked(length).ok_or_else(other)?;
            if crc32fast::hash(part) != sum {
                return Err(other());
            }
            rest = behind;
        }
        for (place, bytes) in amendments {
            put(memory, at(*place), bytes).ok_or_else(other)?;
        }
        Ok(())
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        // The draft is wiped next, and nobody must write to it then.
        _ = self.written();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use zeroize::Zeroizing;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// What is written: three parts of different length, amended in the first and in the last.
    const AMENDMENTS: [(u64, &[u8]); 2] = [(2, b"AB"), (99_999, b"Z")];

    fn filled(path: &Path, gate: Gate<'_>) -> Result<Filling, Error> {
        let mut filling = Draft::new(path)?.fill()?;
        for (length, byte) in [(10, 0), (70_000, 7), (29_990, 0)] {
            filling.append_in_steps(&mut Zeroizing::new(vec![byte; length]), gate)?;
        }
        Ok(filling)
    }

    fn expected() -> Vec<u8> {
        let mut expected = [vec![0; 10], vec![7; 70_000], vec![0; 29_990]].concat();
        expected[2..4].copy_from_slice(b"AB");
        expected[99_999] = b'Z';
        expected
    }

    #[test]
    fn parts_and_amendments_take_the_place_of_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        for memory in [0, 5_000_000] {
            std::fs::write(&path, "old").unwrap();
            let filling = filled(&path, &mut |_| Ok(())).unwrap();
            let mut seen = Vec::new();
            filling
                .replace(&AMENDMENTS, Bulk::zeroed(memory).unwrap(), |bytes| {
                    seen = bytes.to_vec();
                    Ok(())
                })
                .unwrap();
            assert!(seen == expected());
            assert!(std::fs::read(&path).unwrap() == expected());
            assert_eq!(names(folder.path()), ["SOFTWARE"]);
        }
    }

    #[test]
    fn what_is_not_acceptable_or_not_wanted_leaves_the_old_content_and_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        std::fs::write(&path, "old").unwrap();
        let filling = filled(&path, &mut |_| Ok(())).unwrap();
        let refused = filling.replace(&AMENDMENTS, Bulk::default(), |_| Err("no".to_owned()));
        assert!(matches!(refused, Err(Error::Rejected(reason)) if reason == "no"));
        drop(filled(&path, &mut |_| Ok(())).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["SOFTWARE"]);
    }

    #[test]
    fn a_file_that_is_not_what_was_written_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        std::fs::write(&path, "old").unwrap();
        for (place, longer) in [(5, 0), (2, 0), (80_000, 0), (0, 1)] {
            let filling = filled(&path, &mut |_| Ok(())).unwrap();
            let mut damage = |step| {
                if step == Step::Read {
                    let fresh = names(folder.path())
                        .into_iter()
                        .find(|name| name != "SOFTWARE")
                        .unwrap();
                    let fresh = folder.path().join(fresh);
                    let mut bytes = std::fs::read(&fresh).unwrap();
                    bytes[place] ^= 1 - longer;
                    bytes.extend(vec![0; longer.into()]);
                    std::fs::write(&fresh, bytes).unwrap();
                }
                Ok(())
            };
            let outcome = filling.replace_in_steps(&AMENDMENTS, Bulk::default(), |_| Ok(()), &mut damage);
            assert!(matches!(outcome, Err(Error::Rejected(_))), "{place}");
            assert_eq!(std::fs::read(&path).unwrap(), b"old");
        }
    }

    #[test]
    fn a_failure_at_any_step_leaves_the_old_content_or_the_new_and_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        let run = |gate: Gate<'_>| {
            std::fs::write(&path, "old").unwrap();
            filled(&path, gate)?.replace_in_steps(&AMENDMENTS, Bulk::default(), |_| Ok(()), gate)
        };
        let mut steps = Vec::new();
        run(&mut |step| {
            steps.push(step);
            Ok(())
        })
        .unwrap();
        assert_eq!(steps.iter().filter(|&&step| step == Step::Write).count(), 5);
        for (failing, &step) in steps.iter().enumerate() {
            let mut done = 0;
            let error = run(&mut |_| {
                let now = std::fs::read(&path).unwrap();
                assert!(now == b"old" || now == expected());
                done += 1;
                if done > failing {
                    return Err(io::Error::other("the disk is gone"));
                }
                Ok(())
            })
            .unwrap_err();
            assert!(error.to_string().contains("the disk is gone"));
            let is_replaced = matches!(error, Error::Unsynced(_));
            assert_eq!(is_replaced, step == Step::SyncFolder, "{step:?}");
            let now = std::fs::read(&path).unwrap();
            assert!(
                if is_replaced {
                    now == expected()
                } else {
                    now == b"old"
                },
                "{step:?}"
            );
            assert_eq!(names(folder.path()), ["SOFTWARE"], "{step:?}");
        }
    }
}
