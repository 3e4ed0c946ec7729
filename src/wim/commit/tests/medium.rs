//! The order on the medium: what was written and not yet waited for may arrive in part, and a second update may be killed too.

use super::*;
use std::ops::Range;

/// A thing that was done to the file.
enum Step {
    Write(u64, Vec<u8>),
    Length(u64),
    Punch(Range<u64>),
    /// All before it is on the medium.
    Sync,
}

/// What is wrong with a file that takes every write.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    Nothing,
    /// It cannot be opened for writing.
    Refused(io::ErrorKind),
    /// The new XML data becomes something else as soon as the header points to it.
    Rot,
}

/// A file in memory that notes what is done to it.
struct Noted {
    file: Arc<Faulty>,
    steps: Mutex<Vec<Step>>,
    trouble: Trouble,
}

impl Noted {
    fn new(bytes: Vec<u8>, trouble: Trouble) -> Arc<Self> {
        Arc::new(Self {
            file: Faulty::new(bytes, None),
            steps: Mutex::default(),
            trouble,
        })
    }

    fn note(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }

    fn update(self: &Arc<Self>) -> Update {
        let wim = Wim::open_storage(Arc::clone(self) as Arc<dyn Storage>, Path::new("memory"));
        wim.unwrap().update().unwrap()
    }

    fn put(self: &Arc<Self>, content: &[u8]) -> Result<Report, Error> {
        let mut update = self.update();
        update.put(1, PATH, Zeroizing::new(content.to_vec())).unwrap();
        update.commit(&mut |_, _| {})
    }
}

impl Storage for Noted {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset)
    }

    fn begin_writing(&self) -> io::Result<()> {
        match self.trouble {
            Trouble::Refused(kind) => Err(kind.into()),
            Trouble::Nothing | Trouble::Rot => Ok(()),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.note(Step::Write(offset, bytes.to_vec()));
        let before = Header::parse(&self.file.contents()).unwrap().xml;
        self.file.write_at(bytes, offset)?;
        let xml = Header::parse(&self.file.contents()).unwrap().xml;
        if self.trouble == Trouble::Rot && xml.offset > before.offset {
            self.file.write_at(&[0xFF; 20], xml.offset)?;
        }
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.note(Step::Length(length));
        self.file.set_length(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.note(Step::Sync);
        Ok(())
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        self.note(Step::Punch(range.clone()));
        self.file.punch(range)
    }
}

fn apply(file: &Faulty, step: &Step) {
    match step {
        Step::Write(offset, bytes) => file.write_at(bytes, *offset).unwrap(),
        Step::Length(length) => file.set_length(*length).unwrap(),
        // A hole is punched in zeros.
        Step::Punch(_) | Step::Sync => {}
    }
}

#[test]
fn whatever_arrives_of_what_was_not_waited_for_leaves_the_old_or_the_new_state() {
    for start in starts() {
        let noted = Noted::new(start.clone(), Trouble::Nothing);
        noted.put(NEW).unwrap();
        let steps = noted.steps.lock().unwrap();
        assert!(matches!(steps.last(), Some(Step::Sync)));
        let mut arrived = start;
        let mut waiting: Vec<&Step> = Vec::new();
        let (mut old_states, mut new_states) = (0, 0);
        for step in steps.iter() {
            waiting.push(step);
            let count = waiting.len();
            for odd in 0..count {
                // This one alone, all but this one, and all up to this one.
                let choices: [&dyn Fn(usize) -> bool; 3] =
                    [&|index| index == odd, &|index| index != odd, &|index| {
                        index <= odd
                    }];
                for choice in choices {
                    let after = Faulty::new(arrived.clone(), None);
                    for (_, step) in waiting.iter().enumerate().filter(|(index, _)| choice(*index)) {
                        apply(&after, step);
                    }
                    let found = content(&after);
                    assert!(found == OLD || found == NEW);
                    old_states += usize::from(found == OLD);
                    new_states += usize::from(found == NEW);
                    assert!(integrity_holds(&after));
                    put(&after, NEXT).unwrap();
                    let bytes = after.contents();
                    assert!(!contains(&bytes, OLD) && !contains(&bytes, NEW));
                }
            }
            if matches!(step, Step::Sync) {
                let after = Faulty::new(std::mem::take(&mut arrived), None);
                for step in waiting.drain(..) {
                    apply(&after, step);
                }
                arrived = after.contents();
            }
        }
        assert!(
            old_states > 5 && new_states > 5,
            "{old_states} old, {new_states} new"
        );
    }
}

#[test]
fn a_torn_header_is_made_whole_before_the_note_that_judges_it_is_covered() {
    let mut torn_ones = 0;
    for start in starts() {
        for at in 0.. {
            let first = Faulty::new(start.clone(), Some((at, Fault::Torn)));
            if put(&first, NEW).is_ok() {
                break;
            }
            let wim = open(&Faulty::new(first.contents(), None)).unwrap();
            if wim.header_found == wim.header.encode() {
                continue;
            }
            torn_ones += 1;
            for at in 0.. {
                let second = Faulty::new(first.contents(), Some((at, Fault::Torn)));
                let done = put(&second, NEXT).is_ok();
                let after = Faulty::new(second.contents(), None);
                let found = content(&after);
                assert!([OLD, NEW, NEXT].contains(&&found[..]));
                assert!(integrity_holds(&after), "torn again at {at}");
                if done {
                    break;
                }
            }
        }
    }
    assert!(torn_ones > 0);
}

#[test]
fn an_integrity_table_stays_in_force_until_the_switch_where_nothing_that_it_covers_changes() {
    for start in starts() {
        let wim = open(&Faulty::new(start.clone(), None)).unwrap();
        let has_gaps = wim.live().iter().count() > 1;
        if has_gaps || wim.header.integrity.plain == 0 {
            continue;
        }
        for at in 0.. {
            let killed = Faulty::new(start.clone(), Some((at, Fault::Kill)));
            let result = put(&killed, NEW);
            let after = Faulty::new(killed.contents(), None);
            if content(&after) == OLD {
                assert_ne!(open(&after).unwrap().header.integrity.plain, 0, "killed at {at}");
            }
            if result.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn only_long_stretches_of_zeros_are_given_back_to_the_system() {
    // They stand in the file in the order of their names.
    let image = ImageBuilder::new("one")
        .file("a long one", &vec![1; 200_000], Properties::default())
        .file("between", &[2; 1000], Properties::default())
        .file("short", &vec![3; 50_000], Properties::default())
        .file("the last", &[4; 1000], Properties::default());
    let noted = Noted::new(Builder::new().image(image).to_bytes().unwrap(), Trouble::Nothing);
    let mut update = noted.update();
    update
        .put(1, "a long one", Zeroizing::new(vec![5; 210_000]))
        .unwrap();
    update.delete(1, "short").unwrap();
    update.commit(&mut |_, _| {}).unwrap();
    let steps = noted.steps.lock().unwrap();
    let holes: Vec<_> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Punch(range) => Some(range.end - range.start),
            _ => None,
        })
        .collect();
    assert_eq!(holes, [200_000]);
}

#[test]
fn a_content_longer_than_one_step_is_written_whole_and_keeps_its_chunks_around_a_change() {
    // Chunks that become about two thirds as long, so that what is copied and what is new is longer than a step, too.
    let mut seed = 1u32;
    let mut content: Vec<u8> = (0..5 * write::STEP)
        .map(|index| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if index % 32_768 < 24_000 {
                seed.to_be_bytes()[0]
            } else {
                0
            }
        })
        .collect();
    let image = ImageBuilder::new("one").file(PATH, OLD, Properties::default());
    let builder = Builder::new().compress(Codec::Xpress, None).unwrap().image(image);
    let file = MemoryFile::new(builder.to_bytes().unwrap());
    for (place, kept) in [(0, 0), (5 * write::STEP / 2, 5 * 32 - 1)] {
        content[place] ^= 1;
        let mut update = file.open().unwrap().update().unwrap();
        update.put(1, PATH, Zeroizing::new(content.clone())).unwrap();
        let report = update.commit(&mut |_, _| {}).unwrap();
        assert_eq!(report.chunks_kept, kept);
        assert!(report.bytes_written > 3 * write::STEP as u64);
        assert!(**file.open().unwrap().read(1, PATH, 1 << 30).unwrap() == *content);
    }
}

#[test]
fn room_for_the_integrity_table_is_taken_before_the_new_state_comes_into_force() {
    for start in starts() {
        let noted = Noted::new(start, Trouble::Nothing);
        noted.put(NEW).unwrap();
        let header = Header::parse(&noted.file.contents()).unwrap();
        let steps = noted.steps.lock().unwrap();
        let first = |wanted: &dyn Fn(u64, &[u8]) -> bool| {
            steps
                .iter()
                .position(|step| matches!(step, Step::Write(offset, bytes) if wanted(*offset, bytes)))
        };
        let switch = first(&|offset, bytes| offset == 0 && bytes == header.without_integrity());
        if let Some(table) = header.integrity.range() {
            let length = table.end - table.start;
            let room = first(&|offset, bytes| offset == table.start && bytes.len() as u64 == length);
            assert!(room.is_some() && room < switch);
        }
        assert!(switch.is_some());
    }
}

#[test]
fn a_new_state_that_does_not_read_back_gives_way_to_the_old_one() {
    let mut rotten = 0;
    for start in starts() {
        let noted = Noted::new(start.clone(), Trouble::Rot);
        if let Err(error) = noted.put(NEW) {
            rotten += 1;
            assert!(matches!(error, Error::ReadBack { .. }), "{error}");
            assert_eq!(noted.file.contents(), start);
        }
    }
    assert!(rotten > 0);
}

#[test]
fn a_lock_that_somebody_holds_is_told_apart_from_what_else_goes_wrong() {
    let refused = |kind| {
        let noted = Noted::new(starts().swap_remove(0), Trouble::Refused(kind));
        let error = noted.put(NEW).unwrap_err();
        assert!(noted.steps.lock().unwrap().is_empty());
        error
    };
    assert!(matches!(refused(io::ErrorKind::WouldBlock), Error::Locked));
    let error = refused(io::ErrorKind::PermissionDenied);
    assert!(matches!(error, Error::Write { .. }), "{error}");
}
