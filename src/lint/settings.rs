//! settings - single settings: the pass they are read in, the values they take, how long they may be.

use super::draft::Drafts;
use super::{Ground, is_template};
use crate::catalog::rules;
use crate::finding::Level;
use crate::unattend::{Allowed, ComponentNode, KNOWN, Known, Node};

/// What the last setting of the table that sysprep is told is called.
const SKIP_REARM: &str = "SkipRearm";

pub(super) fn check(ground: &Ground<'_>, drafts: &mut Drafts) {
    for component in &ground.components {
        let known: Vec<&'static Known> = KNOWN
            .iter()
            .filter(|known| known.component == component.name)
            .collect();
        if known.is_empty() {
            continue;
        }
        // The names of the elements on the way to the one looked at.
        let mut path: Vec<&str> = Vec::new();
        let mut seen: Vec<&'static Known> = Vec::new();
        for (depth, node) in component.node.descendants() {
            path.truncate(depth.saturating_sub(1));
            path.push(node.name());
            let Some(&setting) = known.iter().find(|known| known.path == path.as_slice()) else {
                continue;
            };
            one(component, node, setting, drafts);
            // Of an element that is no item of a list there may be one.
            let single = setting.allowed != Allowed::Text;
            if single && seen.contains(&setting) {
                let message = format!("{} stands here for the second time", setting.path_text());
                drafts.at(
                    node.start_tag(),
                    component.address(&setting.path_text()),
                    &rules::DUPLICATE_SETTING,
                    message,
                );
            }
            if !seen.contains(&setting) {
                seen.push(setting);
            }
        }
    }
}

fn one(component: &ComponentNode<'_>, node: Node<'_>, setting: &'static Known, drafts: &mut Drafts) {
    let address = || component.address(&setting.path_text());
    if setting.activation && !setting.is_read_in(component.pass) && !component.pass.is_empty() {
        let passes: Vec<&str> = setting.passes.iter().map(|pass| pass.name()).collect();
        let message = format!(
            "{} is not read in pass {}",
            setting.path_text(),
            crate::text::printable(component.pass)
        );
        drafts
            .at(
                node.start_tag(),
                address(),
                &rules::SETTING_WITHOUT_EFFECT,
                message,
            )
            .help = format!("Move it to pass {}.", passes.join(" or "));
    }
    if setting.longest.is_none() && !matches!(setting.allowed, Allowed::OneOf(_)) {
        return;
    }
    let value = node.value();
    let text = value.expose();
    if is_template(text) {
        return;
    }
    if let Allowed::OneOf(values) = setting.allowed
        && !values.iter().any(|allowed| allowed.eq_ignore_ascii_case(text))
    {
        let message = if text.is_empty() {
            format!("{} is empty", setting.path_text())
        } else {
            format!("{} does not take this value", setting.path_text())
        };
        let finding = drafts.at(value.span.clone(), address(), &rules::VALUE_NOT_ALLOWED, message);
        finding.help = format!("It takes {}.", values.join(", "));
        if text.is_empty() {
            // Setup goes on with the default, or says that it cannot read the setting: versions differ.
            finding.level = Level::Warning;
        }
    }
    let length = text.chars().count();
    if let Some(longest) = setting.longest.filter(|&longest| length > usize::from(longest)) {
        let message = format!("{length} characters, and {} takes {longest}", setting.path_text());
        drafts.at(value.span.clone(), address(), &rules::VALUE_TOO_LONG, message);
    }
    if setting.path == [SKIP_REARM] && text == "1" && setting.is_read_in(component.pass) {
        let message = "sysprep will keep the licensing state of this machine";
        drafts.at(value.span, address(), &rules::SKIP_REARM_LEFT_ON, message);
    }
}
