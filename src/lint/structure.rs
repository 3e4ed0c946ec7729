//! structure - what holds the settings: encoding, passes, components.

use super::draft::Drafts;
use super::{Ground, is_template};
use crate::catalog::rules;
use crate::finding::Level;
use crate::text::Encoding;
use crate::unattend::{Architecture, ComponentNode, KNOWN, Pass};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Architectures that components may name beside those of [`Architecture`].
const OTHER_ARCHITECTURES: [&str; 5] = ["wow64", "msil", "neutral", "data", "shx"];
/// The public key token of the components of Windows.
const TOKEN: &str = "31bf3856ad364e35";
/// Hexadecimal digits of a public key token.
const TOKEN_LENGTH: usize = 16;
/// What components of Windows itself are called.
const OF_WINDOWS: &str = "Microsoft-Windows-";

pub(super) fn check(ground: &Ground<'_>, drafts: &mut Drafts) {
    encoding(ground, drafts);
    passes(ground, drafts);
    for component in &ground.components {
        identity(component, drafts);
    }
    duplicates(ground, drafts);
    architectures(ground, drafts);
    windows(ground, drafts);
}

fn encoding(ground: &Ground<'_>, drafts: &mut Drafts) {
    let Some((label, span)) = ground.file.declared_encoding() else {
        return;
    };
    let Some(form) = ground.file.form() else {
        return; // a code page: its bytes cannot tell
    };
    let label_shown = crate::text::printable(label);
    let stored = match form.encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16Le => "UTF-16, low byte first",
        Encoding::Utf16Be => "UTF-16, high byte first",
    };
    let fits = match label.to_ascii_lowercase().as_str() {
        "utf-16" => form.encoding != Encoding::Utf8,
        "utf-16le" => form.encoding == Encoding::Utf16Le,
        "utf-16be" => form.encoding == Encoding::Utf16Be,
        _ => form.encoding == Encoding::Utf8 && label.to_ascii_lowercase().starts_with("utf"),
    };
    if !fits {
        let message = format!("the file declares {label_shown}, but is stored as {stored}");
        drafts.at(span, "", &rules::ENCODING_NOT_TRUE, message);
    } else if form.encoding != Encoding::Utf8 && !form.mark {
        let message = format!("the file is {stored}, without the byte-order mark that XML wants then");
        drafts.at(span, "", &rules::ENCODING_NOT_TRUE, message).level = Level::Warning;
    }
}

fn passes(ground: &Ground<'_>, drafts: &mut Drafts) {
    let settings = ground
        .file
        .root()
        .children()
        .filter(|node| node.name() == "settings");
    for node in settings {
        match node.attribute("pass") {
            Some((pass, span)) if pass.parse::<Pass>().is_err() && !is_template(pass) => {
                let near = Pass::ALL
                    .iter()
                    .find(|known| known.name().eq_ignore_ascii_case(pass));
                let help = near.map(|known| format!("Write {known}: names of passes are exact."));
                let message = format!("there is no pass {}", crate::text::printable(pass));
                let finding = drafts.at(span, "", &rules::UNKNOWN_PASS, message);
                if let Some(help) = help {
                    finding.help = help;
                }
            }
            Some(_) => {}
            None => {
                let message = "settings without a pass are never read";
                drafts.at(node.start_tag(), "", &rules::UNKNOWN_PASS, message);
            }
        }
        if let Some((mark, span)) = node.attribute("wasPassProcessed")
            && mark.eq_ignore_ascii_case("true")
            && !ground.surroundings.in_image
        {
            let message = "Windows passes over this pass: it is marked as processed";
            drafts.at(span, "", &rules::PASS_ALREADY_PROCESSED, message);
        }
    }
}

fn identity(component: &ComponentNode<'_>, drafts: &mut Drafts) {
    let tag = component.node.start_tag();
    let attributes = component.node.attributes();
    let attribute = |wanted: &str| {
        let found = attributes.iter().find(|(name, _, _)| *name == wanted);
        found.map(|(_, value, span)| (*value, span.clone()))
    };
    let mut wrong = |span: Option<std::ops::Range<usize>>, message: &str| {
        let span = span.unwrap_or_else(|| tag.clone());
        drafts.at(span, component.address(""), &rules::COMPONENT_IDENTITY, message);
    };
    if component.name.is_empty() {
        wrong(None, "the component has no name");
    }
    match attribute("publicKeyToken") {
        None => wrong(None, "the component has no publicKeyToken"),
        Some((token, span)) if !is_template(token) => {
            let is_token =
                token.len() == TOKEN_LENGTH && token.chars().all(|digit| digit.is_ascii_hexdigit());
            let of_windows = component.name.starts_with(OF_WINDOWS);
            if !is_token || of_windows && !token.eq_ignore_ascii_case(TOKEN) {
                wrong(
                    Some(span),
                    "this is not the publicKeyToken of the components of Windows",
                );
            }
        }
        Some(_) => {}
    }
    if attribute("language").is_none() {
        wrong(None, "the component has no language");
    }
    if let Some((scope, span)) = attribute("versionScope") {
        let known = ["nonSxS", "SxS", "neutral"];
        if !known.iter().any(|known| known.eq_ignore_ascii_case(scope)) && !is_template(scope) {
            wrong(Some(span), "there is no versionScope of that name");
        }
    }
    match attribute("processorArchitecture") {
        None => wrong(None, "the component has no processorArchitecture"),
        Some((name, span)) => {
            let known = name.parse::<Architecture>().is_ok()
                || OTHER_ARCHITECTURES
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(name));
            if !known && !is_template(name) {
                let message = format!("there is no architecture {}", crate::text::printable(name));
                let finding = drafts.at(span, component.address(""), &rules::UNKNOWN_ARCHITECTURE, message);
                if ["x64", "x86_64", "amd46", "64"].contains(&name.to_ascii_lowercase().as_str()) {
                    "Write amd64.".clone_into(&mut finding.help);
                }
            }
        }
    }
}

fn duplicates(ground: &Ground<'_>, drafts: &mut Drafts) {
    let mut first: HashMap<(&str, &str, String), usize> = HashMap::new();
    let mut twice = Vec::new();
    for (at, component) in ground.components.iter().enumerate() {
        let identity = (
            component.pass,
            component.name,
            component.architecture.to_ascii_lowercase(),
        );
        match first.entry(identity) {
            Entry::Occupied(entry) => twice.push((*entry.get(), component)),
            Entry::Vacant(entry) => drop(entry.insert(at)),
        }
    }
    if twice.is_empty() {
        return;
    }
    let starts = ground
        .components
        .iter()
        .map(|component| component.node.start_tag().start);
    let places = ground.file.lines_and_columns(starts);
    for (first, component) in twice {
        let line = places.get(first).map_or(0, |&(line, _)| line);
        let message = format!("this component stands in the pass already, at line {line}");
        drafts.at(
            component.node.start_tag(),
            component.address(""),
            &rules::DUPLICATE_COMPONENT,
            message,
        );
    }
}

/// Components for other architectures than the image's, where there is none for its own.
fn architectures(ground: &Ground<'_>, drafts: &mut Drafts) {
    let mut wanted: Vec<&str> = Vec::new();
    for image in ground.meant() {
        let Some(architecture) = image.architecture else {
            return;
        };
        if !wanted.contains(&architecture) {
            wanted.push(architecture);
        }
    }
    if wanted.is_empty() {
        return;
    }
    let fits = |component: &ComponentNode<'_>| {
        wanted
            .iter()
            .any(|name| name.eq_ignore_ascii_case(component.architecture))
            || component.architecture.parse::<Architecture>().is_err()
    };
    let own: HashSet<(&str, &str)> = ground
        .components
        .iter()
        .filter(|component| fits(component))
        .map(|component| (component.pass, component.name))
        .collect();
    for component in ground.components.iter().filter(|component| !fits(component)) {
        if own.contains(&(component.pass, component.name)) {
            continue;
        }
        let span = component
            .node
            .attribute("processorArchitecture")
            .map(|(_, span)| span);
        let message = format!(
            "the image is {}, so this component for {} is passed over",
            wanted.join(" or "),
            component.architecture
        );
        let finding = drafts.at(
            span.unwrap_or_else(|| component.node.start_tag()),
            component.address(""),
            &rules::ARCHITECTURE_OF_ANOTHER_IMAGE,
            message,
        );
        if component.pass == Pass::WindowsPe.name() {
            // Setup itself may run in a Windows PE of another architecture than the image's.
            finding.level = Level::Warning;
            "Add the component with the architecture of the Windows PE that Setup runs in."
                .clone_into(&mut finding.help);
        }
    }
}

/// Components that this Windows does not have.
fn windows(ground: &Ground<'_>, drafts: &mut Drafts) {
    let builds: Vec<u32> = ground
        .meant()
        .map(|image| image.build)
        .filter(|&build| build > 0)
        .collect();
    if builds.is_empty() {
        return;
    }
    for component in &ground.components {
        let Some(known) = KNOWN.iter().find(|known| known.component == component.name) else {
            continue;
        };
        let (first, last) = known.builds;
        if builds.iter().any(|build| (first..=last).contains(build)) {
            continue;
        }
        let message = format!("no image that is meant has {}", component.name);
        let span = component.node.attribute("name").map(|(_, span)| span);
        let finding = drafts.at(
            span.unwrap_or_else(|| component.node.start_tag()),
            component.address(""),
            &rules::COMPONENT_OF_ANOTHER_WINDOWS,
            message,
        );
        if let Some(name) = known.replaced_by {
            finding.help = format!("Use {name}.");
        }
    }
}
