//! sight - what is looked for, and what hits in a stream mean: one key at one place, however many hits show it.

use super::trace::Secret;
use crate::catalog;
use crate::finding::Level;
use crate::key::ProductKey;
use crate::licensing::Dossier;
use crate::trace::{Form, Hit, Traces, What};
use std::ops::Range;
use std::sync::Arc;

/// What all threads look for.
pub(super) struct Order<'o> {
    pub(super) keys: &'o [Arc<ProductKey>],
    pub(super) traces: &'o Traces,
    /// Whether the operator named these keys.
    pub(super) asked: bool,
    /// Whether keys that nobody named are looked for too.
    pub(super) unknown: bool,
    /// What there is to know of the selected images.
    pub(super) images: &'o [Dossier],
}

impl Order<'_> {
    /// What the hits mean: one sight for each key and place, however many hits show it.
    pub(super) fn sights(&self, mut hits: Vec<Hit>) -> Vec<Sight> {
        let mut sights: Vec<Sight> = Vec::new();
        // A value that Windows stores is more than the bytes in it, and comes first.
        hits.sort_by_key(|hit| match hit.what {
            What::Blob(_) | What::Hash => (0, hit.offset),
            What::Known(..) | What::Text(_) => (1, hit.offset),
        });
        for hit in hits {
            let range = hit.offset..hit.offset + hit.length as u64;
            let (key, form, wanted) = match hit.what {
                What::Known(index, form) => (self.keys.get(index).cloned(), form, self.asked),
                What::Text(key) => (Some(Arc::new(key)), Form::Text, false),
                What::Blob(key) => (Some(Arc::new(key)), Form::Stored, false),
                What::Hash => (None, Form::Hash, false),
            };
            let same = |sight: &&mut Sight| {
                let same_key = match (&sight.key, &key) {
                    (Some(one), Some(other)) => one.symbols() == other.symbols(),
                    _ => true,
                };
                same_key && sight.range.start < range.end && range.start < sight.range.end
            };
            if let Some(sight) = sights.iter_mut().find(same) {
                sight.wanted |= wanted;
                continue;
            }
            sights.push(Sight {
                range,
                key,
                form,
                wanted,
                decoded: None,
            });
        }
        sights.sort_by_key(|sight| sight.range.start);
        sights
    }
}

/// A key in a stream.
pub(super) struct Sight {
    pub(super) range: Range<u64>,
    /// `None` for the hash of a key that is not there.
    pub(super) key: Option<Arc<ProductKey>>,
    pub(super) form: Form,
    /// Whether the operator named the key.
    pub(super) wanted: bool,
    /// What it was found by, if not as it stands.
    pub(super) decoded: Option<&'static str>,
}

impl Sight {
    /// How the key is written, in words.
    pub(super) fn words(&self) -> String {
        match self.decoded {
            Some(by) => format!("{} ({by})", self.form.words()),
            None => self.form.words().to_owned(),
        }
    }

    /// How bad it is that the key is there, if a key of nobody's publication were as bad as `level`.
    pub(super) fn level(&self, level: Level) -> Level {
        let Some(key) = &self.key else {
            return level;
        };
        if self.wanted {
            Level::Error
        } else if catalog::row_of(key).is_some() {
            Level::Note
        } else if key.fields().is_some_and(|fields| !fields.checksum_fits) {
            // No Windows takes it; but what else it is a key for is not known.
            level.min(Level::Warning)
        } else {
            level
        }
    }

    /// Whether it stands there as text that a person reads.
    pub(super) fn is_plain(&self) -> bool {
        self.decoded.is_none() && matches!(self.form, Form::Text | Form::Dashless)
    }

    pub(super) fn secret(&self) -> Secret {
        self.key.clone().map_or(Secret::Hash, Secret::Key)
    }
}
