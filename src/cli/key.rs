//! `wimkey key`: what a key is for, and which key an edition takes.

use super::arguments::{KeyCommand, PlatformName};
use super::key_source::{Choice, KeySource};
use super::terminal::{CHANGED, FAULT, PLAIN, Rows, STRONG, Terminal, WARNING, paint};
use super::{Failure, Outcome};
use crate::Error;
use crate::catalog::{self, PublishedKey};
use crate::hive::Hive;
use crate::image::{Facts, Images, KEY_CONFIGURATION, SOFTWARE, Target};
use crate::key::ProductKey;
use crate::pkeyconfig::{self, Context, Judgement, KeyConfiguration, Verdict};
use crate::report::{KeyList, ReportedVerdict, SCHEMA, status_name};
use crate::secret::{self, Source};
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

pub(super) fn run(command: KeyCommand, terminal: &Terminal) -> Result<Outcome, Failure> {
    match command {
        KeyCommand::Check {
            source,
            image,
            pkeyconfig,
        } => check(source, image.as_deref(), pkeyconfig.as_deref(), terminal),
        KeyCommand::Lookup { query } => lookup(&query.join(" "), terminal),
        KeyCommand::List { family, platform } => list(family.as_deref(), platform, terminal),
    }
}

/// What keys are judged against, as far as it is owned here.
#[derive(Default)]
struct Ground {
    configuration: Option<KeyConfiguration>,
    facts: Option<Facts>,
}

impl Ground {
    fn of_file(path: &Path) -> Result<Self, Failure> {
        let bytes =
            secret::read_file(path, pkeyconfig::FILE_LIMIT).map_err(|cause| Error::file(path, cause))?;
        let configuration =
            KeyConfiguration::parse(&bytes).map_err(|cause| Error::from(cause).within(path))?;
        Ok(Self {
            configuration: Some(configuration),
            facts: None,
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
        let configuration = images.read(image.index, KEY_CONFIGURATION)?;
        let configuration = configuration
            .map(|bytes| KeyConfiguration::parse(&bytes))
            .transpose()?;
        Ok(Self {
            configuration,
            facts: Some(facts),
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
        }
    }
}

fn check(
    source: KeySource,
    image: Option<&str>,
    configuration: Option<&Path>,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    let ground = match (image, configuration) {
        (Some(target), _) => Ground::of_image(target)?,
        (None, Some(path)) => Ground::of_file(path)?,
        (None, None) => Ground::default(),
    };
    let context = ground.context();
    let mut verdicts = Verdicts::new(terminal);
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
fn lines<'a>(
    mut reader: impl Read,
    context: &Context<'a>,
    verdicts: &mut Verdicts<'_>,
) -> Result<(), Failure> {
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

/// Verdicts on their way out, as text or as one JSON object that is never held whole.
struct Verdicts<'t> {
    terminal: &'t Terminal,
    out: io::BufWriter<anstream::AutoStream<io::StdoutLock<'static>>>,
    count: u64,
    unusable: bool,
}

impl<'t> Verdicts<'t> {
    fn new(terminal: &'t Terminal) -> Self {
        Self {
            terminal,
            out: io::BufWriter::new(anstream::stdout().lock()),
            count: 0,
            unusable: false,
        }
    }

    fn take(&mut self, line: u64, verdict: &Verdict<'_>) -> io::Result<()> {
        self.count += 1;
        self.unusable |= !verdict.judgement.is_usable();
        if self.terminal.is_json() {
            let separator = if self.count == 1 {
                format!("{{\"schema\":\"{SCHEMA}\",\"results\":[\n")
            } else {
                ",\n".to_owned()
            };
            write!(self.out, "{separator}")?;
            serde_json::to_writer(&mut self.out, &ReportedVerdict::new(line, verdict))?;
            return Ok(());
        }
        let style = match verdict.judgement {
            Judgement::Published | Judgement::Matched => CHANGED,
            Judgement::WellFormed => WARNING,
            _ => FAULT,
        };
        let name = verdict.judgement.name();
        let partial = verdict.partial().unwrap_or_else(|| "-".to_owned());
        writeln!(
            self.out,
            "{line:>4}  {style}{name:<16}{style:#} {partial:<29}  {verdict}"
        )
    }

    fn finish(mut self) -> Result<Outcome, Failure> {
        if self.terminal.is_json() {
            let opening = if self.count == 0 {
                format!("{{\"schema\":\"{SCHEMA}\",\"results\":[")
            } else {
                String::new()
            };
            writeln!(self.out, "{opening}\n]}}")?;
        }
        self.out.flush()?;
        if self.count == 0 {
            return Err(Error::NotFound("no key was given\nWrite one key a line.".to_owned()).into());
        }
        Ok(if self.unusable {
            Outcome::Findings
        } else {
            Outcome::Done
        })
    }
}

/// The published key for an edition of today's Windows, or for a product by its name.
pub(super) fn newest(edition: &str) -> Result<&'static PublishedKey, String> {
    let query = crate::text::printable(edition);
    if let Ok(row) = catalog::newest_gvlk(edition) {
        return Ok(row);
    }
    let found: Vec<_> = catalog::search(edition)
        .into_iter()
        .filter(|row| row.kind == catalog::KeyKind::Gvlk && row.platform != catalog::Platform::Office)
        .collect();
    match found.as_slice() {
        [] => Err(format!(
            "there is no published client setup key for {query}\nSee wimkey key list for the names there are."
        )),
        [row] => Ok(row),
        [first, ..] if found.iter().all(|row| row.text == first.text) => Ok(first),
        several => {
            let names: Vec<_> = several.iter().take(5).map(|row| row.product).collect();
            Err(format!(
                "{query} could be several products: {}\nName one of them in full.",
                names.join(", ")
            ))
        }
    }
}

fn lookup(query: &str, terminal: &Terminal) -> Result<Outcome, Failure> {
    let rows = find(query);
    if rows.is_empty() {
        let shown = ProductKey::parse(query)
            .map_or_else(|_| crate::text::printable(query), |parsed| parsed.key.partial());
        let sentence = format!(
            "nothing published matches {shown}\nAsk with a published key, its last five symbols, a product or edition name, or an activation ID."
        );
        return Err(Error::NotFound(sentence).into());
    }
    terminal.result(&KeyList::new(&rows), |out| {
        for row in &rows {
            writeln!(out, "{}  {}", row.text, paint(STRONG, row.product))?;
            let mut line = |label: &str, text: &str| {
                if text.is_empty() {
                    Ok(())
                } else {
                    writeln!(out, "  {label:<15} {text}")
                }
            };
            line("also", &row.also.join(", "))?;
            line("edition", &row.editions.join(", "))?;
            line("channel", row.kind.channel())?;
            line("KMS group", row.kms_group.unwrap_or_default())?;
            let hosts: Vec<_> = catalog::host_keys_for(row).map(|host| host.name).collect();
            line("host keys", &hosts.join("; "))?;
            if row.clients_needed > 0 {
                line("KMS threshold", &format!("{} machines", row.clients_needed))?;
            }
            line("activation ID", row.activation_id.unwrap_or_default())?;
            if row.status != catalog::Status::Current {
                line("status", status_name(row.status))?;
            }
            line("note", row.note)?;
        }
        Ok(())
    })?;
    Ok(Outcome::Done)
}

/// Rows for a key, a key's last five symbols, an activation ID, or a name in plain words, whatever fits first.
fn find(query: &str) -> Vec<&'static PublishedKey> {
    let query = query.trim();
    if let Ok(parsed) = ProductKey::parse(query) {
        return catalog::row_of(&parsed.key).into_iter().collect();
    }
    let mut rows: Vec<_> = catalog::by_activation_id(query).collect();
    if rows.is_empty() {
        rows.extend(catalog::by_last_five(query));
    }
    if rows.is_empty() {
        rows = catalog::search(query);
    }
    rows
}

fn list(
    family: Option<&str>,
    platform: Option<PlatformName>,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    let wanted = |row: &&PublishedKey| {
        family.is_none_or(|family| row.family.eq_ignore_ascii_case(family))
            && platform.is_none_or(|platform| {
                row.platform
                    == match platform {
                        PlatformName::Client => catalog::Platform::Client,
                        PlatformName::Server => catalog::Platform::Server,
                        PlatformName::Office => catalog::Platform::Office,
                    }
            })
    };
    let mut rows: Vec<_> = catalog::published().iter().filter(wanted).collect();
    rows.sort_by_key(|row| (row.platform, row.family, row.product));
    if rows.is_empty() {
        let mut families: Vec<_> = catalog::published().iter().map(|row| row.family).collect();
        families.sort_unstable();
        families.dedup();
        return Err(Error::NotFound(format!(
            "there is no such family\nThere are: {}.",
            families.join(", ")
        ))
        .into());
    }
    terminal.result(&KeyList::new(&rows), |out| {
        let mut table = Rows::new();
        table.add(
            STRONG,
            ["KEY", "PRODUCT", "EDITION", "CHANNEL", "KMS GROUP", "STATUS"],
        );
        for row in &rows {
            table.add(
                PLAIN,
                [
                    row.text,
                    row.product,
                    row.edition().unwrap_or("-"),
                    row.kind.channel(),
                    row.kms_group.unwrap_or("-"),
                    status_name(row.status),
                ],
            );
        }
        table.write(out, 0)
    })?;
    Ok(Outcome::Done)
}
