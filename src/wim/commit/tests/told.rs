//! What a commit tells: the report, the progress, and why it refuses.

use super::*;

fn file(codec: Option<Codec>) -> MemoryFile {
    let image = ImageBuilder::new("one")
        .file(PATH, OLD, Properties::default())
        .file("long", &vec![3; 200_000], Properties::default())
        .file("short", &[4; 5000], Properties::default());
    let mut builder = Builder::new().image(image).integrity();
    if let Some(codec) = codec {
        builder = builder.compress(codec, None).unwrap();
    }
    MemoryFile::new(builder.to_bytes().unwrap())
}

/// Commits, and makes sure that the progress goes up to the end and no further.
fn commit(update: Update) -> Report {
    let mut told = Vec::new();
    let report = update
        .commit(&mut |done, total| told.push((done, total)))
        .unwrap();
    let all = report.bytes_written + report.bytes_wiped;
    assert_eq!(told.last(), Some(&(all, all)));
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(told.iter().all(|(_, total)| *total == all));
    report
}

#[test]
fn an_update_without_changes_tells_the_length_of_the_file() {
    let file = file(None);
    let length = file.bytes().len() as u64;
    let update = file.open().unwrap().update().unwrap();
    let report = update.commit(&mut |_, _| panic!("nothing is done")).unwrap();
    let expected = Report {
        length_before: length,
        length_after: length,
        ..Report::default()
    };
    assert_eq!(report, expected);
}

#[test]
fn lengths_and_progress_are_those_of_the_file() {
    for codec in [None, Some(Codec::Lzx)] {
        let file = file(codec);
        for content in [NEW, &vec![1; 100_000], NEXT] {
            let before = file.bytes().len() as u64;
            let mut update = file.open().unwrap().update().unwrap();
            update.put(1, PATH, Wiped::new(content.to_vec())).unwrap();
            let report = commit(update);
            assert_eq!(report.length_before, before);
            assert_eq!(report.length_after, file.bytes().len() as u64);
            assert_eq!(report.images, [1]);
            assert!(!report.recovered && report.bytes_wiped > 0);
        }
    }
}

#[test]
fn a_clean_up_writes_nothing_new_and_tells_what_it_wiped() {
    let start = file(None).bytes();
    for at in 1.. {
        let killed = Faulty::new(start.clone(), Some((at, Fault::Kill)));
        let done = put(&killed, NEW).is_ok();
        let after = Faulty::new(killed.contents(), None);
        if done || !open(&after).unwrap().was_interrupted() {
            assert!(at > 8);
            break;
        }
        let before = after.contents().len() as u64;
        let report = commit(open(&after).unwrap().update().unwrap());
        let length = after.contents().len() as u64;
        assert_eq!(open(&after).unwrap().live().end(), length);
        let expected = Report {
            bytes_wiped: report.bytes_wiped,
            length_before: before,
            length_after: length,
            recovered: true,
            ..Report::default()
        };
        assert_eq!(report, expected, "killed at {at}");
        assert!(report.bytes_wiped > 0);
    }
}

#[test]
fn a_change_over_what_a_killed_update_left_tells_that_it_cleaned_up() {
    let killed = Faulty::new(file(None).bytes(), Some((1, Fault::Kill)));
    assert!(put(&killed, NEW).is_err());
    let after = Faulty::new(killed.contents(), None);
    assert!(put(&after, NEXT).unwrap().recovered);
    assert!(!put(&after, NEW).unwrap().recovered);
}

#[test]
fn a_wim_that_changed_since_it_was_opened_is_refused() {
    let start = file(None).bytes();
    let table = MemoryFile::new(start.clone())
        .open()
        .unwrap()
        .header
        .blob_table
        .offset;
    let table = usize::try_from(table).unwrap();
    let changes: [fn(&mut Vec<u8>, usize); 3] = [
        |bytes, _| bytes[24] ^= 1, // the GUID in the header
        |bytes, _| bytes.push(0),
        |bytes, table| bytes[table + 26] += 1, // a reference count
    ];
    for (number, change) in changes.iter().enumerate() {
        let storage = Faulty::new(start.clone(), None);
        let mut update = open(&storage).unwrap().update().unwrap();
        update.put(1, PATH, Wiped::new(NEW.to_vec())).unwrap();
        let mut bytes = start.clone();
        change(&mut bytes, table);
        storage.bytes.lock().unwrap().clone_from(&bytes);
        let result = update.commit(&mut |_, _| {});
        assert!(matches!(result, Err(Error::ChangedMeanwhile)), "change {number}");
        assert_eq!(storage.contents(), bytes);
    }
}

#[test]
fn a_copy_is_made_beside_its_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    std::fs::write(&path, file(None).bytes()).unwrap();
    let mut update = Wim::open(&path).unwrap().update().unwrap();
    update.put(1, PATH, Wiped::new(NEW.to_vec())).unwrap();
    let output = folder.path().join("missing").join("b.wim");
    match update.commit_to(&output, &mut |_, _| {}) {
        Err(Error::Create { path, source }) => {
            assert_eq!(
                (path.as_str(), source.kind()),
                (&*output.to_string_lossy(), io::ErrorKind::NotFound)
            );
        }
        other => panic!("{other:?}"),
    }
}
