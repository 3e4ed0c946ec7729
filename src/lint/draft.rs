//! draft - findings in the making.

use crate::finding::{Finding, Rule};
use crate::unattend::AnswerFile;
use std::ops::Range;

/// The most findings that are kept of one file. Real files have some ten.
pub(super) const FINDING_LIMIT: usize = 1000;

/// Findings whose places are still offsets into the text.
#[derive(Default)]
pub(super) struct Drafts {
    all: Vec<Draft>,
}

/// A finding and where it stands; `None` for one about the whole file or another one.
pub(super) struct Draft {
    pub(super) span: Option<Range<usize>>,
    pub(super) finding: Finding,
    /// Whether a comment allows it.
    pub(super) allowed: bool,
}

impl Drafts {
    /// Adds a finding at `span` of the text.
    pub(super) fn at(
        &mut self,
        span: Range<usize>,
        place: impl Into<String>,
        rule: &'static Rule,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Some(span), Finding::new(rule, message).in_place(place))
    }

    /// Adds a finding without a place in the text.
    pub(super) fn about(&mut self, rule: &'static Rule, message: impl Into<String>) -> &mut Finding {
        self.push(None, Finding::new(rule, message))
    }

    fn push(&mut self, span: Option<Range<usize>>, finding: Finding) -> &mut Finding {
        // Beyond the limit the last one gives way.
        self.all.truncate(FINDING_LIMIT - 1);
        let index = self.all.len();
        self.all.push(Draft {
            span,
            finding,
            allowed: false,
        });
        #[expect(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.all[index].finding
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Draft> {
        self.all.iter_mut()
    }

    /// The findings that nothing allows, in the order of the file, with lines, columns and pictures.
    pub(super) fn finish(mut self, file: &AnswerFile) -> Vec<Finding> {
        self.all.retain(|draft| !draft.allowed);
        // What has no place comes last. The sort is stable: at one place the order of the checks stays.
        self.all
            .sort_by_key(|draft| draft.span.as_ref().map_or(usize::MAX, |span| span.start));
        let starts: Vec<usize> = self
            .all
            .iter()
            .filter_map(|draft| Some(draft.span.as_ref()?.start))
            .collect();
        let mut places = file.lines_and_columns(starts).into_iter();
        let finish = |draft: Draft| {
            let mut finding = draft.finding;
            if let Some((span, (line, column))) = draft.span.and_then(|span| Some((span, places.next()?))) {
                finding.line = Some(line);
                finding.column = Some(column);
                finding.length = file.length_on_line(span.clone());
                finding.picture = Some(file.picture(span));
            }
            finding
        };
        self.all.into_iter().map(finish).collect()
    }
}
