//! told - traces of a stream: one for each of its names, and remarks on what is no secret.

use super::trace::{Kind, Secret, Trace};
use crate::catalog::traces::Scrub;
use crate::finding::Rule;
use crate::image::Stream;

/// The most names of one content that are told one by one.
pub(super) const NAMES_LIMIT: usize = 64;
/// A trace for each name of a stream, or one if it has none.
pub(super) fn told(stream: &Stream, make: impl Fn(Option<&str>) -> Trace) -> Vec<Trace> {
    let names = stream.names.iter().take(NAMES_LIMIT);
    let mut traces: Vec<Trace> = names
        .map(|(image, path)| Trace {
            image: Some(*image),
            ..make(Some(path))
        })
        .collect();
    if traces.is_empty() {
        traces.push(make(None));
    }
    for trace in &mut traces {
        trace.stream = stream.offset;
        trace.solid = stream.solid;
    }
    traces
}

/// Something that is no secret but is to be told.
pub(super) fn remark(rule: &'static Rule, path: Option<&str>, words: String) -> Trace {
    Trace {
        rule,
        level: rule.level,
        kind: Kind::Report,
        scrub: Scrub::Report,
        image: None,
        path: path.unwrap_or("the WIM itself").to_owned(),
        place: String::new(),
        value: None,
        line: None,
        stream: 0,
        range: 0..0,
        secret: Secret::None,
        known_as: None,
        words,
        solid: false,
        wanted: false,
    }
}
