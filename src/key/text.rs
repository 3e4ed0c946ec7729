//! text - people's text to 25 symbols.
//!
//! Promise: understands what word processors, mail programs and keyboards do to a key, notes every repair with its
//! place, and names a fault by place and reason. The text itself is never repeated, except one character that no key
//! contains.

use super::placeholder::{self, Placeholder};
use super::symbols::{self, Form, MARK, SYMBOL_COUNT, TEXT_LENGTH};
use nom::branch::alt;
use nom::character::complete::{anychar, satisfy};
use nom::combinator::map;
use nom::{IResult, Parser};
use zeroize::Zeroize;

/// The longest text that is read as a key, in characters.
pub const INPUT_LIMIT: usize = 256;

const GROUP_LENGTH: usize = 5;
const GROUP_COUNT: usize = 5;

/// Stands in [`Draft::symbols`] where the text had a character that no key contains.
pub(crate) const UNKNOWN: u8 = b'?';

/// Why a text is not a key. Columns count characters of the input from 1, symbols and groups of the key from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing but white space.
    #[error("there is no key here, only white space\nGive the 25 symbols of a product key.")]
    Empty,
    /// More than [`INPUT_LIMIT`] characters.
    #[error(
        "more than {INPUT_LIMIT} characters, so this is not a product key\nGive one key on a line of its own."
    )]
    TooLong,
    /// A text that stands for no key.
    #[error("{0}\nGive a real key, or --gvlk for Microsoft's published one.")]
    Placeholder(Placeholder),
    /// A character that no key contains.
    #[error(
        "column {column}, symbol {symbol}: no product key contains {}\n{}",
        shown(*.found),
        advice(*.found)
    )]
    NotASymbol {
        /// Column in the input.
        column: usize,
        /// Which symbol of the key stands there.
        symbol: usize,
        /// The character.
        found: char,
    },
    /// Not 25 symbols.
    #[error("{found} symbols where a key has 25{}\nCompare the key with its source.", in_group(*.group))]
    Count {
        /// How many symbols there are.
        found: usize,
        /// The first group that has not five symbols.
        group: Option<usize>,
    },
    /// 25 symbols, but not in five groups of five.
    #[error(
        "column {column}: the dashes do not make five groups of five symbols\nPut a dash after every fifth symbol."
    )]
    Grouping {
        /// Column in the input where a group ends too early or too late.
        column: usize,
    },
    /// A second letter `N`.
    #[error(
        "column {column}, symbol {symbol}: a second letter N, and no key has two\nCompare the key with its source; H, M and W look alike."
    )]
    SecondN {
        /// Column in the input.
        column: usize,
        /// Which symbol of the key stands there.
        symbol: usize,
    },
    /// The letter `N` in the last place.
    #[error(
        "column {column}: the letter N stands last, where no key has it\nCompare the key with its source."
    )]
    LastN {
        /// Column in the input.
        column: usize,
    },
}

impl Error {
    /// The column of the fault in the input, from 1, where it has one.
    pub fn column(&self) -> Option<usize> {
        match *self {
            Self::NotASymbol { column, .. }
            | Self::Grouping { column }
            | Self::SecondN { column, .. }
            | Self::LastN { column } => Some(column),
            Self::Empty | Self::TooLong | Self::Placeholder(_) | Self::Count { .. } => None,
        }
    }
}

fn shown(found: char) -> String {
    if found.is_ascii_graphic() {
        format!("'{found}'")
    } else {
        format!(
            "'{}' (U+{:04X})",
            crate::text::printable(found.encode_utf8(&mut [0; 4])),
            u32::from(found)
        )
    }
}

/// What a character that no key contains is often taken for.
fn advice(found: char) -> &'static str {
    match found.to_ascii_uppercase() {
        'O' | '0' => "Look again: it may be Q, D or C.",
        'I' | 'L' | '1' => "Look again: it may be J, T or 7.",
        'S' | '5' => "Look again: it may be 8, 3 or 6.",
        'Z' => "Look again: it may be 2 or 7.",
        'A' => "Look again: it may be 4, R or H.",
        'E' => "Look again: it may be F, B or 3.",
        'U' => "Look again: it may be V, W or J.",
        _ => "Compare the key with its source.",
    }
}

fn in_group(group: Option<usize>) -> String {
    group
        .map(|group| format!(" (group {group} has not five)"))
        .unwrap_or_default()
}

/// A repair, and the first column where it was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Column in the input, from 1.
    pub column: usize,
    /// What was repaired.
    pub repair: Repair,
}

/// What the reader put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// A small letter was read as a capital one.
    LowerCase,
    /// A full-width letter or digit was read as the plain one.
    FullWidth,
    /// Another kind of dash was read as a hyphen.
    Dash,
    /// White space between symbols was read as a separator, or dropped beside one.
    Space,
    /// A character without width was dropped.
    Invisible,
    /// Quotation marks around the key were dropped.
    Quotes,
    /// 25 symbols without any dash were put in groups.
    Ungrouped,
}

impl std::fmt::Display for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.repair {
            Repair::LowerCase => "small letter read as capital",
            Repair::FullWidth => "full-width character read as plain",
            Repair::Dash => "typographic dash read as hyphen",
            Repair::Space => "white space read as separator",
            Repair::Invisible => "invisible character dropped",
            Repair::Quotes => "quotation mark dropped",
            Repair::Ungrouped => "dashes added after every fifth symbol",
        };
        write!(formatter, "column {}: {what}", self.column)
    }
}

/// One character of the input, as the grammar sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Symbol(u8, Option<Repair>),
    Dash(Option<Repair>),
    Blank(Option<Repair>),
    Invisible,
    Quote,
    Other(char),
}

fn plain(input: &str) -> IResult<&str, Item> {
    map(satisfy(|found| found.is_ascii_alphanumeric()), |found| {
        let repair = found.is_ascii_lowercase().then_some(Repair::LowerCase);
        symbol(found, found, repair)
    })
    .parse(input)
}

fn full_width(input: &str) -> IResult<&str, Item> {
    map(satisfy(|found| narrow(found).is_some()), |found| {
        symbol(narrow(found).unwrap_or(found), found, Some(Repair::FullWidth))
    })
    .parse(input)
}

/// The plain form of a full-width letter or digit.
fn narrow(found: char) -> Option<char> {
    const DISTANCE: u32 = 0xFEE0;
    let plain = char::from_u32(u32::from(found).checked_sub(DISTANCE)?)?;
    plain.is_ascii_alphanumeric().then_some(plain)
}

fn symbol(plain: char, found: char, repair: Option<Repair>) -> Item {
    let capital = u8::try_from(plain.to_ascii_uppercase()).unwrap_or_default();
    if symbols::is_symbol(capital) {
        Item::Symbol(capital, repair)
    } else {
        Item::Other(found)
    }
}

fn dash(input: &str) -> IResult<&str, Item> {
    let other = |found: char| {
        matches!(
            found,
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' | '\u{AD}'
        )
    };
    alt((
        map(satisfy(|found| found == '-'), |_| Item::Dash(None)),
        map(satisfy(other), |_| Item::Dash(Some(Repair::Dash))),
    ))
    .parse(input)
}

fn blank(input: &str) -> IResult<&str, Item> {
    map(satisfy(char::is_whitespace), |_| Item::Blank(Some(Repair::Space))).parse(input)
}

fn invisible(input: &str) -> IResult<&str, Item> {
    let without_width = |found| matches!(found, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}');
    map(satisfy(without_width), |_| Item::Invisible).parse(input)
}

fn quote(input: &str) -> IResult<&str, Item> {
    let mark = |found| {
        matches!(
            found,
            '"' | '\'' | '`' | '\u{2018}'..='\u{201F}' | '«' | '»' | '\u{FF02}' | '\u{FF07}'
        )
    };
    map(satisfy(mark), |_| Item::Quote).parse(input)
}

fn item(input: &str) -> IResult<&str, Item> {
    alt((
        plain,
        dash,
        blank,
        full_width,
        invisible,
        quote,
        map(anychar, Item::Other),
    ))
    .parse(input)
}

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

fn is_wrapping(item: Item) -> bool {
    matches!(item, Item::Blank(_) | Item::Quote | Item::Invisible)
}

/// How far the reading of one text has come.
#[derive(Default)]
struct Scan {
    /// Symbols so far, also beyond 25.
    count: usize,
    /// Symbols since the last separator.
    in_group: usize,
    /// Groups closed by a separator.
    groups: usize,
    /// A separator stands before the next symbol: whether a dash was among it.
    pending: Option<bool>,
    /// Any separator was seen.
    grouped: bool,
    /// Where and in which group five symbols did not stand together.
    uneven: Option<(usize, usize)>,
    /// The column of the last separator.
    last_gap: usize,
    stray: Option<Error>,
}

impl Scan {
    fn symbol(&mut self, column: usize) {
        self.pending = None;
        self.count += 1;
        self.in_group += 1;
        if self.in_group > GROUP_LENGTH && self.grouped {
            self.uneven.get_or_insert((column, self.groups + 1));
        }
    }

    fn gap(&mut self, column: usize, is_dash: bool) {
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

    fn verdict(&self) -> Result<(), Error> {
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
    fn advice_names_only_symbols_that_keys_contain() {
        let general = advice('!');
        for found in "O0oIL1S5ZAEU".chars() {
            let text = advice(found);
            assert_ne!(text, general, "{found}");
            let (_, symbols) = text.split_once("may be ").unwrap();
            let named = symbols.chars().filter(|symbol| !matches!(symbol, 'o' | 'r'));
            let named: Vec<char> = named.filter(char::is_ascii_alphanumeric).collect();
            assert!(named.len() >= 2, "{found}");
            for symbol in named {
                assert!(
                    item(symbol.encode_utf8(&mut [0; 4]))
                        .is_ok_and(|(_, item)| matches!(item, Item::Symbol(_, None))),
                    "{found}: {symbol}"
                );
            }
        }
        assert!(general.ends_with("its source."));
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
