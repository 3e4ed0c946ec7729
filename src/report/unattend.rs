//! What the `unattend` commands tell.

use super::{ReportedChange, SCHEMA};
use crate::activation::Change;
use crate::catalog;
use crate::key::ProductKey;
use crate::text::printable;
use crate::unattend::{AnswerFile, Cleared, KeyKind};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};

/// What `unattend set` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnattendSet<'a> {
    schema: &'static str,
    target: String,
    dry_run: bool,
    changed: bool,
    changes: Vec<ReportedChange<'a>>,
}

impl<'a> UnattendSet<'a> {
    /// The report on an edit.
    pub fn new(target: String, changes: &'a [Change], dry_run: bool) -> Self {
        let changed = changes.iter().any(|change| change.changed);
        Self {
            schema: SCHEMA,
            target,
            dry_run,
            changed,
            changes: changes.iter().map(ReportedChange::from).collect(),
        }
    }
}

/// What `unattend clear` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnattendClear {
    schema: &'static str,
    target: String,
    dry_run: bool,
    changed: bool,
    keys: usize,
    passwords: usize,
    left: Vec<LeftKey>,
}

/// A key that stays, in a command or a comment.
#[derive(Debug, Serialize, JsonSchema)]
struct LeftKey {
    line: usize,
    column: usize,
    place: &'static str,
    key: String,
}

impl UnattendClear {
    /// The report on a removal.
    pub fn new(target: String, cleared: &Cleared, dry_run: bool) -> Self {
        // Other text may look like a key; only keys are told of.
        let left = cleared.left.iter().filter_map(|place| {
            let parsed = ProductKey::parse(place.expose()).ok()?;
            Some(LeftKey {
                line: place.line,
                column: place.column,
                place: if place.kind == KeyKind::Comment {
                    "comment"
                } else {
                    "text"
                },
                key: catalog::shown(&parsed.key),
            })
        });
        Self {
            schema: SCHEMA,
            target,
            dry_run,
            changed: cleared.keys + cleared.passwords > 0,
            keys: cleared.keys,
            passwords: cleared.passwords,
            left: left.collect(),
        }
    }

    /// The report as text.
    ///
    /// # Errors
    /// What writing to `out` reports.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        writeln!(
            out,
            "{}: {} key{} and {} password{} removed",
            printable(&self.target),
            self.keys,
            plural(self.keys),
            self.passwords,
            plural(self.passwords)
        )?;
        for left in &self.left {
            let LeftKey {
                line,
                column,
                place,
                key,
            } = left;
            writeln!(
                out,
                "  line {line}, column {column}: {key} stays, in a {place}: remove it by hand"
            )?;
        }
        if self.dry_run {
            writeln!(out, "Nothing was written (--dry-run).")?;
        }
        Ok(())
    }
}

/// What `unattend show` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnattendShow {
    schema: &'static str,
    target: String,
    architectures: Vec<String>,
    effects: Vec<ShownEffect>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ShownEffect {
    pass: String,
    component: String,
    architecture: String,
    path: String,
    line: usize,
    value: Option<String>,
    key: Option<ShownKey>,
    means: &'static str,
    details: &'static str,
    in_effect: bool,
}

/// A key of an answer file.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownKey {
    state: &'static str,
    partial: Option<String>,
    product: Option<&'static str>,
    channel: Option<&'static str>,
    published: bool,
}

impl ShownKey {
    fn new(kind: KeyKind, text: &str) -> Self {
        let parsed = ProductKey::parse(text).ok().map(|parsed| parsed.key);
        let row = parsed.as_ref().and_then(catalog::row_of);
        let state = match kind {
            KeyKind::Empty => "empty",
            KeyKind::Placeholder => "placeholder",
            KeyKind::BareText => "bare-text",
            KeyKind::Key | KeyKind::Embedded | KeyKind::Comment if parsed.is_some() => "key",
            KeyKind::Key | KeyKind::Embedded | KeyKind::Comment => "malformed",
        };
        Self {
            state,
            partial: parsed.as_ref().map(catalog::shown),
            product: row.map(|row| row.product),
            channel: row.map(|row| row.kind.channel()),
            published: row.is_some(),
        }
    }
}

impl UnattendShow {
    /// The report on a file.
    pub fn new(target: String, file: &AnswerFile) -> Self {
        let summary = file.summary();
        let effects = summary.effects.into_iter().map(|effect| {
            let key = effect
                .key
                .map(|kind| ShownKey::new(kind, file.value_of(&effect).expose()));
            ShownEffect {
                pass: printable(&effect.pass),
                component: printable(&effect.component),
                architecture: printable(&effect.architecture),
                path: effect.path,
                line: effect.line,
                value: effect.value,
                key,
                means: effect.means,
                details: effect.details,
                in_effect: effect.in_effect,
            }
        });
        Self {
            schema: SCHEMA,
            target,
            architectures: summary.architectures.iter().map(|name| printable(name)).collect(),
            effects: effects.collect(),
        }
    }

    /// The report as text; `strong` makes headings stand out.
    ///
    /// # Errors
    /// What writing to `out` reports.
    pub fn write_text(&self, strong: impl Fn(&str) -> String, out: &mut dyn Write) -> io::Result<()> {
        let architectures = match self.architectures.as_slice() {
            [] => "no component".to_owned(),
            names => names.join(", "),
        };
        writeln!(out, "{} ({architectures})", strong(&printable(&self.target)))?;
        if self.effects.is_empty() {
            return writeln!(out, "  says nothing about activation");
        }
        for effect in &self.effects {
            let ShownEffect {
                pass,
                component,
                architecture,
                path,
                line,
                ..
            } = effect;
            writeln!(
                out,
                "{}",
                strong(&format!("{pass} {component} ({architecture}) {path}"))
            )?;
            let what = match (&effect.key, &effect.value) {
                (Some(key), _) => {
                    let shown = key.partial.as_deref().unwrap_or(match key.state {
                        "empty" => "empty, which Windows refuses",
                        "placeholder" => "a placeholder",
                        _ => "no product key",
                    });
                    let product = key.product.map(|product| format!(" ({product}, published)"));
                    let bare = if key.state == "bare-text" {
                        ", without the element Key that Setup needs"
                    } else {
                        ""
                    };
                    format!("{shown}{}{bare}", product.unwrap_or_default())
                }
                (None, Some(value)) if value.is_empty() => "empty".to_owned(),
                (None, Some(value)) => value.clone(),
                (None, None) => "a secret".to_owned(),
            };
            writeln!(out, "  line {line}: {what}")?;
            let effect_line = if effect.in_effect {
                effect.means.to_owned()
            } else {
                format!(
                    "has no effect in this pass; where it is read, it {}",
                    effect.means
                )
            };
            writeln!(out, "  {effect_line}")?;
        }
        Ok(())
    }
}
