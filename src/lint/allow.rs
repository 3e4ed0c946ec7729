//! allow - comments that allow a finding: `<!-- wimkey: allow WK-U018 only for the test machines -->`.
//!
//! A comment behind something on its line is for that line; any other is for the element that follows it. Before the root
//! element that is the whole file.

use super::draft::Drafts;
use crate::catalog::rules;
use crate::finding::Rule;
use crate::unattend::AnswerFile;
use std::ops::Range;

/// The most such comments that are heeded in one file.
const ALLOW_LIMIT: usize = 256;
/// What such a comment begins with.
const MARK: &str = "wimkey:";

/// A comment and what it allows.
struct Allow {
    comment: Range<usize>,
    /// Where a finding must begin.
    reach: Range<usize>,
    /// Whether the reach is the whole file, with what has no place in it.
    whole: bool,
    rules: Vec<(&'static Rule, bool)>,
    unknown: bool,
}

/// Marks what comments allow, and adds findings for comments that allow nothing.
pub(super) fn apply(file: &AnswerFile, drafts: &mut Drafts) {
    let comments = file.comments();
    let mut allows: Vec<Allow> = comments
        .filter_map(|(range, text)| read(file, range, text))
        .take(ALLOW_LIMIT)
        .collect();
    if allows.is_empty() {
        return;
    }
    for draft in drafts.iter_mut() {
        for allow in &mut allows {
            let reached = match &draft.span {
                Some(span) => allow.whole || allow.reach.contains(&span.start),
                None => allow.whole,
            };
            let rule = draft.finding.rule;
            let named = allow.rules.iter_mut().find(|(named, _)| named.id == rule.id);
            if let Some((_, used)) = named.filter(|_| reached) {
                *used = true;
                draft.allowed = true;
            }
        }
    }
    for allow in allows {
        if allow.unknown {
            let message = "the comment allows a rule that does not exist";
            drafts.at(allow.comment.clone(), "", &rules::ALLOW_WITHOUT_EFFECT, message);
        }
        for (rule, used) in allow.rules {
            if !used {
                let message = format!("nothing here breaks {} ({})", rule.id, rule.name);
                drafts.at(allow.comment.clone(), "", &rules::ALLOW_WITHOUT_EFFECT, message);
            }
        }
    }
}

fn read(file: &AnswerFile, comment: Range<usize>, text: &str) -> Option<Allow> {
    let text = text
        .trim()
        .strip_prefix(MARK)?
        .trim_start()
        .strip_prefix("allow")?;
    if !text.starts_with(char::is_whitespace) {
        return None;
    }
    let mut found = Vec::new();
    let mut unknown = false;
    // Ids come first; what follows them is the reason.
    let separators = |letter: char| letter.is_whitespace() || letter == ',';
    for word in text.split(separators).filter(|word| !word.is_empty()) {
        if !word
            .get(..3)
            .is_some_and(|start| start.eq_ignore_ascii_case("WK-"))
        {
            break;
        }
        match rules::find(word) {
            Some(rule) => found.push((rule, false)),
            None => unknown = true,
        }
    }
    unknown |= found.is_empty();
    let line = file.line_before(comment.start);
    let (reach, whole) = if line.is_some() {
        (line.unwrap_or_default(), false)
    } else {
        let next = file.next_element(comment.end);
        let whole = next.as_ref().is_some_and(|node| node.parent().is_none());
        (next.map_or(0..0, |node| node.range()), whole)
    };
    Some(Allow {
        comment,
        reach,
        whole,
        rules: found,
        unknown,
    })
}
