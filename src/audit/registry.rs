//! registry - keys in hives: whose the bytes are; and values that are no keys but matter.

use super::sight::{Order, Sight};
use super::told::{remark, told};
use super::trace::{Kind, Secret, Trace};
use crate::activation::{self, CURRENT_VERSION, State, read_stored_key, text_of};
use crate::catalog::traces::{self, FileKind, Holds, Scrub};
use crate::hive::{self, Hive, Holder, Seam};
use crate::image::{Facts, Image, SOFTWARE, Stream};
use crate::secret::Wiped;
use crate::text::same_name;
use crate::trace::{Form, Scanner};
use zeroize::Zeroizing;

/// What is found in a hive; `None` if the bytes are no hive after all.
pub(super) fn look(bytes: Wiped, stream: &Stream, sights: &[Sight], order: &Order<'_>) -> Option<Vec<Trace>> {
    let mut across = Vec::new();
    hive::seams(&bytes, Scanner::LONGEST, &mut |seam| {
        across.extend(cut(seam, order));
    })
    .ok()?;
    let hive = Hive::read(bytes).ok()?;
    let offsets: Vec<u64> = sights.iter().map(|sight| sight.range.start).collect();
    let holders = hive.locate(&offsets);
    let mut found = Vec::new();
    for (sight, holder) in sights.iter().zip(&holders) {
        found.extend(told(stream, |path| in_hive(path, sight, holder)));
    }
    for (sight, holder) in &across {
        found.extend(told(stream, |path| in_hive(path, sight, holder)));
    }
    // A search for known keys is only for these.
    if order.unknown {
        // What cannot be walked was searched as bytes.
        _ = passwords(&hive, stream, &mut found);
        _ = settings(&hive, stream, &mut found);
    }
    Some(found)
}

/// Keys that lie across a cut in a large value, where the search of the hive's bytes does not see them.
fn cut(seam: &Seam, order: &Order<'_>) -> Vec<(Sight, Holder)> {
    let mut hits = Vec::new();
    let mut scanner = Scanner::new(order.traces, order.unknown);
    scanner.feed(&seam.bytes, &mut |hit| hits.push(hit));
    scanner.finish(&mut |hit| hits.push(hit));
    hits.retain(|hit| seam.cuts(usize::try_from(hit.offset).unwrap_or(usize::MAX), hit.length));
    let mut sights = order.sights(hits);
    for sight in &mut sights {
        // The rest of it lies somewhere else.
        sight.range = seam.offset + sight.range.start..seam.offset + seam.before as u64;
    }
    let holder = || Holder::Value {
        key: seam.key.clone(),
        name: seam.name.clone(),
    };
    sights.into_iter().map(|sight| (sight, holder())).collect()
}

/// A key in a hive.
fn in_hive(path: Option<&str>, sight: &Sight, holder: &Holder) -> Trace {
    let unused = |what: &str| {
        let place = format!("{what} at byte {:#x}", sight.range.start);
        (&traces::HIVE_UNUSED, Kind::Unused, Scrub::Edit, place)
    };
    let (mut rule, kind, scrub, place) = match holder {
        Holder::Value { key, name } => {
            let row = traces::value(key, name);
            let generic = if sight.form == Form::Stored {
                &traces::REGISTRY_KEY
            } else {
                &traces::REGISTRY_KEY_TEXT
            };
            // In a value that is no place for keys, only plain text can be masked, and only where that is asked for.
            let unknown = if sight.is_plain() {
                Scrub::Mask
            } else {
                Scrub::Report
            };
            let (rule, scrub) = row.map_or((generic, unknown), |row| (row.rule, row.scrub));
            let kind = match scrub {
                Scrub::Report => Kind::Report,
                Scrub::Mask => Kind::Other,
                _ => Kind::Registry,
            };
            (rule, kind, scrub, format!("{key} {name}"))
        }
        Holder::Key(key) => (
            &traces::REGISTRY_KEY_TEXT,
            Kind::Report,
            Scrub::Report,
            key.clone(),
        ),
        Holder::Deleted => unused("a deleted cell"),
        Holder::Slack => unused("the end of a cell"),
        Holder::Lost => unused("a cell that nothing refers to"),
        Holder::Outside => unused("outside of all cells"),
    };
    if sight.key.is_none() && kind != Kind::Unused {
        rule = &traces::KEY_HASH_LEFT;
    } else if path
        .and_then(traces::file)
        .is_some_and(|row| row.kind == FileKind::HiveCopy)
    {
        rule = &traces::HIVE_COPY;
    }
    let value = match holder {
        Holder::Value { key, name } => Some((key.clone(), name.clone())),
        _ => None,
    };
    Trace {
        level: sight.level(rule.level),
        kind,
        scrub,
        place,
        value,
        range: sight.range.clone(),
        secret: sight.secret(),
        words: sight.words(),
        wanted: sight.wanted,
        ..remark(rule, path, String::new())
    }
}

/// Values that hold passwords.
fn passwords(hive: &Hive, stream: &Stream, found: &mut Vec<Trace>) -> Result<(), hive::Error> {
    for row in traces::VALUES.iter().filter(|row| row.holds == Holds::Password) {
        let Some(key) = hive.find(row.key)? else {
            continue;
        };
        for name in row.names {
            let Some(value) = key.value(name)? else {
                continue;
            };
            let text = Zeroizing::new(text_of(&value.data()?));
            if text.is_empty() {
                continue;
            }
            found.extend(told(stream, |path| Trace {
                kind: Kind::Password,
                scrub: row.scrub,
                place: format!("{} {name}", row.key),
                value: Some((row.key.to_owned(), (*name).to_owned())),
                secret: Secret::Password,
                words: "in plain text".to_owned(),
                ..remark(row.rule, path, String::new())
            }));
        }
    }
    Ok(())
}

/// Settings of an image's own SOFTWARE hive that will hurt.
fn settings(hive: &Hive, stream: &Stream, found: &mut Vec<Trace>) -> Result<(), hive::Error> {
    let is_own = |path: &str| same_name(path, SOFTWARE);
    if !stream.names.iter().any(|(_, path)| is_own(path)) {
        return Ok(());
    }
    let facts = Facts::read(hive, &Image::unknown())?;
    let mut remarks = Vec::new();
    if State::read(hive, facts.build)?
        .skip_rearm
        .is_some_and(|skip| skip != 0)
    {
        let place = format!("{} SkipRearm", activation::settings_key(facts.build));
        remarks.push((
            &traces::REARM_SKIPPED,
            place,
            "SkipRearm is set: sysprep leaves the licensing state as it is".to_owned(),
        ));
    }
    let edition = read_stored_key(hive)?.and_then(|stored| stored.edition);
    if let Some(of_key) = edition.filter(|_| !facts.edition.is_empty()) {
        let fits = of_key.split(';').any(|one| same_name(one.trim(), &facts.edition));
        if !fits {
            remarks.push((
                &traces::WRONG_EDITION,
                format!("{CURRENT_VERSION} DigitalProductId4"),
                format!(
                    "the key is for {}, the image is {}",
                    crate::text::printable(&of_key),
                    crate::text::printable(&facts.edition)
                ),
            ));
        }
    }
    for (rule, place, words) in remarks {
        let traces = told(stream, |path| Trace {
            place: place.clone(),
            ..remark(rule, path, words.clone())
        });
        found.extend(traces.into_iter().filter(|trace| is_own(&trace.path)));
    }
    Ok(())
}
