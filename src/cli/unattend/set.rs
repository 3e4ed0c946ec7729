//! `wimkey unattend set`: keys and settings into an answer file, and out of it.

use super::super::Failure;
use super::super::arguments::{KeyPass, Switch, UnattendSetArguments};
use super::super::key::newest;
use super::super::key_source::read_key;
use super::super::key_source::{Choice, KeySource, can_prompt};
use super::super::terminal::{CHANGED, FAINT, Rows, Terminal};
use super::{Destination, architectures_of, read};
use crate::Error;
use crate::activation::Change;
use crate::catalog;
use crate::key::ProductKey;
use crate::report::UnattendSet;
use crate::secret::Source;
use crate::unattend::{AnswerFile, Architecture, Setting, Wish, WishError};
use std::path::Path;

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
        for wish in &wishes {
            changes.push(fulfil(&mut answers, wish, architecture, file)?);
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
fn fulfil(
    answers: &mut AnswerFile,
    wish: &Wish,
    architecture: Architecture,
    file: &Path,
) -> Result<Change, Failure> {
    let done = wish.apply(answers, architecture);
    let done = done.map_err(|cause| Failure::Work(Error::from(cause).within(file)))?;
    Ok(Change {
        place: file.display().to_string(),
        name: done.setting.to_string(),
        old: done.old,
        new: wish.value.as_deref().map(crate::text::printable),
        changed: done.changed,
    })
}

/// The settings that the arguments want, each once.
fn wishes(set: &[String], unset: &[String], skip_rearm: Option<Switch>) -> Result<Vec<Wish>, WishError> {
    let skip_rearm =
        skip_rearm.map(|switch| Wish::set("SkipRearm", if switch == Switch::On { "1" } else { "0" }));
    let set = set.iter().map(|text| Wish::parse(text));
    let unset = unset.iter().map(|name| Wish::unset(name));
    let wishes: Vec<Wish> = skip_rearm
        .into_iter()
        .chain(set)
        .chain(unset)
        .collect::<Result<_, _>>()?;
    Wish::each_once(&wishes)?;
    Ok(wishes)
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
