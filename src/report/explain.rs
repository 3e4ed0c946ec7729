//! What `explain` tells.

use super::SCHEMA;
use crate::catalog::topics::Topic;
use crate::explain::{Answer, DecodedEvent};
use crate::text::printable;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};

/// Topics told in full; of more, only the names are.
const TOLD: usize = 6;
/// The column at which texts begin.
const LABEL: usize = 12;

/// What `explain` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Explanation {
    schema: &'static str,
    topics: Vec<ExplainedTopic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<ExplainedEvent>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExplainedTopic {
    kind: &'static str,
    name: &'static str,
    names: &'static [&'static str],
    meaning: &'static str,
    details: Vec<Detail>,
    offline: Option<&'static str>,
    sources: &'static [&'static str],
}

#[derive(Debug, Serialize, JsonSchema)]
struct Detail {
    label: &'static str,
    text: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExplainedEvent {
    id: u16,
    fields: Vec<ExplainedField>,
    missing: Vec<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ExplainedField {
    name: Option<&'static str>,
    value: String,
    meaning: String,
}

impl From<&'static Topic> for ExplainedTopic {
    fn from(topic: &'static Topic) -> Self {
        Self {
            kind: topic.kind.name(),
            name: topic.name,
            names: topic.names,
            meaning: topic.meaning,
            details: topic
                .details
                .iter()
                .map(|&(label, text)| Detail { label, text })
                .collect(),
            offline: Some(topic.offline).filter(|text| !text.is_empty()),
            sources: topic.sources,
        }
    }
}

impl From<DecodedEvent> for ExplainedEvent {
    fn from(event: DecodedEvent) -> Self {
        let fields = event.fields.into_iter().map(|field| ExplainedField {
            name: field.name,
            value: field.value,
            meaning: field.meaning,
        });
        Self {
            id: event.id,
            fields: fields.collect(),
            missing: event.missing,
        }
    }
}

impl Explanation {
    /// The report on an answer.
    pub fn new(answer: Answer) -> Self {
        Self {
            schema: SCHEMA,
            topics: answer.topics.into_iter().map(ExplainedTopic::from).collect(),
            event: answer.event.map(ExplainedEvent::from),
        }
    }

    /// The report as text, broken to lines of `width`. `strong` paints names.
    ///
    /// # Errors
    /// What writing to `out` reports.
    pub fn write_text(
        &self,
        out: &mut dyn Write,
        width: usize,
        strong: &dyn Fn(&str) -> String,
    ) -> io::Result<()> {
        if let Some(event) = &self.event {
            writeln!(out, "{}", strong(&format!("event {}", event.id)))?;
            for field in &event.fields {
                let name = field.name.unwrap_or("?");
                writeln!(out, "  {name:<20} {}", printable(&field.value))?;
                wrapped(out, width, 2 + 20 + 1, &field.meaning)?;
            }
            for name in &event.missing {
                writeln!(out, "  {name:<20} (not in the data)")?;
            }
            return Ok(());
        }
        if self.topics.len() > TOLD {
            for topic in &self.topics {
                writeln!(out, "{}  {}: {}", strong(topic.name), topic.kind, topic.meaning)?;
            }
            return writeln!(
                out,
                "{} topics; name one of them for all that is known.",
                self.topics.len()
            );
        }
        for (number, topic) in self.topics.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            writeln!(out, "{}  {}", strong(topic.name), topic.kind)?;
            line(out, width, "", topic.meaning)?;
            let mut before = "";
            for detail in &topic.details {
                let label = if detail.label == before { "" } else { detail.label };
                before = detail.label;
                line(out, width, label, detail.text)?;
            }
            if let Some(offline) = topic.offline {
                line(out, width, "in an image", offline)?;
            }
        }
        Ok(())
    }
}

/// A label and its text, broken into lines.
fn line(out: &mut dyn Write, width: usize, label: &str, text: &str) -> io::Result<()> {
    if label.is_empty() {
        return wrapped(out, width, 2 + LABEL + 1, text);
    }
    let mut rest = Vec::new();
    wrapped(&mut rest, width, 2 + LABEL + 1, text)?;
    let rest = String::from_utf8_lossy(&rest);
    write!(out, "  {label:<LABEL$} {}", rest.trim_start())
}

/// A text in lines of at most `width`, each behind `indent` blanks. Words that are longer stand alone.
fn wrapped(out: &mut dyn Write, width: usize, indent: usize, text: &str) -> io::Result<()> {
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used == 0 {
            write!(out, "{:indent$}{word}", "")?;
            used = indent + length;
        } else if used + 1 + length > width {
            write!(out, "\n{:indent$}{word}", "")?;
            used = indent + length;
        } else {
            write!(out, " {word}")?;
            used += 1 + length;
        }
    }
    writeln!(out)
}
