//! Hives: whatever opens is read to its end, takes edits and is whole after them; edits do what a plain model does.

use arbitrary::{Arbitrary, Unstructured};
use std::collections::BTreeMap;
use wimkey::hive::{Hive, Severity, ValueKind, check};
use wimkey::secret::Wiped;
use wimkey::{text, transfer};
use zeroize::Zeroizing;

pub use crate::replay::replay;

/// Hives longer than this teach nothing that shorter ones do not, in bytes.
const LONGEST: usize = 1 << 20;

/// Makes the checksum of a base block right, so that what lies behind it is reached.
pub fn seal(bytes: &mut [u8]) {
    let Some(block) = bytes.get_mut(..512) else { return };
    let (words, sum) = block.split_at_mut(508);
    let numbers = words
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word));
    sum.copy_from_slice(&numbers.fold(0, |sum, number| sum ^ number).to_le_bytes());
}

/// Any bytes: checked, read, exported, and, when the check lets them through, edited.
pub fn open(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let mut bytes: Wiped = Zeroizing::new(bytes.to_vec());
    seal(&mut bytes);
    let findings = check(&bytes);
    if let Ok(hive) = Hive::read(bytes.clone()) {
        read(&hive);
    }
    let Ok(mut hive) = Hive::open(bytes) else { return };
    assert!(
        findings
            .iter()
            .all(|finding| finding.severity != Severity::Refuse),
        "a hive opens for edits although its check refuses it"
    );
    let before = content(&hive);
    let mut is_refused = false;
    let mut refused = |outcome: Result<(), wimkey::hive::Error>| {
        if let Err(error) = outcome {
            assert!(error.is_refusal(), "an edit of a whole hive failed: {error}");
            is_refused = true;
        }
    };
    refused(hive.scrub().map(drop));
    refused(
        hive.set_value(r"Fuzz\New", "value", ValueKind::Binary, &[7; 20_000])
            .map(drop),
    );
    refused(
        hive.set_value(r"Fuzz\New", "value", ValueKind::String, b"a\0\0\0")
            .map(drop),
    );
    refused(hive.delete_key("Fuzz").map(drop));
    if before.is_some() && !before.as_ref().is_some_and(|keys| keys.contains_key("FUZZ")) && !is_refused {
        assert!(
            content(&hive) == before,
            "an edit and its undoing changed something else"
        );
    }
    match hive.compact() {
        Ok(compact) => assert!(compact.finish().is_ok(), "a compacted hive fails its check"),
        Err(error) => assert!(error.is_refusal(), "a whole hive cannot be compacted: {error}"),
    }
    let outcome = hive.finish();
    assert!(
        outcome.is_ok() || is_refused,
        "a hive fails its check after edits: {outcome:?}"
    );
}

fn read(hive: &Hive) {
    for key in hive.walk() {
        let Ok(key) = key else { continue };
        key.path().ok();
        key.class_name().ok();
        for value in key.values().flatten() {
            value.data().ok();
        }
    }
    if let Ok(root) = hive.root() {
        transfer::export(&root, r"HKLM\X", std::io::sink()).ok();
    }
}

type Values = BTreeMap<String, (u32, Vec<u8>)>;
type Model = BTreeMap<String, Values>;

fn folded(text: &str) -> String {
    let units: Vec<u16> = text.encode_utf16().map(text::upcase).collect();
    String::from_utf16_lossy(&units)
}

/// All keys and values; `None` where something cannot be read or two names are one.
fn content(hive: &Hive) -> Option<Model> {
    let mut model = Model::new();
    for key in hive.walk() {
        let key = key.ok()?;
        let mut values = Values::new();
        for value in key.values() {
            let value = value.ok()?;
            let data = value.data().as_deref().map(<[u8]>::to_vec).ok()?;
            if values
                .insert(folded(&value.name()), (value.kind().number(), data))
                .is_some()
            {
                return None;
            }
        }
        if model.insert(folded(&key.path().ok()?), values).is_some() {
            return None;
        }
    }
    Some(model)
}

/// One edit, as the fuzzer draws it: numbers choose from the lists below.
#[derive(Debug, Arbitrary)]
enum Step {
    Set {
        path: u8,
        name: u8,
        kind: u8,
        length: u16,
        fill: u8,
    },
    Create {
        path: u8,
        leaf: u16,
    },
    DeleteValue {
        path: u8,
        name: u8,
    },
    DeleteKey {
        path: u8,
    },
    DeleteLeaf {
        path: u8,
        leaf: u16,
    },
    Many {
        path: u8,
        first: u16,
        count: u16,
    },
    Values {
        path: u8,
        first: u8,
        count: u8,
        length: u8,
    },
    Reopen,
    Scrub,
    Compact,
}

const PATHS: [&str; 12] = [
    "",
    "A",
    r"A\B",
    r"A\b\C",
    r"a\Ä",
    r"a\ä\µ",
    r"A\𝄞",
    "ΑΩ",
    r"Β\ı\I",
    r"B\1",
    r"B\2",
    r"B\2\3\4\5",
];
const NAMES: [&str; 8] = ["", "x", "Y", "y2", "Ωmega", "ſ", "S", "𝄞"];
/// The most steps of one run.
const MOST_STEPS: usize = 100;
/// The most keys that one step makes.
const MOST_AT_ONCE: u16 = 1500;
/// A hive of this many keys gets no more of them at once: a run is to be short.
const MANY: usize = 4000;

fn pick<'a>(list: &[&'a str], index: u8) -> &'a str {
    list[usize::from(index) % list.len()]
}

/// A name in one of two cases, which are one name.
fn numbered(number: u8) -> String {
    if number.is_multiple_of(2) {
        format!("Value{}", number / 2)
    } else {
        format!("vALUE{}", number / 2)
    }
}

fn below(path: &str, leaf: u16) -> String {
    let separator = if path.is_empty() { "" } else { "\\" };
    format!("{path}{separator}leaf{leaf}")
}

fn make(model: &mut Model, path: &str) -> String {
    let path = folded(path);
    for (place, _) in path.match_indices('\\') {
        model.entry(path[..place].to_owned()).or_default();
    }
    model.entry(path.clone()).or_default();
    path
}

fn delete(hive: &mut Hive, model: &mut Model, path: &str) {
    if path.is_empty() {
        return;
    }
    let was = hive.delete_key(path).unwrap();
    let path = folded(path);
    assert_eq!(was, model.contains_key(&path));
    let start = format!("{path}\\");
    model.retain(|key, _| *key != path && !key.starts_with(&start));
}

fn take(hive: &mut Hive, model: &mut Model, step: &Step) {
    match *step {
        Step::Set {
            path,
            name,
            kind,
            length,
            fill,
        } => {
            // Small lengths often, the edges of big data sometimes.
            let length = usize::from(length);
            let length = if length > 60_000 {
                16_344 + length % 5 * 16_344
            } else {
                length % 700
            };
            let (kind, data) = (u32::from(kind) % 13, vec![fill; length]);
            hive.set_value(pick(&PATHS, path), pick(&NAMES, name), kind.into(), &data)
                .unwrap();
            let path = make(model, pick(&PATHS, path));
            model
                .get_mut(&path)
                .unwrap()
                .insert(folded(pick(&NAMES, name)), (kind, data));
        }
        Step::Create { path, leaf } => {
            let path = below(pick(&PATHS, path), leaf);
            hive.create_key(&path).unwrap();
            make(model, &path);
        }
        Step::Many { path, first, count } => {
            // Few at once often, so many that their list is cut up sometimes.
            let count = match count {
                60_000.. if model.len() < MANY => count % MOST_AT_ONCE,
                _ => count % 40,
            };
            for leaf in 0..count {
                let path = below(pick(&PATHS, path), first.wrapping_add(leaf));
                hive.create_key(&path).unwrap();
                make(model, &path);
            }
        }
        Step::Values {
            path,
            first,
            count,
            length,
        } => {
            let place = make(model, pick(&PATHS, path));
            let data = vec![first; usize::from(length)];
            for number in first..first.saturating_add(count) {
                let name = numbered(number);
                hive.set_value(pick(&PATHS, path), &name, ValueKind::Binary, &data)
                    .unwrap();
                let kind = ValueKind::Binary.number();
                let values = model.get_mut(&place).unwrap();
                values.insert(folded(&name), (kind, data.clone()));
            }
            // An empty range makes no key.
            if count == 0 || first == u8::MAX {
                hive.create_key(pick(&PATHS, path)).unwrap();
            }
        }
        Step::DeleteValue { path, name } => {
            // The first names are those that are set one by one.
            let name = match NAMES.get(usize::from(name)) {
                Some(name) => (*name).to_owned(),
                None => numbered(name),
            };
            let was = hive.delete_value(pick(&PATHS, path), &name).unwrap();
            let values = model.get_mut(&folded(pick(&PATHS, path)));
            let in_model = values.and_then(|values| values.remove(&folded(&name)));
            assert_eq!(was, in_model.is_some());
        }
        Step::DeleteKey { path } => delete(hive, model, pick(&PATHS, path)),
        Step::DeleteLeaf { path, leaf } => delete(hive, model, &below(pick(&PATHS, path), leaf)),
        Step::Reopen => reopen(hive),
        // Edits wipe what they free: nothing is left for a scrub.
        Step::Scrub => assert_eq!(hive.scrub().unwrap(), 0, "an edit left bytes behind"),
        Step::Compact => *hive = hive.compact().unwrap(),
    }
}

fn reopen(hive: &mut Hive) {
    let old = std::mem::replace(hive, Hive::create(5).unwrap());
    *hive = Hive::open(old.finish().unwrap()).unwrap();
}

/// Random edits of a new hive: it holds what a plain model holds, is whole, and has no dead bytes.
pub fn ops(bytes: &[u8]) {
    let mut source = Unstructured::new(bytes);
    let Ok(minor) = source.int_in_range(3..=6) else {
        return;
    };
    let mut hive = Hive::create(minor).unwrap();
    let mut model = Model::from([(String::new(), Values::new())]);
    for _ in 0..MOST_STEPS {
        if source.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut source) else {
            break;
        };
        take(&mut hive, &mut model, &step);
    }
    reopen(&mut hive);
    assert_eq!(hive.scrub().unwrap(), 0, "edits left bytes behind");
    assert!(
        content(&hive).as_ref() == Some(&model),
        "the hive holds other things than the model"
    );
}

/// A hive with every shape of list and data.
pub fn rich(minor: u32, keys: u32) -> Wiped {
    let mut hive = Hive::create(minor).unwrap();
    for index in 0..keys {
        hive.set_value(&format!(r"Many\K{index:04}"), "", ValueKind::Dword, &[1, 2, 3, 4])
            .unwrap();
    }
    for length in [0, 4, 5, 300, 16_345] {
        hive.set_value(
            r"Data\Ä\日",
            &format!("v{length}"),
            ValueKind::Binary,
            &vec![7; length],
        )
        .unwrap();
    }
    for index in 0..keys / 20 {
        hive.delete_key(&format!(r"Many\K{:04}", index * 20)).unwrap();
    }
    hive.finish().unwrap()
}
