//! What can be explained: a topic for each row of the tables of errors, events, slmgr options, registry values, WMI members,
//! policies and terms. A further table is one more function here and one more kind there.

use crate::keys::read;
use crate::settings::{RegistryValue, rows};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::Path;

/// One topic as it is written.
#[derive(Default)]
struct Topic {
    kind: &'static str,
    name: String,
    names: Vec<String>,
    meaning: String,
    details: Vec<(&'static str, String)>,
    offline: String,
    sources: Vec<String>,
}

impl Topic {
    /// Adds a line about the topic, unless there is nothing to say.
    fn tell(mut self, label: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.details.push((label, text));
        }
        self
    }

    fn write(&self, rust: &mut String) {
        assert!(
            !self.name.is_empty() && !self.meaning.is_empty() && !self.sources.is_empty(),
            "{}: no name, no meaning or no source",
            self.name
        );
        writeln!(
            rust,
            "Topic {{ kind: TopicKind::{}, name: {:?}, names: &{:?}, meaning: {:?}, details: &{:?}, offline: {:?}, sources: &{:?} }},",
            self.kind, self.name, self.names, self.meaning, self.details, self.offline, self.sources
        )
        .expect("a string");
    }
}

/// `TOPICS`, `EVENTS`, `LICENSING_STATES` and `SLMGR_OPTIONS`.
pub(super) fn tables(tables: &Path) -> String {
    let events: EventFile = read(tables, "events.toml");
    let options: OptionFile = read(tables, "slmgr.toml");
    let mut rust = String::from("/// Every topic.\npub static TOPICS: &[Topic] = &[\n");
    for topic in errors(tables)
        .into_iter()
        .chain(events.event.iter().map(event))
        .chain(options.option.iter().map(option))
        .chain(rows(tables, "registry.toml").iter().map(registry))
        .chain(rows(tables, "policies.toml").iter().map(policy))
        .chain(members(tables))
        .chain(policy_values(tables))
        .chain(terms(tables))
        .chain(rules(tables))
        .chain(answers(tables))
        .chain(events.state.iter().map(state))
    {
        topic.write(&mut rust);
    }
    rust.push_str("];\n/// The events whose data is known.\npub static EVENTS: &[Event] = &[\n");
    for event in &events.event {
        let fields: Vec<_> = event
            .fields
            .iter()
            .map(|field| (&field.name, &field.meaning))
            .collect();
        writeln!(rust, "Event {{ id: {}, fields: &{fields:?} }},", event.id).expect("a string");
    }
    rust.push_str(
        "];\n/// The licensing states by their numbers.\npub static LICENSING_STATES: &[(&str, &str)] = &[\n",
    );
    for (number, state) in events.state.iter().enumerate() {
        assert_eq!(number, state.number, "{}: out of order", state.name);
        writeln!(rust, "({:?}, {:?}),", state.name, state.meaning).expect("a string");
    }
    rust.push_str("];\n/// The options of slmgr.\npub static SLMGR_OPTIONS: &[SlmgrOption] = &[\n");
    for option in &options.option {
        writeln!(
            rust,
            "SlmgrOption {{ name: {:?}, arguments: {:?}, first_boot: {}, offline: {:?} }},",
            option.name,
            option.arguments,
            option.way == "first-boot",
            option.offline
        )
        .expect("a string");
    }
    rust.push_str("];\n");
    rust
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorCode {
    code: String,
    #[serde(default)]
    symbol: String,
    seen_by: Vec<String>,
    meaning: String,
    causes: Vec<String>,
    fixes: Vec<String>,
    #[serde(default)]
    note: String,
    sources: Vec<String>,
}

fn errors(tables: &Path) -> Vec<Topic> {
    #[derive(Deserialize)]
    struct File {
        error: Vec<ErrorCode>,
    }
    let file: File = read(tables, "errors.toml");
    file.error
        .into_iter()
        .map(|row| {
            let digits = row.code.strip_prefix("0x").unwrap_or_default();
            assert!(
                digits.len() == 8
                    && digits
                        .chars()
                        .all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)),
                "{}: not a code",
                row.code
            );
            let mut topic = Topic {
                kind: "Error",
                names: [row.symbol.clone()]
                    .into_iter()
                    .filter(|name| !name.is_empty())
                    .collect(),
                name: row.code,
                meaning: row.meaning,
                sources: row.sources,
                ..Topic::default()
            }
            .tell("symbol", row.symbol)
            .tell("seen by", row.seen_by.join(", "));
            for cause in row.causes {
                topic = topic.tell("cause", cause);
            }
            for fix in row.fixes {
                topic = topic.tell("remedy", fix);
            }
            topic.tell("note", row.note)
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFile {
    event: Vec<EventRow>,
    state: Vec<State>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRow {
    id: u16,
    logged_by: String,
    provider: String,
    log: String,
    meaning: String,
    #[serde(default)]
    fields: Vec<Field>,
    #[serde(default)]
    note: String,
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    meaning: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    number: usize,
    name: String,
    meaning: String,
}

fn event(row: &EventRow) -> Topic {
    let mut topic = Topic {
        kind: "Event",
        name: row.id.to_string(),
        names: vec![format!("event {}", row.id)],
        meaning: row.meaning.clone(),
        sources: row.sources.clone(),
        ..Topic::default()
    }
    .tell("logged by", &row.logged_by)
    .tell("log", &row.log)
    .tell("provider", &row.provider);
    for (number, field) in row.fields.iter().enumerate() {
        topic = topic.tell(
            "field",
            format!("{} {}: {}", number + 1, field.name, field.meaning),
        );
    }
    topic.tell("note", &row.note)
}

fn state(row: &State) -> Topic {
    Topic {
        kind: "Term",
        name: row.name.clone(),
        names: vec![
            format!("licensing state {}", row.number),
            format!("LicenseStatus {}", row.number),
        ],
        meaning: row.meaning.clone(),
        sources: vec!["vatrg".to_owned()],
        ..Topic::default()
    }
    .tell("number", row.number.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionFile {
    option: Vec<OptionRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionRow {
    name: String,
    #[serde(default)]
    arguments: String,
    group: String,
    scope: String,
    elevation: String,
    #[serde(default)]
    wmi: String,
    #[serde(default)]
    values: Vec<String>,
    since: String,
    #[serde(default)]
    until: String,
    way: String,
    offline: String,
    meaning: String,
    #[serde(default)]
    note: String,
    sources: Vec<String>,
}

fn option(row: &OptionRow) -> Topic {
    crate::rules::one_of(&row.name, &row.way, &["image", "first-boot", "live"]);
    let bare = row.name.strip_prefix('/').expect("options begin with /");
    Topic {
        kind: "Slmgr",
        name: row.name.clone(),
        names: vec![bare.to_owned(), format!("slmgr {}", row.name)],
        meaning: row.meaning.clone(),
        offline: row.offline.clone(),
        sources: row.sources.clone(),
        ..Topic::default()
    }
    .tell("arguments", &row.arguments)
    .tell("group", format!("{}, for {}", row.group, row.scope))
    .tell("elevation", &row.elevation)
    .tell("WMI", &row.wmi)
    .tell("values", row.values.join(", "))
    .tell("since", windows(&row.since))
    .tell("gone in", windows(&row.until))
    .tell("note", &row.note)
}

/// The Windows of a version number.
fn windows(version: &str) -> String {
    match version {
        "" => String::new(),
        "6.0" => "Windows Vista, Server 2008".to_owned(),
        "6.1" => "Windows 7, Server 2008 R2".to_owned(),
        "6.2" => "Windows 8, Server 2012".to_owned(),
        "6.3" => "Windows 8.1, Server 2012 R2".to_owned(),
        other => panic!("{other}: not a version"),
    }
}

fn registry(row: &RegistryValue) -> Topic {
    setting(row, "Setting")
        .tell("slmgr", row.slmgr.join(", "))
        .tell("note", &row.note)
}

fn policy(row: &RegistryValue) -> Topic {
    let mut topic = setting(row, "Policy")
        .tell("title", &row.title)
        .tell("path", &row.path)
        .tell("template", &row.template)
        .tell("note", &row.note);
    topic.names.extend([row.title.clone(), row.policy.clone()]);
    topic.names.retain(|name| !name.is_empty());
    topic
}

fn setting(row: &RegistryValue, kind: &'static str) -> Topic {
    let offline = if row.is_remove_only() {
        format!("wimkey image set TARGET --unset {}", row.name)
    } else {
        format!(
            "wimkey image set TARGET --set '{}=VALUE', --unset '{}'",
            row.name, row.name
        )
    };
    let (file, _) = row.name.rsplit_once('\\').unwrap_or_default();
    Topic {
        kind,
        name: row.name.clone(),
        names: [format!(r"{}\{}", row.key, row.name)]
            .into_iter()
            .filter(|_| !row.key.is_empty() && file.is_empty())
            .collect(),
        meaning: row.meaning.clone(),
        offline,
        sources: row.sources.clone(),
        ..Topic::default()
    }
    .tell("key", row.full_key())
    .tell("type", &row.kind)
    .tell(
        "values",
        match row.allowed.as_str() {
            "nothing" => String::new(),
            "publish" => "domain[, priority[, weight]], one a line".to_owned(),
            other => other.replace("..=", " to ").replace("digit ", ""),
        },
    )
    .tell("default", &row.default)
    .tell(
        "read by",
        row.scope
            .replace("all", "every Windows")
            .replace("client", "KMS clients")
            .replace("host", "KMS hosts"),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    class: String,
    name: String,
    kind: String,
    #[serde(default)]
    arguments: String,
    meaning: String,
    #[serde(default)]
    offline: String,
    since: String,
    #[serde(default)]
    note: String,
    sources: Vec<String>,
}

fn members(tables: &Path) -> Vec<Topic> {
    #[derive(Deserialize)]
    struct File {
        member: Vec<Member>,
    }
    let file: File = read(tables, "wmi.toml");
    file.member
        .into_iter()
        .map(|row| {
            Topic {
                kind: "Wmi",
                name: format!("{}.{}", row.class, row.name),
                names: vec![row.name],
                meaning: row.meaning,
                offline: if row.offline.is_empty() {
                    "known to the running licensing service only".to_owned()
                } else {
                    row.offline
                },
                sources: row.sources,
                ..Topic::default()
            }
            .tell("kind", row.kind)
            .tell("arguments", row.arguments)
            .tell("since", windows(&row.since))
            .tell("note", row.note)
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyValue {
    name: String,
    meaning: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    server: String,
    #[serde(default)]
    office: String,
    #[serde(default)]
    range: String,
    #[serde(default)]
    setting: String,
    #[serde(default)]
    note: String,
    sources: Vec<String>,
}

fn policy_values(tables: &Path) -> Vec<Topic> {
    #[derive(Deserialize)]
    struct File {
        value: Vec<PolicyValue>,
    }
    let file: File = read(tables, "policy.toml");
    file.value
        .into_iter()
        .map(|row| {
            Topic {
                kind: "PolicyValue",
                name: row.name,
                meaning: row.meaning,
                offline: match row.setting.as_str() {
                    "" => "fixed by the licence of the product".to_owned(),
                    setting => format!("wimkey image set TARGET --set {setting}=VALUE"),
                },
                sources: row.sources,
                ..Topic::default()
            }
            .tell("client", row.client)
            .tell("server", row.server)
            .tell("Office", row.office)
            .tell("range", row.range)
            .tell("note", row.note)
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    name: String,
    #[serde(default)]
    expansion: String,
    meaning: String,
    #[serde(default)]
    see: Vec<String>,
    sources: Vec<String>,
}

fn terms(tables: &Path) -> Vec<Topic> {
    #[derive(Deserialize)]
    struct File {
        term: Vec<Term>,
    }
    let file: File = read(tables, "terms.toml");
    file.term
        .into_iter()
        .map(|row| {
            Topic {
                kind: "Term",
                name: row.name,
                names: [row.expansion.clone()]
                    .into_iter()
                    .filter(|name| !name.is_empty())
                    .collect(),
                meaning: row.meaning,
                sources: row.sources,
                ..Topic::default()
            }
            .tell("stands for", row.expansion)
            .tell("see", row.see.join(", "))
        })
        .collect()
}

/// The rules of `unattend lint` and `image audit`.
fn rules(tables: &Path) -> impl Iterator<Item = Topic> {
    let files = ["lint.toml", "traces.toml"];
    files
        .into_iter()
        .flat_map(|file| crate::lint::rows(tables, file))
        .map(|row| {
            Topic {
                kind: "Rule",
                name: row.id,
                names: vec![row.name.clone()],
                meaning: row.summary,
                sources: row.sources,
                ..Topic::default()
            }
            .tell("name", row.name)
            .tell("level", row.level)
            .tell("why", row.reason)
            .tell("what to do", row.remedy)
        })
}

#[derive(Deserialize)]
struct Answer {
    component: String,
    path: String,
    passes: Vec<String>,
    summary: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    name: String,
    sources: Vec<String>,
}

fn answers(tables: &Path) -> impl Iterator<Item = Topic> {
    #[derive(Deserialize)]
    struct File {
        setting: Vec<Answer>,
    }
    let file: File = read(tables, "unattend.toml");
    file.setting.into_iter().map(|row| {
        let offline = if row.name.is_empty() {
            String::new()
        } else {
            format!("wimkey unattend set FILE --set {}=VALUE", row.name)
        };
        let last = row.path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut names = vec![row.path.clone(), last, row.name];
        names.retain(|name| !name.is_empty());
        names.dedup();
        Topic {
            kind: "Answer",
            name: format!("{} {}", row.component, row.path),
            names,
            meaning: row.summary,
            offline,
            sources: row.sources,
            ..Topic::default()
        }
        .tell("passes", row.passes.join(", "))
        .tell("details", row.details)
    })
}
