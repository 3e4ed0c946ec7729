//! `wimkey key check`: a verdict on every line.
//!
//! Promise: constant memory whatever the list's length, order kept, written in blocks; what is typed is answered at once.

use super::super::key_source::{Choice, KeySource, tell_of_swap, warn_of_exposure};
use super::super::terminal::{CHANGED, FAULT, Terminal, WARNING, paint};
use super::super::{Failure, Outcome};
use super::newest;
use crate::Error;
use crate::catalog;
use crate::hive::Hive;
use crate::image::{Facts, Images, SOFTWARE, Target};
use crate::licensing::{installed_licences, own_configuration};
use crate::pkeyconfig::{self, Context, Judgement, KeyConfiguration, Licences, Verdict};
use crate::report::{Paint, Shape, VerdictLines};
use crate::secret::{self, Secret, Source};
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

/// What keys are judged against, as far as it is owned here.
#[derive(Default)]
pub(super) struct Ground {
    configuration: Option<KeyConfiguration>,
    facts: Option<Facts>,
    licences: Option<Licences>,
}

impl Ground {
    /// The ground that the arguments name: an image, a key configuration, or none.
    pub(super) fn new(image: Option<&str>, configuration: Option<&Path>) -> Result<Self, Failure> {
        match (image, configuration) {
            (Some(target), _) => Self::of_image(target),
            (None, Some(path)) => Self::of_file(path),
            (None, None) => Ok(Self::default()),
        }
    }

    fn of_file(path: &Path) -> Result<Self, Failure> {
        let bytes =
            secret::read_file(path, pkeyconfig::FILE_LIMIT).map_err(|cause| Error::file(path, cause))?;
        let configuration =
            KeyConfiguration::parse(&bytes).map_err(|cause| Error::from(cause).within(path))?;
        Ok(Self {
            configuration: Some(configuration),
            ..Self::default()
        })
    }

    fn of_image(target: &str) -> Result<Self, Failure> {
        let images = Images::open(&Target::new(target))?;
        let [image] = images.selected() else {
            return Err(Error::Usage(format!(
                "{target} has {} images, and a key is judged for one\nName it: {target}:INDEX.",
                images.selected().len()
            ))
            .into());
        };
        let failed = |cause| images.hive_error(image, SOFTWARE, cause);
        let software = Hive::read(images.require(image, SOFTWARE)?).map_err(failed)?;
        let facts = Facts::read(&software, image).map_err(failed)?;
        let own = own_configuration(&images, image)?;
        if let Some((path, fault)) = own.faults.into_iter().next() {
            return Err(Error::from(fault).within(path.as_ref()).into());
        }
        let configuration = own.joined;
        let licences = installed_licences(&images, image, &facts.edition)?;
        Ok(Self {
            configuration,
            facts: Some(facts),
            licences,
        })
    }

    fn context(&self) -> Context<'_> {
        let image = self.facts.as_ref().map(|facts| pkeyconfig::Image {
            edition: &facts.edition,
            build: facts.build,
        });
        Context {
            configuration: self.configuration.as_ref(),
            image,
            licences: self.licences.as_ref(),
        }
    }
}

/// Judges every key of the source. `as_lines`: one JSON object a line.
pub(super) fn run(
    source: KeySource,
    ground: &Ground,
    as_lines: bool,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    let context = ground.context();
    let mut verdicts = Verdicts::new(match (as_lines, terminal.is_json()) {
        (true, _) => Shape::JsonLines,
        (false, true) => Shape::Json,
        (false, false) => Shape::Text,
    });
    // Every key of a list gets a buffer of its own; what holds for one holds for all.
    tell_of_swap(Secret::<1>::new().is_locked(), terminal);
    match source.choice() {
        Choice::Published(edition) => {
            let edition = edition.or_else(|| ground.facts.as_ref().map(|facts| facts.edition.clone()));
            let edition = edition.ok_or_else(|| {
                Error::Usage(
                    "--gvlk needs an edition or an image\nAs in --gvlk Professional, or with --image TARGET."
                        .into(),
                )
            })?;
            let row = match &ground.facts {
                Some(facts) => catalog::gvlk_for(&edition, facts.build).map_err(|reason| reason.to_string()),
                None => newest(&edition),
            };
            let key = row.map_err(Error::NotFound)?.key()?;
            verdicts.take(1, &pkeyconfig::judge(&key, &context))?;
        }
        Choice::Text(Source::File(path)) => {
            let file = std::fs::File::open(&path).map_err(|cause| Error::file(&path, cause))?;
            lines(file, &context, &mut verdicts)?;
            // A list of published keys may be read by everybody.
            if verdicts.secret {
                warn_of_exposure(&Source::File(path), terminal);
            }
        }
        Choice::Text(Source::Stdin) | Choice::None => {
            if io::stdin().is_terminal() {
                terminal.say("Keys, one a line; end with Ctrl-D:");
            }
            lines(io::stdin().lock(), &context, &mut verdicts)?;
        }
        Choice::Text(source) => {
            let text = source.read()?;
            lines(text.expose().as_bytes(), &context, &mut verdicts)?;
        }
    }
    verdicts.finish()
}

/// Judges every line; text in UTF-16, as PowerShell writes it, is understood up to the size of a list made by hand.
fn lines<'a>(mut reader: impl Read, context: &Context<'a>, verdicts: &mut Verdicts) -> Result<(), Failure> {
    /// A list in UTF-16 is held in memory whole.
    const LIST_LIMIT: usize = 64 << 20;
    let mut start = [0; 2];
    let mut filled = 0;
    while let Some(free) = start.get_mut(filled..).filter(|free| !free.is_empty()) {
        match reader.read(free)? {
            0 => break,
            count => filled += count,
        }
    }
    let start = start.get(..filled).unwrap_or_default();
    let whole = start.chain(reader);
    let take = |line: u64, verdict: &Verdict<'a>| verdicts.take(line, verdict);
    if matches!(start, [0xFF, 0xFE] | [0xFE, 0xFF] | [_, 0] | [0, _]) {
        let bytes = secret::read_all(whole, LIST_LIMIT)?;
        let (text, _) = crate::text::decode(&bytes)
            .map_err(|fault| Error::Usage(format!("the list of keys is {fault}\nSave it as UTF-8.")))?;
        pkeyconfig::check_lines(text.as_bytes(), context, take)?;
    } else {
        pkeyconfig::check_lines(whole, context, take)?;
    }
    Ok(())
}

/// Verdicts on their way out.
struct Verdicts {
    lines: VerdictLines,
    block: Vec<u8>,
    /// How much is gathered before it is written, in bytes.
    limit: usize,
    styled: bool,
    unusable: bool,
    /// Whether a key was among them that nobody published.
    secret: bool,
}

impl Verdicts {
    fn new(shape: Shape) -> Self {
        /// Long enough that the system is seldom asked, short enough to stay in the processor's cache.
        const BLOCK: usize = 64 * 1024;
        /// Room for the last line of a block.
        const ROOM: usize = 4096;
        let choice = anstream::AutoStream::choice(&io::stdout());
        let styled = shape == Shape::Text && choice != anstream::ColorChoice::Never;
        let coloured: Paint = |judgement, name| {
            let style = match judgement {
                Judgement::Published | Judgement::Matched => CHANGED,
                Judgement::WellFormed => WARNING,
                _ => FAULT,
            };
            paint(style, name)
        };
        let plain: Paint = |_, name| name.to_owned();
        Self {
            lines: VerdictLines::new(shape, if styled { coloured } else { plain }),
            block: Vec::with_capacity(BLOCK + ROOM),
            limit: if io::stdout().is_terminal() { 0 } else { BLOCK },
            styled,
            unusable: false,
            secret: false,
        }
    }

    fn take(&mut self, line: u64, verdict: &Verdict<'_>) -> io::Result<()> {
        self.unusable |= !verdict.judgement.is_usable();
        let is_key = matches!(
            verdict.judgement,
            Judgement::Matched | Judgement::WellFormed | Judgement::WrongEdition | Judgement::NotAClientKey
        );
        self.secret |= is_key && verdict.published.is_none();
        self.lines.write(line, verdict, &mut self.block);
        if self.block.len() > self.limit {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.styled {
            anstream::stdout().lock().write_all(&self.block)?;
        } else {
            io::stdout().lock().write_all(&self.block)?;
        }
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Outcome, Failure> {
        self.lines.finish(&mut self.block);
        self.write()?;
        io::stdout().flush()?;
        if self.lines.count() == 0 {
            return Err(Error::NotFound("no key was given\nWrite one key a line.".to_owned()).into());
        }
        Ok(if self.unusable {
            Outcome::Findings
        } else {
            Outcome::Done
        })
    }
}
