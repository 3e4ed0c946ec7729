//! text - people's text to 25 symbols.
//!
//! Promise: understands what word processors, mail programs and keyboards do to a key, notes every repair with its
//! place, and names a fault by place and reason. The text itself is never repeated, except one character that no key
//! contains.

mod fault;
mod item;
mod repair;
mod scan;

pub use fault::Error;
pub use repair::{Note, Repair};

use super::placeholder;
use super::symbols::{self, Form, MARK, SYMBOL_COUNT, TEXT_LENGTH};
use item::{Item, is_wrapping, item};
use scan::Scan;
use zeroize::Zeroize;

/// The longest text that is read as a key, in characters.
pub const INPUT_LIMIT: usize = 256;

const GROUP_LENGTH: usize = 5;

/// Stands in [`Draft::symbols`] where the text had a character that no key contains.
pub(crate) const UNKNOWN: u8 = b'?';

/// A key in the making: what one text gave. One draft can read any number of texts; it is wiped on drop.
pub struct Draft {
    symbols: [u8; SYMBOL_COUNT],
    /// The symbol after the last, of a text that has one too many; else 0.
    surplus: u8,
    /// How many symbols the last text had.
    count: usize,
    columns: [u16; SYMBOL_COUNT],
    notes: Vec<Note>,
}

impl Default for Draft {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.symbols.zeroize();
        self.surplus.zeroize();
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Draft([secret elided])")
    }
}

impl Draft {
    /// An empty draft.
    pub fn new() -> Self {
        Self {
            symbols: [0; SYMBOL_COUNT],
            surplus: 0,
            count: 0,
            columns: USUAL_COLUMNS,
            notes: Vec::new(),
        }
    }

    /// The symbols that the last text gave: all 25 after `Ok`.
    pub fn symbols(&self) -> &[u8; SYMBOL_COUNT] {
        &self.symbols
    }

    /// The column, from 1, of a symbol (0 to 24) in the last text.
    pub fn column(&self, symbol: usize) -> usize {
        self.columns.get(symbol).copied().map_or(0, usize::from)
    }

    /// Asks `question` about the symbols of a text with too few, or with one too many; `None` for any longer text.
    pub(crate) fn with_symbols<T>(&self, question: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let mut symbols = [0; SYMBOL_COUNT + 1];
        let (last, first) = symbols.split_last_mut()?;
        first.copy_from_slice(&self.symbols);
        *last = self.surplus;
        let answer = symbols.get(..self.count).and_then(question);
        symbols.zeroize();
        answer
    }

    /// The repairs the last text needed.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Reads the usual writing and nothing else: 29 ASCII characters, capital letters, hyphens. No allocation.
    #[inline]
    pub fn read_usual(&mut self, text: &[u8]) -> bool {
        let Ok(text) = <&[u8; TEXT_LENGTH]>::try_from(text) else {
            return false;
        };
        let mut strange = 0;
        let (places, _) = self.symbols.as_chunks_mut::<GROUP_LENGTH>();
        let mut rest: &[u8] = text;
        for place in places {
            let Some((group, after)) = rest.split_first_chunk::<GROUP_LENGTH>() else {
                return false;
            };
            *place = *group;
            for &symbol in group {
                strange |= symbols::strangeness(symbol);
            }
            rest = match after {
                [dash, after @ ..] => {
                    strange |= dash ^ b'-';
                    after
                }
                [] => after,
            };
        }
        let fits = strange == 0;
        if fits {
            self.columns = USUAL_COLUMNS;
            self.notes.clear();
        }
        fits
    }

    /// Reads `text`: the symbols and their columns. Whether the letter `N` stands right is not checked here.
    ///
    /// # Errors
    /// [`Error`], except [`Error::SecondN`] and [`Error::LastN`]. After [`Error::NotASymbol`] the other symbols of
    /// the text have been read, so that they can be compared.
    pub fn read(&mut self, text: &str) -> Result<(), Error> {
        if self.read_usual(text.as_bytes()) {
            return match placeholder::recognise(text) {
                Some(kind) => Err(Error::Placeholder(kind)),
                None => Ok(()),
            };
        }
        self.read_any(text)
    }

    fn read_any(&mut self, text: &str) -> Result<(), Error> {
        self.symbols.zeroize();
        self.surplus = 0;
        self.count = 0;
        self.columns = [0; SYMBOL_COUNT];
        self.notes.clear();
        if text.len() > INPUT_LIMIT * 4 || text.chars().count() > INPUT_LIMIT {
            return Err(Error::TooLong);
        }
        if let Some(kind) = placeholder::recognise(text) {
            return Err(Error::Placeholder(kind));
        }
        let trim =
            |found: char| item(found.encode_utf8(&mut [0; 4])).is_ok_and(|(_, item)| is_wrapping(item));
        let end = text.trim_end_matches(trim).chars().count();
        let mut scan = Scan::default();
        let mut rest = text;
        let mut column = 0;
        while let Ok((after, item)) = item(rest) {
            rest = after;
            column += 1;
            let wrapping = is_wrapping(item) && (scan.count == 0 || column > end);
            self.take(item, column, wrapping, &mut scan);
        }
        let verdict = scan.verdict();
        if verdict.is_ok() && !scan.grouped {
            self.notes.push(Note {
                column: self.column(GROUP_LENGTH),
                repair: Repair::Ungrouped,
            });
        }
        verdict
    }

    fn take(&mut self, item: Item, column: usize, wrapping: bool, scan: &mut Scan) {
        let repair = match item {
            Item::Symbol(symbol, repair) => {
                self.place(symbol, column, scan);
                repair
            }
            Item::Quote if wrapping => Some(Repair::Quotes),
            Item::Invisible => Some(Repair::Invisible),
            Item::Blank(_) if wrapping => None,
            Item::Blank(repair) => {
                scan.gap(column, false);
                repair
            }
            Item::Dash(repair) => {
                scan.gap(column, true);
                repair
            }
            Item::Other(found) => {
                self.stray(found, column, scan);
                None
            }
            Item::Quote => {
                self.stray('"', column, scan);
                None
            }
        };
        if let Some(repair) = repair {
            self.notes.push(Note { column, repair });
        }
    }

    fn stray(&mut self, found: char, column: usize, scan: &mut Scan) {
        self.place(UNKNOWN, column, scan);
        let symbol = scan.count;
        scan.stray.get_or_insert(Error::NotASymbol {
            column,
            symbol,
            found,
        });
    }

    fn place(&mut self, symbol: u8, column: usize, scan: &mut Scan) {
        scan.symbol(column);
        self.count = scan.count;
        let place = scan.count - 1;
        if place == SYMBOL_COUNT {
            self.surplus = symbol;
        }
        if let (Some(target), Some(at)) = (self.symbols.get_mut(place), self.columns.get_mut(place)) {
            *target = symbol;
            *at = u16::try_from(column).unwrap_or(u16::MAX);
        }
    }
}

/// The columns of the symbols in the usual writing.
const USUAL_COLUMNS: [u16; SYMBOL_COUNT] = [
    1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29,
];

/// The generation of a draft that was read.
pub(crate) fn checked_form(draft: &Draft) -> Result<Form, Error> {
    symbols::form(draft.symbols()).ok_or_else(|| misplaced_n(draft, draft.symbols()))
}

/// Which rule of the letter `N` the symbols break; the columns are the draft's.
pub(crate) fn misplaced_n(draft: &Draft, symbols: &[u8; SYMBOL_COUNT]) -> Error {
    let second = symbols
        .iter()
        .enumerate()
        .filter(|&(_, &symbol)| symbol == MARK)
        .nth(1);
    match second {
        Some((place, _)) => Error::SecondN {
            column: draft.column(place),
            symbol: place + 1,
        },
        None => Error::LastN {
            column: draft.column(SYMBOL_COUNT - 1),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";

    fn read(text: &str) -> Result<Vec<Repair>, Error> {
        let mut draft = Draft::new();
        draft.read(text)?;
        assert_eq!(draft.symbols(), b"33PXH7Y6KF2VJC9XBBR8HVTHH");
        Ok(draft.notes().iter().map(|note| note.repair).collect())
    }

    #[test]
    fn the_usual_writing_needs_no_repair() {
        assert_eq!(read(PUBLISHED), Ok(vec![]));
        assert_eq!(read(&format!("  {PUBLISHED}\r\n")), Ok(vec![]));
    }

    #[test]
    fn every_dash_is_understood_and_noted() {
        for dash in "\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2015}\u{2212}\u{FE58}\u{FE63}\u{FF0D}".chars()
        {
            let text = PUBLISHED.replace('-', &dash.to_string());
            assert_eq!(read(&text), Ok(vec![Repair::Dash; 4]), "{dash:?}");
        }
    }

    #[test]
    fn spaces_quotes_case_and_width_are_repaired() {
        assert_eq!(read(&PUBLISHED.replace('-', " ")), Ok(vec![Repair::Space; 4]));
        assert_eq!(
            read(&PUBLISHED.replace('-', "\u{A0}-\u{2009}")),
            Ok(vec![Repair::Space; 8])
        );
        assert_eq!(
            read(&PUBLISHED.replace('-', "\u{200B}-")),
            Ok(vec![Repair::Invisible; 4])
        );
        assert_eq!(
            read(&format!("\u{201C}{PUBLISHED}\u{201D}")),
            Ok(vec![Repair::Quotes; 2])
        );
        assert_eq!(read(&PUBLISHED.replace('-', "")), Ok(vec![Repair::Ungrouped]));
        assert_eq!(
            read(&PUBLISHED.replacen("33", "３３", 1)),
            Ok(vec![Repair::FullWidth; 2])
        );
        assert_eq!(
            read("33Pxh-7Y6KF-2VJC9-XBBR8-HVTHH"),
            Ok(vec![Repair::LowerCase; 2])
        );
    }

    #[test]
    fn a_letter_no_key_contains_is_named_with_its_place() {
        let error = Error::NotASymbol {
            column: 8,
            symbol: 7,
            found: 'O',
        };
        assert_eq!(read("33PXH-7O6KF-2VJC9-XBBR8-HVTHH"), Err(error));
        assert_eq!(
            error.to_string().lines().next(),
            Some("column 8, symbol 7: no product key contains 'O'")
        );
    }

    #[test]
    fn a_quotation_mark_inside_a_key_is_a_fault() {
        let error = Error::NotASymbol {
            column: 8,
            symbol: 7,
            found: '"',
        };
        for mark in ["\"", "\u{201C}", "'"] {
            assert_eq!(read(&PUBLISHED.replacen('Y', mark, 1)), Err(error), "{mark}");
        }
    }

    #[test]
    fn a_fault_that_has_a_place_tells_its_column() {
        let column = |text: &str| read(text).unwrap_err().column();
        assert_eq!(column("33PXH-7O6KF-2VJC9-XBBR8-HVTHH"), Some(8));
        assert_eq!(column("33PX-H7Y6KF-2VJC9-XBBR8-HVTHH"), Some(5));
        assert_eq!(column("33PXH-7Y6KF-2VJC-XBBR8-HVTHH"), None);
        assert_eq!(column(""), None);
    }

    #[test]
    fn wrong_counts_and_groups_are_told_apart() {
        assert_eq!(
            read("33PXH-7Y6KF-2VJC-XBBR8-HVTHH"),
            Err(Error::Count {
                found: 24,
                group: Some(3)
            })
        );
        assert_eq!(
            read("33PXH-7Y6KF-2VJC9-XBBR8-HVTHHH"),
            Err(Error::Count {
                found: 26,
                group: Some(5)
            })
        );
        assert_eq!(
            read("33PXH-7Y6KF-2VJC9-XBBR8-HVTH"),
            Err(Error::Count {
                found: 24,
                group: Some(5)
            })
        );
        assert_eq!(
            read("33PX-H7Y6KF-2VJC9-XBBR8-HVTHH"),
            Err(Error::Grouping { column: 5 })
        );
        assert_eq!(
            read("33PXH7Y6KF-2VJC9-XBBR8-HVTHH"),
            Err(Error::Grouping { column: 11 })
        );
        assert_eq!(
            read("33PXH--7Y6KF-2VJC9-XBBR8-HVTHH"),
            Err(Error::Grouping { column: 7 })
        );
        assert_eq!(
            read("33PXH-7Y6KF-2VJC9-XBBR8-HVTHH-"),
            Err(Error::Grouping { column: 30 })
        );
        assert_eq!(read(" \n"), Err(Error::Empty));
        assert_eq!(read(&"B".repeat(300)), Err(Error::TooLong));
    }

    #[test]
    fn errors_never_repeat_the_text() {
        for text in [
            "33PXH-7O6KF-2VJC9-XBBR8-HVTHH",
            "33PXH-7Y6KF-2VJC-XBBR8-HVTHH",
            "33PX-H7Y6KF-2VJC9-XBBR8-HVTHH",
        ] {
            let told = format!("{0} {0:?}", read(text).unwrap_err());
            assert!(text.split('-').all(|group| !told.contains(group)), "{told}");
        }
    }

    #[test]
    fn sentences_name_the_group_and_the_column() {
        let error = read("33PXH-7Y6KF-2VJC-XBBR8-HVTHH").unwrap_err();
        assert!(error.to_string().contains("group 3 has not five"), "{error}");
        // A doubled dash ends no group.
        assert_eq!(
            read("33PXH-7Y6KF--2VJC9-XBBR8-HVTH"),
            Err(Error::Count {
                found: 24,
                group: Some(3)
            })
        );
        let note = Note {
            column: 6,
            repair: Repair::Dash,
        };
        assert_eq!(note.to_string(), "column 6: typographic dash read as hyphen");
    }

    #[test]
    fn a_draft_tells_columns_and_repairs_and_hides_the_rest() {
        let mut draft = Draft::new();
        draft.read(&PUBLISHED.to_lowercase()).unwrap();
        assert_eq!(draft.take_notes().len(), 18);
        assert!(draft.notes().is_empty());
        draft.read(&format!(" \u{200B}{PUBLISHED}")).unwrap();
        assert_eq!(
            [0, 4, 5, 24, 25].map(|symbol| draft.column(symbol)),
            [3, 7, 9, 31, 0]
        );
        assert_eq!(format!("{draft:?}"), "Draft([secret elided])");
    }

    #[test]
    fn the_usual_writing_is_known_at_once() {
        let mut draft = Draft::new();
        assert!(draft.read_usual(PUBLISHED.as_bytes()));
        assert_eq!(draft.symbols(), b"33PXH7Y6KF2VJC9XBBR8HVTHH");
        for other in ["P", "\0", "\u{1}", "m", " "] {
            assert!(
                !draft.read_usual(PUBLISHED.replace('-', other).as_bytes()),
                "{other:?}"
            );
            assert!(!draft.read_usual(PUBLISHED.replacen('-', other, 1).as_bytes()));
        }
        assert!(!draft.read_usual(&PUBLISHED.as_bytes()[1..]));
    }

    #[test]
    fn too_few_symbols_and_one_too_many_can_be_asked_about() {
        let mut draft = Draft::new();
        let symbols = |draft: &Draft| draft.with_symbols(|symbols| Some(symbols.to_vec()));
        draft.read(PUBLISHED.strip_suffix('H').unwrap()).unwrap_err();
        assert_eq!(symbols(&draft).unwrap(), b"33PXH7Y6KF2VJC9XBBR8HVTH");
        draft.read(&format!("{PUBLISHED}J")).unwrap_err();
        assert_eq!(symbols(&draft).unwrap(), b"33PXH7Y6KF2VJC9XBBR8HVTHHJ");
        draft.read(&format!("{PUBLISHED}JK")).unwrap_err();
        assert_eq!(symbols(&draft), None);
    }

    #[test]
    fn the_longest_text_is_counted_in_characters() {
        let at_limit = "\u{1D401}".repeat(INPUT_LIMIT);
        assert!(matches!(
            read(&at_limit),
            Err(Error::NotASymbol { column: 1, .. })
        ));
        let plain = "B".repeat(INPUT_LIMIT);
        assert!(matches!(
            read(&plain),
            Err(Error::Count {
                found: INPUT_LIMIT,
                ..
            })
        ));
        assert_eq!(read(&format!("{plain}B")), Err(Error::TooLong));
        assert_eq!(read(&format!("{at_limit}B")), Err(Error::TooLong));
    }

    #[test]
    fn the_letter_n_is_found_where_it_stands_wrong() {
        let mut draft = Draft::new();
        let mut form_of = |text: &str| {
            draft.read(text).unwrap();
            checked_form(&draft)
        };
        let second = PUBLISHED.replacen('Y', "N", 1).replacen('V', "N", 1);
        assert_eq!(
            form_of(&second),
            Err(Error::SecondN {
                column: 14,
                symbol: 12
            })
        );
        let last = format!("{}N", PUBLISHED.strip_suffix('H').unwrap());
        assert_eq!(form_of(&last), Err(Error::LastN { column: 29 }));
        assert_eq!(form_of(PUBLISHED), Ok(Form::Pkey2005));
    }
}
