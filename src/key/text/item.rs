//! item - the grammar of a key's text: what one character is, however it is written.

use super::repair::Repair;
use crate::key::symbols;
use nom::branch::alt;
use nom::character::complete::{anychar, satisfy};
use nom::combinator::map;
use nom::{IResult, Parser};

/// One character of the input, as the grammar sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
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

/// The next character.
pub(super) fn item(input: &str) -> IResult<&str, Item> {
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

/// Whether it may stand around a key.
pub(super) fn is_wrapping(item: Item) -> bool {
    matches!(item, Item::Blank(_) | Item::Quote | Item::Invisible)
}
