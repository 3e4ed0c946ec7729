//! Real answer files: what is read, what an edit changes, and what other readers say of the result.
//!
//! Runs when `WIMKEY_CORPUS` names a folder whose sub-folder `unattend` holds answer files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wimkey::text::{self, Encoding, Form};
use wimkey::unattend::{AnswerFile, Architecture, Error, KeyKind, Setting};
use zeroize::Zeroizing;

/// Published by Microsoft: Windows 10 and 11 Enterprise.
const KEY: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";
/// Published by Microsoft: Windows 10 and 11 Pro.
const OTHER_KEY: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";

fn files() -> Vec<PathBuf> {
    common::corpus("unattend")
        .map(|folder| common::files(&folder))
        .unwrap_or_default()
}

fn read(path: &Path) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::fs::read(path).unwrap())
}

fn decoded(bytes: &[u8]) -> String {
    text::decode(bytes).unwrap().0.to_string()
}

/// Whether xmllint accepts the bytes; `None` if it is not installed.
fn xmllint(bytes: &[u8]) -> Option<bool> {
    use std::io::Write as _;
    let mut child = Command::new("xmllint")
        .args(["--noout", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let _ = child.stdin.take().unwrap().write_all(bytes);
    Some(child.wait().unwrap().success())
}

/// Elements, attributes, texts, comments and instructions in document order; white space between elements aside.
fn flat(text: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(text).unwrap();
    let mut lines = Vec::new();
    for node in document.descendants() {
        let depth = node.ancestors().count();
        let path: Vec<&str> = node.ancestors().map(|up| up.tag_name().name()).collect();
        let line = match node.node_type() {
            roxmltree::NodeType::Text if node.text().unwrap().trim().is_empty() => continue,
            roxmltree::NodeType::Element => {
                let attributes: Vec<_> = node
                    .attributes()
                    .map(|a| format!("{:?}{}={}", a.namespace(), a.name(), a.value()))
                    .collect();
                format!("{:?} {attributes:?}", node.tag_name())
            }
            kind => format!("{kind:?} {:?}", node.text()),
        };
        lines.push(format!("{depth} {path:?} {line}"));
    }
    lines
}

/// Whether all of `few` occur in `many` in this order; returns what is left of `many`.
fn left_over(few: &[String], many: &[String]) -> Option<Vec<String>> {
    let mut rest = Vec::new();
    let mut wanted = few.iter().peekable();
    for line in many {
        if wanted.peek() == Some(&line) {
            wanted.next();
        } else {
            rest.push(line.clone());
        }
    }
    wanted.next().is_none().then_some(rest)
}

/// The lengths of what differs between two byte strings once common head and tail are set aside.
fn differing(old: &[u8], new: &[u8]) -> (usize, usize) {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    (old.len() - head - tail, new.len() - head - tail)
}

#[test]
fn what_is_refused_is_what_other_readers_refuse() {
    let (mut accepted, mut refused) = (0, 0);
    for path in files() {
        let bytes = read(&path);
        let result = AnswerFile::parse(bytes.clone());
        let other = roxmltree::Document::parse(&decoded(&bytes)).is_ok();
        assert_eq!(result.is_ok(), other, "{}: {:?}", path.display(), result.err());
        if let Some(verdict) = xmllint(&bytes) {
            assert_eq!(result.is_ok(), verdict, "{}: {:?}", path.display(), result.err());
        }
        match result {
            Ok(file) => {
                assert_eq!(file.bytes(), bytes.as_slice());
                accepted += 1;
            }
            Err(error) => {
                let Error::Malformed { picture, .. } = &error else {
                    panic!("{error:?}")
                };
                println!(
                    "{}: {error}\n  {}\n  {}^",
                    path.display(),
                    picture.text(),
                    " ".repeat(picture.caret())
                );
                refused += 1;
            }
        }
    }
    println!("{accepted} accepted, {refused} refused");
}

#[test]
fn every_setting_is_set_read_back_accepted_by_others_and_removed_to_the_byte() {
    let architectures = [Architecture::Amd64, Architecture::Arm64];
    let settings = architectures.into_iter().flat_map(|architecture| {
        [
            (Setting::product_key(architecture), KEY),
            (Setting::installation_key(architecture), KEY),
            (Setting::skip_rearm(architecture), "1"),
            (Setting::skip_auto_activation(architecture), "true"),
        ]
    });
    let settings: Vec<_> = settings.collect();
    let (mut created, mut bare, mut replaced, mut same) = (0, 0, 0, 0);
    for path in files() {
        let bytes = read(&path);
        if AnswerFile::parse(bytes.clone()).is_err() {
            continue;
        }
        for (setting, value) in &settings {
            let place = format!("{}: {setting}", path.display());
            let mut file = AnswerFile::parse(bytes.clone()).unwrap();
            let before = file.get(setting).len();
            let change = match file.set(setting, value) {
                Ok(change) => change,
                Err(error) => panic!("{place}: {error}"),
            };
            let found = file.get(setting);
            assert_eq!(found.len(), 1, "{place}");
            assert_eq!(found[0].expose(), *value, "{place}");
            let edited = file.bytes().to_vec();
            assert_eq!(edited != *bytes, change.changed, "{place}");
            assert!(!file.set(setting, value).unwrap().changed, "{place}");
            assert_eq!(file.bytes(), edited.as_slice(), "{place}");

            let old_text = decoded(&bytes);
            let new_text = decoded(&edited);
            assert_eq!(Form::detect(&bytes), Form::detect(&edited), "{place}");
            if !old_text.contains('\n') || old_text.matches("\r\n").count() == old_text.matches('\n').count()
            {
                assert_eq!(
                    new_text.matches("\r\n").count(),
                    new_text.matches('\n').count(),
                    "{place}"
                );
            }
            let (old_tree, new_tree) = (flat(&old_text), flat(&new_text));
            if before == 0 {
                let rest = left_over(&old_tree, &new_tree);
                if let Some(rest) = rest {
                    assert!((1..=6).contains(&rest.len()), "{place}: {rest:?}");
                    assert!(rest.last().unwrap().contains(value), "{place}");
                    // At most the slash of `<settings pass="specialize" />` gives way.
                    assert!(
                        differing(&bytes, &edited).0 <= 2,
                        "{place}: more than an insertion"
                    );
                    let mut again = AnswerFile::parse(edited.clone().into()).unwrap();
                    assert!(again.remove(setting).unwrap(), "{place}");
                    assert!(
                        again.bytes() == bytes.as_slice(),
                        "{place}: not the original after remove"
                    );
                } else {
                    bare += 1; // text straight in <ProductKey> gave way to <Key>
                }
                created += 1;
            } else if change.changed {
                let differs = old_tree
                    .iter()
                    .zip(&new_tree)
                    .filter(|(old, new)| old != new)
                    .count();
                assert!(differs <= 1 || old_tree.len() != new_tree.len(), "{place}");
                replaced += 1;
            } else {
                same += 1;
            }
            file.set(setting, if *value == KEY { OTHER_KEY } else { value })
                .unwrap();
            assert_eq!(file.get(setting).len(), 1);
            file.remove(setting).unwrap();
            // What stood empty stands empty again.
            assert!(
                file.get(setting).iter().all(|found| found.expose().is_empty()),
                "{place}"
            );
            assert!(
                roxmltree::Document::parse(&decoded(file.bytes())).is_ok(),
                "{place}"
            );
        }
        let mut file = AnswerFile::parse(bytes.clone()).unwrap();
        file.set(&settings[0].0, KEY).unwrap();
        assert_ne!(xmllint(file.bytes()), Some(false), "{}", path.display());
    }
    println!("{created} created ({bare} in place of bare text), {replaced} replaced, {same} there already");
}

#[test]
fn an_edit_does_the_same_in_every_encoding_and_with_either_line_end() {
    let setting = Setting::product_key(Architecture::Amd64);
    let mut edits = 0;
    for path in files() {
        let text = decoded(&read(&path)).replace("\r\n", "\n");
        let Ok(mut plain) = AnswerFile::parse(text.clone().into_bytes().into()) else {
            continue;
        };
        plain.set(&setting, KEY).unwrap();
        let edited = decoded(plain.bytes());
        for (encoding, mark) in [
            (Encoding::Utf8, true),
            (Encoding::Utf16Le, true),
            (Encoding::Utf16Le, false),
            (Encoding::Utf16Be, true),
        ] {
            for line_end in ["\n", "\r\n"] {
                let stored =
                    |text: &str| text::encode(&text.replace('\n', line_end), Form { encoding, mark });
                let bytes = stored(&text);
                let mut file = AnswerFile::parse(bytes.clone()).unwrap();
                let existed = !file.get(&setting).is_empty();
                file.set(&setting, KEY).unwrap();
                assert!(
                    file.bytes() == stored(&edited).as_slice(),
                    "{} {encoding:?} {line_end:?}",
                    path.display()
                );
                let mut again = AnswerFile::parse(file.into_bytes()).unwrap();
                again.remove(&setting).unwrap();
                assert!(existed || again.bytes() == bytes.as_slice(), "{}", path.display());
                edits += 1;
            }
        }
    }
    println!("{edits} edits");
}

#[test]
fn keys_that_are_set_and_cleared_leave_the_original_bytes() {
    let (mut whole, mut bare) = (0, 0);
    for path in files() {
        let Ok(mut file) = AnswerFile::parse(read(&path)) else {
            continue;
        };
        // What held keys before holds none afterwards: the start is the file without them.
        file.clear(false).unwrap();
        let start = file.into_bytes();
        let mut file = AnswerFile::parse(start.clone()).unwrap();
        for architecture in Architecture::ALL {
            file.set(&Setting::product_key(architecture), KEY).unwrap();
            file.set(&Setting::installation_key(architecture), OTHER_KEY)
                .unwrap();
        }
        let edited = file.into_bytes();
        assert_ne!(xmllint(&edited), Some(false), "{}", path.display());
        assert!(
            roxmltree::Document::parse(&decoded(&edited)).is_ok(),
            "{}",
            path.display()
        );
        let mut file = AnswerFile::parse(edited).unwrap();
        assert_eq!(
            file.clear(false).unwrap().keys,
            2 * Architecture::ALL.len(),
            "{}",
            path.display()
        );
        if file.bytes() == start.as_slice() {
            whole += 1;
        } else {
            bare += 1;
            println!("{}: differs", path.display());
        }
    }
    println!("{whole} as before");
    assert_eq!(bare, 0);
}

#[test]
fn the_linter_says_something_sound_of_every_file() {
    use wimkey::lint::{Surroundings, answer_file};
    let mut counts = std::collections::BTreeMap::new();
    for path in files() {
        let bytes = read(&path);
        let text = decoded(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let parses = AnswerFile::parse(bytes.clone()).is_ok();
        for finding in answer_file(&bytes, &Surroundings::default()) {
            *counts.entry(finding.rule.id).or_insert(0) += 1;
            assert_eq!(parses, finding.rule.id != "WK-U027", "{}", path.display());
            let (Some(line), Some(column)) = (finding.line, finding.column) else {
                panic!("{}: {finding:?}", path.display())
            };
            let shown = lines[line - 1];
            assert!(
                column + finding.length <= shown.chars().count() + 2,
                "{}: {finding:?}",
                path.display()
            );
            let picture = finding.picture.unwrap();
            assert_eq!(
                shown.chars().nth(column - 1).is_some_and(char::is_whitespace),
                picture
                    .text()
                    .chars()
                    .nth(picture.caret())
                    .is_some_and(char::is_whitespace),
                "{}: the picture is of another place",
                path.display()
            );
        }
    }
    println!("{counts:?}");
}

#[test]
fn cleared_files_hold_no_key_where_setup_reads_one() {
    let mut kinds = std::collections::BTreeMap::new();
    for path in files() {
        let Ok(mut file) = AnswerFile::parse(read(&path)) else {
            continue;
        };
        for place in file.product_keys() {
            *kinds.entry(format!("{:?}", place.kind)).or_insert(0) += 1;
            assert!(decoded(&read(&path)).lines().count() >= place.line);
        }
        let old = flat(&decoded(file.bytes()));
        let cleared = file.clear(true).unwrap();
        let kept = file.summary().effects.into_iter().filter_map(|effect| effect.key);
        assert!(
            kept.into_iter().all(|kind| kind == KeyKind::Empty),
            "{}",
            path.display()
        );
        assert!(
            cleared
                .left
                .iter()
                .all(|left| matches!(left.kind, KeyKind::Embedded | KeyKind::Comment))
        );
        assert!(
            left_over(&flat(&decoded(file.bytes())), &old).is_some(),
            "{}",
            path.display()
        );
        assert!(
            !decoded(file.bytes()).contains("<PlainText>true"),
            "{}",
            path.display()
        );
    }
    println!("{kinds:?}");
}
