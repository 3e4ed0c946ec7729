//! symbols - the 25 symbols of a key, the number they write in base 24, and the 16 bytes Windows stores.
//!
//! Source of the layout: verified by computing on every published key and on stored blobs of real installations.

use zeroize::Zeroizing;

/// How many symbols a key has.
pub const SYMBOL_COUNT: usize = 25;

/// How many characters the usual writing has: five groups of five and four dashes.
pub const TEXT_LENGTH: usize = 29;

/// How many bytes Windows stores for a key.
pub const STORED_LENGTH: usize = 16;

/// The digits of base 24 in ascending order. `N` is no digit: it marks the keys of Windows 8 and later.
pub const ALPHABET: &[u8; 24] = b"BCDFGHJKMPQRTVWXY2346789";

/// The letter whose place is the top digit in keys of Windows 8 and later.
pub(crate) const MARK: u8 = b'N';

/// Set in the stored number of a key that has the letter `N`.
pub(crate) const MARK_BIT: u128 = 1 << 115;

const BASE: u64 = 24;
const NO_DIGIT: u8 = 0xFF;

/// Which generation a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// No `N`: Windows Vista to 7, Office 2010, and most KMS host keys. Group and serial cannot be read from it.
    Pkey2005,
    /// Exactly one `N`: Windows 8, Office 2013 and later. Group, serial and a checksum can be read.
    Pkey2009,
}

const DIGITS: [u8; 256] = digits();

const fn digits() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0u8;
    let mut rest: &[u8] = ALPHABET;
    while let [symbol, tail @ ..] = rest {
        #[expect(
            clippy::indexing_slicing,
            reason = "a byte always indexes 256 entries; checked at compile time"
        )]
        {
            table[*symbol as usize] = value;
        }
        value += 1;
        rest = tail;
    }
    table
}

/// The value of a base-24 digit; `None` for `N` and for everything that no key contains.
pub(crate) fn digit(symbol: u8) -> Option<u8> {
    let value = DIGITS.get(usize::from(symbol)).copied().unwrap_or(NO_DIGIT);
    (value != NO_DIGIT).then_some(value)
}

/// Not of the alphabet: 1, else 0. One look-up for each symbol of long lists.
const STRANGE: [u8; 256] = strange();

const fn strange() -> [u8; 256] {
    let mut table = [0; 256];
    let mut symbol = 0;
    #[expect(clippy::indexing_slicing, reason = "symbol < 256; checked at compile time")]
    while symbol < table.len() {
        table[symbol] = (DIGITS[symbol] == NO_DIGIT && symbol != MARK as usize) as u8;
        symbol += 1;
    }
    table
}

/// 0 if keys contain this symbol, else 1.
#[inline]
pub(crate) fn strangeness(symbol: u8) -> u8 {
    STRANGE.get(usize::from(symbol)).copied().unwrap_or(1)
}

/// Whether keys contain this symbol.
pub(crate) fn is_symbol(symbol: u8) -> bool {
    strangeness(symbol) == 0
}

/// The generation of 25 symbols; `None` if there are two or more `N`, or one in the last place.
#[expect(
    clippy::naive_bytecount,
    reason = "25 bytes are counted before a faster way has begun"
)]
pub fn form(symbols: &[u8; SYMBOL_COUNT]) -> Option<Form> {
    let marks = symbols.iter().filter(|&&symbol| symbol == MARK).count();
    match marks {
        0 => Some(Form::Pkey2005),
        1 if symbols.last() != Some(&MARK) => Some(Form::Pkey2009),
        _ => None,
    }
}

/// The number of 25 symbols without the mark bit, and the generation; `None` if [`form`] gives none or a symbol is
/// not of the alphabet.
pub(crate) fn number(symbols: &[u8; SYMBOL_COUNT]) -> Option<(Zeroizing<u128>, Form)> {
    // Twelve digits fit in 64 bits; 128-bit multiplication happens twice instead of 25 times.
    const TWELVE: usize = 12;
    const TWELVE_DIGITS: u128 = (BASE as u128).pow(12);
    let mut top = None;
    let mut halves = [0u64; 2];
    let mut count = 0usize;
    for (place, &symbol) in (0u64..).zip(symbols) {
        if symbol == MARK {
            if top.replace(place).is_some() {
                return None;
            }
            continue;
        }
        let value = u64::from(digit(symbol)?);
        if top.is_none() && count == 24 {
            // The 25th digit of a key without `N`: the first digit becomes the top one.
            let [high, low] = halves;
            let upper = u128::from(high) * TWELVE_DIGITS + u128::from(low);
            let whole = upper * u128::from(BASE) + u128::from(value);
            return Some((Zeroizing::new(whole), Form::Pkey2005));
        }
        let half = if count < TWELVE {
            halves.first_mut()
        } else {
            halves.last_mut()
        };
        if let Some(half) = half {
            *half = *half * BASE + value;
        }
        count += 1;
    }
    let place = top.filter(|&place| place < 24)?;
    let [high, low] = halves;
    let digits = u128::from(high) * TWELVE_DIGITS + u128::from(low);
    let whole = u128::from(place) * TWELVE_DIGITS * TWELVE_DIGITS + digits;
    Some((Zeroizing::new(whole), Form::Pkey2009))
}

/// The 16 bytes Windows stores for 25 symbols; `None` as for [`form`].
pub fn stored_bytes(symbols: &[u8; SYMBOL_COUNT]) -> Option<Zeroizing<[u8; STORED_LENGTH]>> {
    let (mut number, form) = number(symbols)?;
    if form == Form::Pkey2009 {
        *number |= MARK_BIT;
    }
    Some(Zeroizing::new(number.to_le_bytes()))
}

/// The 25 symbols of 16 stored bytes, written to `symbols`; `None` if they are no key's.
pub(crate) fn from_stored(stored: &[u8; STORED_LENGTH], symbols: &mut [u8; SYMBOL_COUNT]) -> Option<Form> {
    let mut number = Zeroizing::new(u128::from_le_bytes(*stored));
    let form = if *number & MARK_BIT == 0 {
        Form::Pkey2005
    } else {
        Form::Pkey2009
    };
    *number &= !MARK_BIT;
    let base = u128::from(BASE);
    for place in symbols.iter_mut().rev() {
        let value = usize::try_from(*number % base).ok()?;
        *number /= base;
        *place = *ALPHABET.get(value)?;
    }
    if *number != 0 {
        return None; // more than 25 digits
    }
    if form == Form::Pkey2009 {
        // The top digit says where `N` stands; the digits before that place move up by one.
        let place = usize::from(digit(*symbols.first()?)?);
        symbols.get_mut(..=place)?.rotate_left(1);
        *symbols.get_mut(place)? = MARK;
    }
    Some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_keys_come_back_from_their_stored_bytes() {
        for text in [
            b"33PXH7Y6KF2VJC9XBBR8HVTHH",
            b"NPPR9FWDCXD2C8JH872K2YT43",
            b"NG4HWVH26C733KWK6F98J8CK4",
        ] {
            let stored = stored_bytes(text).unwrap();
            let mut back = [0; SYMBOL_COUNT];
            assert_eq!(from_stored(&stored, &mut back), form(text));
            assert_eq!(&back, text);
        }
    }

    #[test]
    fn a_key_of_windows_10_has_the_known_bytes() {
        // Computed independently in arbitrary-precision arithmetic.
        let stored = stored_bytes(b"NPPR9FWDCXD2C8JH872K2YT43").unwrap();
        assert_eq!(stored.get(15), Some(&0));
        assert_eq!(stored.get(14).map(|byte| byte & 8), Some(8));
        assert_eq!(
            u32::from_le_bytes([stored[0], stored[1], stored[2], 0]) & 0xF_FFFF,
            3290
        );
    }

    #[test]
    fn the_letter_n_stands_once_and_never_last() {
        assert_eq!(form(b"NPPR9FWDCXD2C8JH872K2YT4N"), None);
        assert_eq!(form(b"PPPR9FWDCXD2C8JH872K2YT4N"), None);
        assert_eq!(stored_bytes(b"PPPR9FWDCXD2C8JH872K2YT4N"), None);
        assert_eq!(form(b"PPPR9FWDCXD2C8JH872K2YT4P"), Some(Form::Pkey2005));
    }

    #[test]
    fn keys_contain_the_alphabet_and_n_and_nothing_else() {
        for byte in 0..=u8::MAX {
            let value = ALPHABET.iter().position(|&symbol| symbol == byte);
            assert_eq!(digit(byte).map(usize::from), value, "{byte}");
            assert_eq!(is_symbol(byte), value.is_some() || byte == MARK, "{byte}");
        }
    }

    #[test]
    fn more_than_25_digits_are_no_key() {
        let mut symbols = [0; SYMBOL_COUNT];
        assert_eq!(from_stored(&[0xFF; 16], &mut symbols), None);
    }
}
