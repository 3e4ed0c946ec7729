//! searcher - one thread's work: what is kept of each stream, and what its hits mean.
//!
//! Promise: of most streams no more than a window is in memory. Hives are kept whole, small texts too, in memory that is wiped.

use super::registry;
use super::text;
use super::trace::{Kind, Secret, Trace};
use crate::catalog;
use crate::catalog::traces::{self, FileKind, Scrub};
use crate::finding::{Level, Rule};
use crate::image::{self, FILE_LIMIT, Stream, StreamKind, Watch};
use crate::key::ProductKey;
use crate::licensing::Dossier;
use crate::secret::{self, Wiped};
use crate::trace::{Form, Hit, Scanner, Traces, What};
use std::ops::Range;
use std::sync::Arc;

/// What a hive begins with.
const HIVE: &[u8; 4] = b"regf";
/// What a program begins with.
const PROGRAM: &[u8; 2] = b"MZ";
/// Texts longer than this, in bytes, are searched but not decoded.
const TEXT_LIMIT: u64 = 16 << 20;
/// The most hits of one stream that are told one by one.
const HITS_LIMIT: usize = 200;
/// The most names of one content that are told one by one.
pub(super) const NAMES_LIMIT: usize = 64;
/// Names of files that are decoded as text end with one of these.
const TEXTS: [&str; 20] = [
    "xml", "txt", "log", "cmd", "bat", "ps1", "psm1", "psd1", "vbs", "js", "wsf", "reg", "ini", "inf", "cfg",
    "json", "yml", "yaml", "csv", "toml",
];

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

/// The watcher of one thread.
pub(super) struct Searcher<'o> {
    order: &'o Order<'o>,
    scanner: Scanner<'o>,
    hits: Vec<Hit>,
    /// Hits beyond the limit.
    more: usize,
    head: Vec<u8>,
    /// All of a hive or of a small text.
    kept: Option<Wiped>,
    is_text: bool,
    pub(super) found: Vec<Trace>,
    pub(super) streams: u64,
    pub(super) bytes: u64,
}

impl<'o> Searcher<'o> {
    pub(super) fn new(order: &'o Order<'o>) -> Self {
        Self {
            order,
            scanner: Scanner::new(order.traces, order.unknown),
            hits: Vec::new(),
            more: 0,
            head: Vec::new(),
            kept: None,
            is_text: false,
            found: Vec::new(),
            streams: 0,
            bytes: 0,
        }
    }

    /// Looks at a stream of which everything is known.
    fn judge(&mut self, stream: &Stream, mut sights: Vec<Sight>) {
        let is_program = self.head.starts_with(PROGRAM);
        let is_log = |path: &String| traces::file(path).is_some_and(|row| row.kind == FileKind::Log);
        let is_hive = self.head == HIVE && !stream.names.iter().any(|(_, path)| is_log(path));
        match self.kept.take() {
            Some(bytes) if is_hive => {
                if let Some(told) = registry::look(bytes, stream, &sights, self.order) {
                    self.found.extend(told);
                    return;
                }
            }
            Some(bytes) if self.is_text => {
                if self.order.unknown {
                    text::decode(&bytes, &mut sights);
                    if let Some(told) = text::answer_file(&bytes, stream, &mut sights, self.order.images) {
                        self.found.extend(told);
                    }
                }
                let lines = text::Lines::of(&bytes);
                for sight in &sights {
                    let line = lines.place(sight.range.start);
                    self.found.extend(told(stream, |path| {
                        let trace = in_file(stream, path, sight, is_program);
                        Trace {
                            line: Some(line),
                            ..trace
                        }
                    }));
                }
                return;
            }
            _ => {}
        }
        for sight in &sights {
            self.found
                .extend(told(stream, |path| in_file(stream, path, sight, is_program)));
        }
    }
}

impl Watch for Searcher<'_> {
    fn begin(&mut self, stream: &Stream) {
        self.hits.clear();
        self.more = 0;
        self.head.clear();
        let is_text = |path: &str| {
            path.rsplit_once('.')
                .is_some_and(|(_, ending)| TEXTS.iter().any(|own| own.eq_ignore_ascii_case(ending)))
        };
        self.is_text = stream.size <= TEXT_LIMIT && stream.names.iter().any(|(_, path)| is_text(path));
        // Room for a hive is taken when it begins like one.
        let room = if self.is_text { stream.size } else { 0 };
        let keep = self.is_text || stream.kind == StreamKind::File && stream.size <= FILE_LIMIT;
        self.kept = keep.then(|| Wiped::new(Vec::with_capacity(usize::try_from(room).unwrap_or_default())));
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.head.len() < HIVE.len() {
            let missing = HIVE.len() - self.head.len();
            self.head.extend(bytes.iter().take(missing));
        }
        if !self.is_text && self.head.len() == HIVE.len() && self.head != HIVE {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            let before = kept.len();
            secret::grow(kept, before + bytes.len());
            if let Some(room) = kept.get_mut(before..) {
                room.copy_from_slice(bytes);
            }
        }
        let (hits, more) = (&mut self.hits, &mut self.more);
        self.scanner.feed(bytes, &mut |hit| keep(hits, more, hit));
    }

    fn end(&mut self, stream: &Stream, outcome: Result<(), image::Error>) {
        self.streams += 1;
        let (hits, more) = (&mut self.hits, &mut self.more);
        self.scanner.finish(&mut |hit| keep(hits, more, hit));
        let sights = self.order.sights(std::mem::take(&mut self.hits));
        self.judge(stream, sights);
        if let Err(error) = outcome {
            let sentence = error.to_string();
            let first = sentence.lines().next().unwrap_or_default();
            self.found.extend(told(stream, |path| {
                remark(&traces::NOT_SEARCHED, path, crate::text::printable(first))
            }));
        }
        if self.more > 0 {
            let words = format!("{} more places of it hold what looks like keys", self.more);
            self.found.extend(told(stream, |path| {
                remark(&traces::FILE_KEY, path, words.clone())
            }));
        }
    }
}

fn keep(hits: &mut Vec<Hit>, more: &mut usize, hit: Hit) {
    if hits.len() < HITS_LIMIT {
        hits.push(hit);
    } else {
        *more += 1;
    }
}

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

/// A key in a stream that is no hive.
fn in_file(stream: &Stream, path: Option<&str>, sight: &Sight, is_program: bool) -> Trace {
    let row = path.and_then(traces::file);
    let (rule, kind, scrub, name) = match stream.kind {
        StreamKind::Orphan => (
            &traces::ORPHAN,
            Kind::Container,
            Scrub::Empty,
            Some("a content that no image refers to"),
        ),
        StreamKind::Dead => (
            &traces::DEAD_BYTES,
            Kind::Container,
            Scrub::Empty,
            Some("dead bytes"),
        ),
        StreamKind::Tables => (
            &traces::NAME_KEY,
            Kind::Report,
            Scrub::Report,
            Some("tables and XML data"),
        ),
        StreamKind::Tree => (
            &traces::NAME_KEY,
            Kind::Report,
            Scrub::Report,
            Some("directory tree"),
        ),
        StreamKind::File => {
            let scrub = row.map_or(Scrub::Mask, |row| row.scrub);
            let (rule, kind) = match row.map(|row| row.kind) {
                Some(FileKind::Log) => (&traces::HIVE_LOG, Kind::HiveLog),
                Some(FileKind::SetupLog) => (&traces::SETUP_LOG, Kind::SetupLog),
                Some(FileKind::Script) => (&traces::SCRIPT_KEY, Kind::Report),
                Some(FileKind::Pid) => (&traces::PID_FILE, Kind::Pid),
                Some(FileKind::Own | FileKind::Store) => (&traces::FILE_KEY, Kind::Report),
                Some(FileKind::HiveCopy | FileKind::Report) | None => (&traces::FILE_KEY, Kind::Other),
            };
            (rule, kind, scrub, None)
        }
    };
    let is_own = is_program || row.is_some_and(|row| row.kind == FileKind::Own);
    let offset = format!("byte {:#x}", stream.offset_of(sight.range.start));
    Trace {
        level: if is_own && !sight.wanted {
            Level::Note
        } else {
            sight.level(rule.level)
        },
        kind,
        // Only plain text can be masked in a file that is not understood.
        scrub: if scrub == Scrub::Mask && (!sight.is_plain() || is_program) {
            Scrub::Report
        } else {
            scrub
        },
        path: name.or(path).unwrap_or_default().to_owned(),
        place: offset,
        range: sight.range.clone(),
        secret: sight.secret(),
        words: sight.words(),
        wanted: sight.wanted,
        ..remark(rule, path, String::new())
    }
}
