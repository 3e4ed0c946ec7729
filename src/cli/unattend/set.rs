//! `wimkey unattend set`: keys and settings into an answer file, and out of it.

use super::super::Failure;
use super::super::arguments::{KeyPass, Switch, UnattendSetArguments};
use super::super::image::read_key;
use super::super::key::newest;
use super::super::key_source::{Choice, KeySource, can_prompt};
use super::super::terminal::{CHANGED, FAINT, Rows, Terminal};
use super::{Destination, architectures_of, read};
use crate::Error;
use crate::activation::Change;
use crate::catalog;
use crate::key::ProductKey;
use crate::report::UnattendSet;
use crate::secret::Source;
use crate::unattend::{Allowed, AnswerFile, Architecture, KNOWN, Known, Setting};
use std::path::Path;

/// A setting and the value that it is to have; `None`: none.
type Wish = (&'static Known, Option<String>);

pub(super) fn run(arguments: UnattendSetArguments, terminal: &Terminal) -> Result<(), Failure> {
    let file = arguments.file.as_path();
    let destination = Destination::from(arguments.destination);
    let wishes = wishes(&arguments.settings, &arguments.unset, arguments.skip_rearm)?;
    let mut answers = read(file)?;
    let architectures = architectures_of(&answers, &arguments.architecture)?;
    let key = choose(arguments.source, !wishes.is_empty(), terminal)?;
    let mut changes = Vec::new();
    if let Some(key) = &key {
        let passes = match arguments.key_in.as_slice() {
            [] => &[KeyPass::Specialize],
            passes => passes,
        };
        if passes.contains(&KeyPass::WindowsPe) && catalog::row_of(key).is_none() {
            terminal.say("Setup takes no multiple activation key (MAK) in pass windowsPE: such a key belongs in specialize.");
        }
        for &architecture in &architectures {
            for pass in passes {
                let setting = match pass {
                    KeyPass::Specialize => Setting::product_key(architecture),
                    KeyPass::WindowsPe => Setting::installation_key(architecture),
                };
                changes.push(set_key(&mut answers, &setting, key, file)?);
            }
        }
    }
    for &architecture in &architectures {
        for (known, value) in &wishes {
            changes.push(set_value(
                &mut answers,
                known,
                architecture,
                value.as_deref(),
                file,
            )?);
        }
    }
    let changed = changes.iter().any(|change| change.changed);
    if destination.write(file, &answers.into_bytes(), changed)? {
        return Ok(());
    }
    let report = UnattendSet::new(file.display().to_string(), &changes, destination.is_nowhere());
    terminal.result(&report, |out| {
        let mut table = Rows::new();
        for change in &changes {
            let (style, state) = if change.changed {
                (CHANGED, "changed")
            } else {
                (FAINT, "already")
            };
            let new = change.new.clone().unwrap_or_else(|| "removed".to_owned());
            table.add(style, [state.to_owned(), change.name.clone(), new]);
        }
        table.write(out, 0)?;
        if destination.is_nowhere() {
            writeln!(out, "Nothing was written (--dry-run).")
        } else {
            Ok(())
        }
    })?;
    Ok(())
}

fn set_key(
    answers: &mut AnswerFile,
    setting: &Setting,
    key: &ProductKey,
    file: &Path,
) -> Result<Change, Failure> {
    let text = key.text();
    let text = std::str::from_utf8(text.expose()).unwrap_or_default();
    let change = answers
        .set(setting, text)
        .map_err(|cause| Error::from(cause).within(file))?;
    let shown = catalog::shown(key);
    let old = match change.old {
        _ if !change.changed => Some(shown.clone()),
        Some(old) => Some(
            ProductKey::parse(&old)
                .map_or_else(|_| "another text".to_owned(), |old| catalog::shown(&old.key)),
        ),
        None => None,
    };
    Ok(Change {
        place: file.display().to_string(),
        name: setting.to_string(),
        old,
        new: Some(shown),
        changed: change.changed,
    })
}

/// Sets a value or, without one, removes the setting.
fn set_value(
    answers: &mut AnswerFile,
    known: &Known,
    architecture: Architecture,
    value: Option<&str>,
    file: &Path,
) -> Result<Change, Failure> {
    let within = |cause: crate::unattend::Error| Failure::Work(Error::from(cause).within(file));
    let Some(&pass) = known.passes.first() else {
        return Err(Error::Usage("the setting has no pass".into()).into());
    };
    let setting = Setting::new(pass, known.component, architecture, &known.path_text()).map_err(within)?;
    let before = answers
        .get(&setting)
        .first()
        .map(|found| crate::text::printable(found.expose()));
    let changed = match value {
        Some(value) => answers.set(&setting, value).map_err(within)?.changed,
        None => answers.remove(&setting).map_err(within)?,
    };
    Ok(Change {
        place: file.display().to_string(),
        name: setting.to_string(),
        old: before,
        new: value.map(crate::text::printable),
        changed,
    })
}

/// The settings that the arguments want, each once.
fn wishes(set: &[String], unset: &[String], skip_rearm: Option<Switch>) -> Result<Vec<Wish>, Failure> {
    let mut wishes: Vec<Wish> = Vec::new();
    if let Some(switch) = skip_rearm {
        let value = if switch == Switch::On { "1" } else { "0" };
        wishes.push((named("SkipRearm")?, Some(value.to_owned())));
    }
    for text in set {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Error::Usage(format!(
                "{} is not NAME=VALUE\nAs in --set WillShowUI=Never.",
                crate::text::printable(text)
            ))
            .into());
        };
        let known = named(name)?;
        let value = match known.allowed {
            Allowed::OneOf(values) => {
                let found = values.iter().find(|allowed| allowed.eq_ignore_ascii_case(value));
                let found = found.ok_or_else(|| {
                    Error::Usage(format!(
                        "{name} does not take this value\nIt takes {}.",
                        values.join(", ")
                    ))
                })?;
                (*found).to_owned()
            }
            _ => value.to_owned(),
        };
        wishes.push((known, Some(value)));
    }
    for name in unset {
        wishes.push((named(name)?, None));
    }
    for (at, (known, _)) in wishes.iter().enumerate() {
        if wishes
            .iter()
            .take(at)
            .any(|(other, _)| std::ptr::eq(*other, *known))
        {
            let name = known.name.unwrap_or_default();
            return Err(Error::Usage(format!("{name} is named twice\nName it once.")).into());
        }
    }
    Ok(wishes)
}

fn named(name: &str) -> Result<&'static Known, Failure> {
    Known::named(name).ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().filter_map(|known| known.name).collect();
        Error::Usage(format!(
            "there is no setting {}\nThere are: {}.",
            crate::text::printable(name),
            names.join(", ")
        ))
        .into()
    })
}

/// The key; `None` if none is named and there is something else to do.
fn choose(source: KeySource, may_be_none: bool, terminal: &Terminal) -> Result<Option<ProductKey>, Failure> {
    let source = match source.choice() {
        Choice::Published(Some(edition)) => {
            let row = newest(&edition).map_err(Error::NotFound)?;
            terminal.say(&format!("{}: {}", row.product, row.text));
            return Ok(Some(row.key()?));
        }
        Choice::Published(None) => {
            return Err(Error::Usage("an answer file alone does not tell its edition\nName it: --gvlk EDITION, as in --gvlk Professional.".into()).into());
        }
        Choice::Text(source) => source,
        Choice::None if may_be_none => return Ok(None),
        Choice::None if can_prompt() => Source::Prompt,
        Choice::None => {
            return Err(Error::Usage("no key and no setting is named\nUse --gvlk EDITION, --key-file PATH (- for standard input), --key-env NAME or --key-fd N; or --set NAME=VALUE.".into()).into());
        }
    };
    read_key(&source, terminal).map(Some)
}
