//! searcher - one thread's work: what is kept of each stream, and what its hits mean.
//!
//! Promise: of most streams no more than a window is in memory. Hives are kept whole, small texts too, in memory that is wiped.

use super::registry;
use super::sight::{Order, Sight};
use super::text;
use super::told::{remark, told};
use super::trace::{Kind, Trace};
use crate::catalog::traces::{self, FileKind, Scrub};
use crate::finding::Level;
use crate::image::{self, FILE_LIMIT, Stream, StreamKind, Watch};
use crate::secret::{self, Wiped};
use crate::trace::{Hit, Scanner};

/// What a hive begins with.
const HIVE: &[u8; 4] = b"regf";
/// What a program begins with.
const PROGRAM: &[u8; 2] = b"MZ";
/// Texts longer than this, in bytes, are searched but not decoded.
const TEXT_LIMIT: u64 = 16 << 20;
/// The most hits of one stream that are told one by one.
const HITS_LIMIT: usize = 200;
/// Names of files that are decoded as text end with one of these.
const TEXTS: [&str; 20] = [
    "xml", "txt", "log", "cmd", "bat", "ps1", "psm1", "psd1", "vbs", "js", "wsf", "reg", "ini", "inf", "cfg",
    "json", "yml", "yaml", "csv", "toml",
];

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
