//! remove - taking a setting away, with what `set` created around it.
//!
//! Promise: an element that `set` put there leaves no byte behind; an element that was empty before, or that `set` filled,
//! is written again as it was. An element that holds anything else, even a comment, stays.

use super::layout::{Empty, Filled, is_only_child, line_before};
use super::place::{gap_before, part};
use super::tree::Element;
use super::{AnswerFile, Error, Setting};
use std::ops::Range;

/// The most places of one setting that are removed. Setup accepts one.
const PLACE_LIMIT: usize = 64;
/// Attributes that `set` writes; an element with others was not created by it.
const OWN_ATTRIBUTES: [&str; 6] = [
    "pass",
    "name",
    "processorArchitecture",
    "publicKeyToken",
    "language",
    "versionScope",
];

impl AnswerFile {
    /// Removes `setting` wherever it stands, and what is empty without it; an element that stood empty before it was set stands
    /// empty again. Returns whether it stood anywhere.
    ///
    /// # Errors
    /// [`Error::Twice`] if it stands in more places than a file that can be repaired has; the file is then unchanged.
    pub fn remove(&mut self, setting: &Setting) -> Result<bool, Error> {
        let places = self.places(setting);
        if let [first, second, ..] = places.as_slice()
            && places.len() > PLACE_LIMIT
        {
            return Err(Error::Twice {
                setting: setting.to_string(),
                first: self.line_of(*first),
                second: self.line_of(*second),
            });
        }
        // From the end, so that the indices before stay valid.
        for &index in places.iter().rev() {
            self.remove_element(index)?;
        }
        Ok(!places.is_empty())
    }

    /// Removes the element at `index` and what is empty without it.
    pub(super) fn remove_element(&mut self, index: usize) -> Result<(), Error> {
        let Some((range, piece)) = self.removal(index) else {
            return Ok(());
        };
        self.splice(&range, &piece)
    }

    fn removal(&self, mut index: usize) -> Option<(Range<usize>, String)> {
        if let Some(undone) = Filled::undone(&self.text, self.tree.elements.get(index)?) {
            return Some(undone);
        }
        let nothing = String::new;
        loop {
            let element = self.tree.elements.get(index)?;
            let range = element.range();
            let simple = line_before(&self.text, range.start).start..range.end;
            let parent_index = element.parent?;
            let parent = self.tree.elements.get(parent_index)?;
            if !is_only_child(&self.text, parent, &range) {
                return Some((simple, nothing()));
            }
            let gap = gap_before(&self.text, range.start);
            match Empty::traced(part(&self.text, gap.clone())) {
                Some(Empty::Pair) => return Some((parent.content(), nothing())),
                Some(Empty::Single) => {
                    return Some((parent.start_tag.end - 1..parent.range().end, "/>".to_owned()));
                }
                Some(Empty::Blank) => return Some((gap.start..range.end, nothing())),
                None if parent.parent.is_some() && self.could_be_own(parent) => index = parent_index,
                None => return Some((simple, nothing())),
            }
        }
    }

    /// Whether `set` could have created the element: it has no attribute that `set` does not write.
    fn could_be_own(&self, element: &Element) -> bool {
        element.attributes(&self.text).iter().all(|attribute| {
            let name = part(&self.text, attribute.name.clone());
            OWN_ATTRIBUTES.contains(&name) || name == "xmlns" || name.starts_with("xmlns:")
        })
    }
}
