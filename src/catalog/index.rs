//! index - a published key by its symbols, and the published key that a typo stands next to.
//!
//! Promise: no allocation, a handful of cache lines. A wrong symbol, or two that changed places, leave at least one of
//! three eight-symbol pieces whole; so three small hash tables find every published key that is near.

use super::PublishedKey;
use super::tables::{PUBLISHED, SYMBOLS};
use crate::key::SYMBOL_COUNT;

/// Pieces start at these symbols; the last symbol belongs to none.
const PIECE_LENGTH: usize = 8;
const PIECES: usize = 3;
/// A power of two, several times the number of keys.
const SLOTS: usize = 1024;
const EMPTY: u8 = 0;
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// For each piece: slot to row number plus one.
static TABLES: [[u8; SLOTS]; PIECES] = tables();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time: a mistake stops the build"
)]
const fn tables() -> [[u8; SLOTS]; PIECES] {
    assert!(SYMBOLS.len() < 256);
    let mut tables = [[EMPTY; SLOTS]; PIECES];
    let mut piece = 0;
    while piece < PIECES {
        let mut row = 0;
        while row < SYMBOLS.len() {
            let mut slot = slot(piece_of(&SYMBOLS[row], piece));
            while tables[piece][slot] != EMPTY {
                slot = (slot + 1) % SLOTS;
            }
            tables[piece][slot] = row as u8 + 1;
            row += 1;
        }
        piece += 1;
    }
    tables
}

#[inline]
const fn piece_of(symbols: &[u8; SYMBOL_COUNT], piece: usize) -> u64 {
    let (pieces, _) = symbols.as_chunks::<PIECE_LENGTH>();
    match pieces {
        [first, ..] if piece == 0 => u64::from_le_bytes(*first),
        [_, second, ..] if piece == 1 => u64::from_le_bytes(*second),
        [_, _, third, ..] => u64::from_le_bytes(*third),
        _ => 0,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "ten bits fit in every usize")]
const fn slot(piece: u64) -> usize {
    (piece.wrapping_mul(SPREAD) >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

/// The rows that share a piece with `symbols`.
#[inline]
fn candidates(
    symbols: &[u8; SYMBOL_COUNT],
    piece: usize,
) -> impl Iterator<Item = (usize, &'static [u8; SYMBOL_COUNT])> {
    let wanted = piece_of(symbols, piece);
    let table = TABLES.get(piece);
    let mut slot = slot(wanted);
    std::iter::from_fn(move || {
        let entry = *table?.get(slot)?;
        slot = (slot + 1) % SLOTS;
        let row = usize::from(entry).checked_sub(1)?;
        Some((row, SYMBOLS.get(row)?))
    })
    .filter(move |(_, own)| piece_of(own, piece) == wanted)
}

/// The published key of 25 symbols in upper case.
#[inline]
pub fn by_symbols(symbols: &[u8; SYMBOL_COUNT]) -> Option<&'static PublishedKey> {
    let (row, _) = candidates(symbols, 0).find(|(_, own)| *own == symbols)?;
    PUBLISHED.get(row)
}

/// A published key that differs in one symbol, or in two that changed places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// The published key.
    pub key: &'static PublishedKey,
    /// Which symbol is wrong, from 0; the first of two.
    pub symbol: usize,
    /// The symbol that changed places with it, from 0.
    pub swapped_with: Option<usize>,
}

/// The published key that `symbols` were probably meant to be. Characters that no key contains count as wrong symbols.
pub fn near(symbols: &[u8; SYMBOL_COUNT]) -> Option<Near> {
    for piece in 0..PIECES {
        for (row, own) in candidates(symbols, piece) {
            if let Some(near) = compare(row, own, symbols) {
                return Some(near);
            }
        }
    }
    None
}

fn compare(row: usize, own: &[u8; SYMBOL_COUNT], symbols: &[u8; SYMBOL_COUNT]) -> Option<Near> {
    // A bit for each symbol that differs; without a branch for each.
    let pairs = own.iter().zip(symbols).zip(0u32..);
    let wrong = pairs.fold(0u32, |wrong, ((own, symbol), at)| {
        wrong | (u32::from(own != symbol) << at)
    });
    let symbol = usize::try_from(wrong.trailing_zeros()).ok()?;
    let swapped_with = match wrong.count_ones() {
        1 => None,
        2 => {
            let other = usize::try_from(u32::BITS - 1 - wrong.leading_zeros()).ok()?;
            if own.get(symbol) != symbols.get(other) || own.get(other) != symbols.get(symbol) {
                return None;
            }
            Some(other)
        }
        _ => return None,
    };
    Some(Near {
        key: PUBLISHED.get(row)?,
        symbol,
        swapped_with,
    })
}

/// The published key that `symbols` become by adding one symbol (of 24) or by dropping one (of 26), if exactly one does.
pub fn one_off(symbols: &[u8]) -> Option<&'static PublishedKey> {
    if symbols.len().abs_diff(SYMBOL_COUNT) != 1 {
        return None;
    }
    let shorter = symbols.len().min(SYMBOL_COUNT);
    let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
    let mut fitting = SYMBOLS.iter().enumerate().filter(|(_, own)| {
        let start = own.iter().zip(symbols).take_while(same).count();
        let end = own
            .iter()
            .rev()
            .zip(symbols.iter().rev())
            .take_while(same)
            .count();
        start + end >= shorter
    });
    let (row, _) = fitting.next()?;
    if fitting.next().is_some() {
        return None;
    }
    PUBLISHED.get(row)
}

/// The place of a row in [`super::published`].
pub fn row_number(key: &'static PublishedKey) -> Option<usize> {
    let distance = std::ptr::from_ref(key)
        .addr()
        .checked_sub(PUBLISHED.as_ptr().addr())?;
    let row = distance / size_of::<PublishedKey>();
    (row < PUBLISHED.len()).then_some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_key_is_found_by_its_symbols() {
        for (row, symbols) in SYMBOLS.iter().enumerate() {
            let key = by_symbols(symbols).unwrap();
            assert!(std::ptr::eq(key, &raw const PUBLISHED[row]));
            assert_eq!(key.text.replace('-', "").as_bytes(), symbols);
            assert_eq!(near(symbols), None);
        }
    }

    #[test]
    fn every_wrong_symbol_and_every_swap_finds_its_way_back() {
        for symbols in &SYMBOLS {
            for at in 0..SYMBOL_COUNT {
                let mut typo = *symbols;
                typo[at] = b'?';
                let found = near(&typo).unwrap();
                assert_eq!((found.symbol, found.swapped_with), (at, None));
                for other in at + 1..SYMBOL_COUNT {
                    let mut typo = *symbols;
                    typo.swap(at, other);
                    if typo != *symbols {
                        let found = near(&typo).unwrap();
                        assert_eq!((found.symbol, found.swapped_with), (at, Some(other)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_lost_or_added_symbol_finds_its_way_back() {
        for (row, symbols) in SYMBOLS.iter().enumerate() {
            assert_eq!(row_number(&PUBLISHED[row]), Some(row));
            for at in 0..SYMBOL_COUNT {
                let lost = [&symbols[..at], &symbols[at + 1..]].concat();
                assert_eq!(one_off(&lost), PUBLISHED.get(row));
                let doubled = [&symbols[..at], &symbols[at..=at], &symbols[at..]].concat();
                assert_eq!(one_off(&doubled), PUBLISHED.get(row));
            }
            assert_eq!(one_off(symbols), None);
            assert_eq!(one_off(&symbols[2..]), None);
        }
    }

    #[test]
    fn other_symbols_are_near_to_nothing() {
        assert_eq!(near(b"BBBBBBBBBBBBBBBBBBBBBBBBB"), None);
        assert_eq!(by_symbols(&[0; SYMBOL_COUNT]), None);
    }
}
