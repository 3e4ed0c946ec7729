//! findings - what checks found, as text with the source line, as JSON, as SARIF 2.1.0 and as GitHub annotations.
//!
//! Promise: every form tells the same findings in the same order; none holds more of the source than the masked picture,
//! and SARIF and annotations hold none of it.

mod github;
mod sarif;
mod text;

pub use github::write_github;
pub use sarif::{Sarif, sarif};
pub use text::{PaintFindings, Tone, totals, write_text};

use super::SCHEMA;
use crate::finding::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// What `image audit` and `unattend lint` tell in JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Findings<'a> {
    schema: &'static str,
    findings: &'a [Finding],
}

impl<'a> Findings<'a> {
    /// The report on these findings.
    pub fn new(findings: &'a [Finding]) -> Self {
        Self {
            schema: SCHEMA,
            findings,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::finding::{Level, Picture, Rule};

    pub(crate) static RULE: Rule = Rule {
        id: "WK-T001",
        name: "test-rule",
        level: Level::Error,
        summary: "Something is wrong",
        reason: "It will not work",
        remedy: "put it right",
        sources: &["this test"],
    };

    /// One finding with a place in a text, one in an image, one without any.
    pub(crate) fn sample() -> Vec<Finding> {
        let mut first = Finding::new(&RULE, "the key is 50% wrong").in_place("specialize ProductKey");
        first.target = "a b/Auto,unattend.xml".to_owned();
        (first.line, first.column, first.length) = (Some(7), Some(9), 5);
        first.picture = Some(Picture::new("    <Key>*****</Key>".to_owned(), 9, 5));
        let second = Finding::new(&RULE, "left behind")
            .at_level(Level::Warning)
            .in_image("install.wim", Some(2), "Windows/Panther/unattend.xml");
        let mut third = Finding::new(&RULE, "good\nto know").at_level(Level::Note);
        third.target = "/mnt/image".to_owned();
        vec![first, second, third]
    }

    #[test]
    fn json_has_the_fields_of_the_contract() {
        let value = serde_json::to_value(Findings::new(&sample())).unwrap();
        assert_eq!(value["schema"], SCHEMA);
        let first = value["findings"][0].as_object().unwrap();
        let names: Vec<&str> = first.keys().map(String::as_str).collect();
        let mut wanted = [
            "rule", "level", "target", "image", "place", "line", "column", "message", "help",
        ];
        wanted.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, wanted);
        assert_eq!(first["rule"], "WK-T001");
        assert_eq!(first["level"], "error");
        assert_eq!(value["findings"][1]["image"], 2);
        assert_eq!(value["findings"][1]["place"], "Windows/Panther/unattend.xml");
    }
}
