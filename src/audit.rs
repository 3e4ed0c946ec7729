//! audit - finds product keys and passwords that lie about in an image, wherever they are and however they are written.
//!
//! Promise: every stream of the target is searched, decompressed: files of all images, contents that nothing refers to, directory
//! trees, tables and dead bytes. A key that is found anywhere is then looked for everywhere in all its forms. A published key is no
//! leak and makes a note. No finding holds more of an unpublished key than its last five symbols, and nothing of a password.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `searcher` | one thread's work: what is kept of each stream, and what its hits mean |
//! | `registry` | hives: whose the bytes are, and values that are no keys but matter |
//! | `text` | scripts, logs and the like: lines, and keys that are only seen when the text is decoded |
//! | `trace` | something found, and how it is told |

mod registry;
mod searcher;
mod sight;
mod text;
mod told;
mod trace;

pub use trace::{Kind, Secret, Trace};

use crate::catalog;
use crate::finding::Finding;
use crate::image::{self, Images, Progress, Target};
use crate::key::ProductKey;
use crate::licensing::Dossier;
use crate::pkeyconfig::judge;
use crate::trace::Traces;
use searcher::Searcher;
use sight::Order;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// The most keys that are looked for everywhere after they were found somewhere.
const LEARNED_LIMIT: usize = 256;

/// What to look for.
#[derive(Debug, Default)]
pub struct Options {
    /// Keys to look for in all forms in every byte; found, they are errors even if they are published.
    pub keys: Vec<Arc<ProductKey>>,
    /// Look for these keys alone.
    pub only: bool,
}

/// What was found, and how much was searched.
#[derive(Debug)]
pub struct Audit {
    /// Everything found, in the order of images, paths and places.
    pub traces: Vec<Trace>,
    /// How many streams were searched.
    pub streams: u64,
    /// How many bytes were searched, decompressed.
    pub bytes: u64,
}

impl Audit {
    /// What was found as findings; `target` is what the command line named.
    pub fn findings(&self, target: &str, is_folder: bool) -> Vec<Finding> {
        self.traces
            .iter()
            .map(|trace| trace.finding(target, is_folder))
            .collect()
    }
}

/// Searches a target.
///
/// # Errors
/// A target that is no image or whose directories cannot be read. A single stream that cannot be read is a finding.
pub fn audit(target: &Target, options: &Options, progress: Progress<'_>) -> Result<Audit, image::Error> {
    let images = Images::open(target)?;
    search(&images, options, progress)
}

/// As [`audit`], of a target that is open.
///
/// # Errors
/// As [`audit`].
pub fn search(images: &Images, options: &Options, progress: Progress<'_>) -> Result<Audit, image::Error> {
    let dossiers = dossiers(images);
    let search = |keys: &[Arc<ProductKey>], asked, unknown| {
        let traces = Traces::of(keys.iter().map(Arc::as_ref));
        let order = Order {
            keys,
            traces: &traces,
            asked,
            unknown,
            images: &dossiers,
        };
        pass(images, &order, progress)
    };
    let mut audit = search(&options.keys, true, !options.only)?;
    if !options.only {
        let learned = learned(&audit.traces, &options.keys);
        if !learned.is_empty() {
            let again = search(&learned, false, false)?;
            audit.traces.extend(again.traces);
        }
    }
    let mut places = Places::default();
    audit.traces.retain(|trace| places.is_new(trace));
    audit
        .traces
        .iter_mut()
        .for_each(|trace| recognise(trace, &dossiers));
    audit
        .traces
        .sort_by(|left, right| left.order().cmp(&right.order()));
    Ok(audit)
}

/// What there is to know of each image. Where something of it cannot be read, the walk tells; then the container's word has to do.
fn dossiers(images: &Images) -> Vec<Dossier> {
    let selected = images.selected().iter();
    selected
        .map(|image| Dossier::read(images, image).unwrap_or_else(|_| Dossier::from_outside(image)))
        .collect()
}

/// Adds what the image's own key configuration says of a key that nobody published.
fn recognise(trace: &mut Trace, dossiers: &[Dossier]) {
    let of_image = |dossier: &&Dossier| Some(dossier.image.index) == trace.image;
    if let (Some(key), Some(dossier)) = (trace.key(), dossiers.iter().find(of_image))
        && catalog::row_of(key).is_none()
    {
        trace.known_as = known_as(key, dossier);
    }
}

/// Channel and edition that the image's own key configuration gives a key.
fn known_as(key: &ProductKey, dossier: &Dossier) -> Option<String> {
    let verdict = judge(key, &dossier.context());
    let (channel, edition) = verdict.channel().zip(verdict.edition())?;
    Some(format!(" ({channel} for {edition})"))
}

/// One walk over all streams.
fn pass(images: &Images, order: &Order<'_>, progress: Progress<'_>) -> Result<Audit, image::Error> {
    let searchers = images.survey(|| Searcher::new(order), progress)?;
    let mut audit = Audit {
        traces: Vec::new(),
        streams: 0,
        bytes: 0,
    };
    for searcher in searchers {
        audit.streams += searcher.streams;
        audit.bytes += searcher.bytes;
        audit.traces.extend(searcher.found);
    }
    Ok(audit)
}

/// The unpublished keys that were found and not looked for yet.
fn learned(traces: &[Trace], known: &[Arc<ProductKey>]) -> Vec<Arc<ProductKey>> {
    let mut seen: HashSet<&[u8]> = known.iter().map(|key| &key.symbols()[..]).collect();
    let found = traces.iter().filter_map(Trace::key);
    found
        .filter(|key| catalog::row_of(key).is_none() && seen.insert(&key.symbols()[..]))
        .take(LEARNED_LIMIT)
        .cloned()
        .collect()
}

/// What was found twice once: the second walk sees again what the first saw.
#[derive(Default)]
struct Places {
    /// Where in each stream there are keys.
    keys: HashMap<(Option<u32>, String, u64), Vec<Range<u64>>>,
    /// What is no key, by its rule and its words.
    others: HashSet<(Option<u32>, String, &'static str, String, String)>,
}

impl Places {
    /// Whether nothing at this place is known yet; from now on it is.
    fn is_new(&mut self, trace: &Trace) -> bool {
        let path = trace.path.clone();
        if trace.key().is_none() {
            let what = (trace.rule.id, trace.place.clone(), trace.words.clone());
            return self.others.insert((trace.image, path, what.0, what.1, what.2));
        }
        let ranges = self.keys.entry((trace.image, path, trace.stream)).or_default();
        let same = |range: &Range<u64>| range.start < trace.range.end && trace.range.start < range.end;
        let is_new = !ranges.iter().any(same);
        if is_new {
            ranges.push(trace.range.clone());
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use crate::pkeyconfig::{KeyConfiguration, sample};

    #[test]
    fn a_key_is_what_the_configuration_of_its_image_calls_it() {
        let row = catalog::gvlk_for("Professional", 22621).unwrap();
        let key = ProductKey::parse(row.text).unwrap().key;
        let (group, serial) = row.group_and_serial.unwrap();
        let entry = sample::Row {
            group,
            editions: "Professional",
            key_type: "Volume:MAK",
            activation_id: row.activation_id.unwrap(),
            eula_type: "Volume",
            ranges: &[("[TH]X00-00001", serial, serial)],
        };
        let file = sample::file(&[entry], true);
        let mut dossier = Dossier::from_outside(&Image::unknown());
        assert_eq!(
            known_as(&ProductKey::parse(&["QRTVW"; 5].join("-")).unwrap().key, &dossier),
            None
        );
        dossier.configuration = KeyConfiguration::parse(file.as_bytes()).ok();
        assert_eq!(
            known_as(&key, &dossier).unwrap(),
            " (Volume:MAK for Professional)"
        );
    }
}
