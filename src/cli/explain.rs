//! `wimkey explain`: what codes, options, values and words mean, and where they are in an image.

use super::terminal::{STRONG, Terminal, paint, width};
use super::{Failure, Outcome};
use crate::Error;
use crate::explain::answer;
use crate::report::Explanation;

pub(super) fn run(topic: &[String], terminal: &Terminal) -> Result<Outcome, Failure> {
    let question = topic.join(" ");
    let answer = answer(&question).map_err(|near| {
        let advice = if near.is_empty() {
            "Ask with an error code, an event's number, an slmgr option, a registry value, a WMI member, a policy or a term.".to_owned()
        } else {
            format!("Did you mean {}?", near.join(" or "))
        };
        Error::NotFound(format!(
            "nothing is known of {}\n{advice}",
            crate::text::printable(&question)
        ))
    })?;
    let report = Explanation::new(answer);
    terminal.result(&report, |out| {
        report.write_text(out, width(), &|name| paint(STRONG, name))
    })?;
    Ok(Outcome::Done)
}
