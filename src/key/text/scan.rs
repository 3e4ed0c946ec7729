//! scan - whether symbols and separators make five groups of five.

use super::fault::Error;
use super::{GROUP_LENGTH, SYMBOL_COUNT};

const GROUP_COUNT: usize = 5;

/// How far the reading of one text has come.
#[derive(Default)]
pub(super) struct Scan {
    /// Symbols so far, also beyond 25.
    pub(super) count: usize,
    /// Symbols since the last separator.
    in_group: usize,
    /// Groups closed by a separator.
    groups: usize,
    /// A separator stands before the next symbol: whether a dash was among it.
    pending: Option<bool>,
    /// Any separator was seen.
    pub(super) grouped: bool,
    /// Where and in which group five symbols did not stand together.
    uneven: Option<(usize, usize)>,
    /// The column of the last separator.
    last_gap: usize,
    /// The first character that no key contains.
    pub(super) stray: Option<Error>,
}

impl Scan {
    /// A symbol comes.
    pub(super) fn symbol(&mut self, column: usize) {
        self.pending = None;
        self.count += 1;
        self.in_group += 1;
        if self.in_group > GROUP_LENGTH && self.grouped {
            self.uneven.get_or_insert((column, self.groups + 1));
        }
    }

    /// A separator comes.
    pub(super) fn gap(&mut self, column: usize, is_dash: bool) {
        self.last_gap = column;
        match (self.pending, is_dash) {
            (None, _) => {
                // The first separator shows whether the group before it was too long.
                if self.in_group != GROUP_LENGTH {
                    self.uneven.get_or_insert((column, self.groups + 1));
                }
                self.groups += 1;
                self.in_group = 0;
                self.grouped = true;
                self.pending = Some(is_dash);
            }
            (Some(false), true) => self.pending = Some(true),
            (Some(true), true) => {
                self.uneven.get_or_insert((column, self.groups + 1));
            }
            (Some(_), false) => {}
        }
    }

    /// Whether these were five groups of five symbols.
    pub(super) fn verdict(&self) -> Result<(), Error> {
        if self.count == 0 {
            return Err(Error::Empty);
        }
        if let Some(stray) = self.stray {
            return Err(stray);
        }
        let short_end = (self.grouped && self.in_group != GROUP_LENGTH).then_some(self.groups + 1);
        if self.count != SYMBOL_COUNT {
            let group = self
                .uneven
                .map(|(_, group)| group)
                .or(short_end)
                .filter(|&group| group <= GROUP_COUNT);
            return Err(Error::Count {
                found: self.count,
                group,
            });
        }
        let column = self
            .uneven
            .map(|(column, _)| column)
            .or(short_end.map(|_| self.last_gap));
        column.map_or(Ok(()), |column| Err(Error::Grouping { column }))
    }
}
