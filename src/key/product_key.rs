//! `product_key` - the one owner of a key.

use super::symbols::{self, Form, STORED_LENGTH, SYMBOL_COUNT, TEXT_LENGTH};
use super::text::{self, Draft, Error, Note};
use super::{Fields, Placeholder};
use crate::secret::Secret;

/// A product key: 25 symbols in locked memory that is wiped on drop.
///
/// It cannot be cloned, printed or serialised by accident; `Debug` shows nothing of it.
pub struct ProductKey {
    symbols: Secret<SYMBOL_COUNT>,
    form: Form,
}

/// A key and what had to be repaired in its text.
#[derive(Debug)]
pub struct Parsed {
    /// The key.
    pub key: ProductKey,
    /// Repairs in the order of their places; empty for text in the usual writing.
    pub notes: Vec<Note>,
}

/// What 16 stored bytes hold.
#[derive(Debug)]
pub enum Stored {
    /// A key.
    Key(ProductKey),
    /// Sixteen zero bytes: the key was cleared.
    Cleared,
    /// A number that no key has.
    NotAKey,
}

impl ProductKey {
    /// A key from text as people write it.
    ///
    /// # Errors
    /// [`Error`], which names place and reason and never the text.
    ///
    /// ```
    /// let parsed = wimkey::key::ProductKey::parse(" 33pxh-7y6kf-2vjc9-xbbr8-hvthh\n").unwrap();
    /// assert_eq!(parsed.key.partial(), "*****-*****-*****-*****-HVTHH");
    /// assert!(!parsed.notes.is_empty());
    /// ```
    pub fn parse(text: &str) -> Result<Parsed, Error> {
        let mut draft = Draft::new();
        draft.read(text)?;
        let form = text::checked_form(&draft)?;
        let mut symbols = Secret::new();
        symbols.expose_mut().copy_from_slice(draft.symbols());
        let key = Self { symbols, form };
        Ok(Parsed {
            key,
            notes: draft.take_notes(),
        })
    }

    /// A key from its 25 symbols in upper case; `None` if no key has them.
    pub fn from_symbols(symbols: &[u8; SYMBOL_COUNT]) -> Option<Self> {
        let form = symbols::form(symbols)?;
        if !symbols.iter().all(|&symbol| symbols::is_symbol(symbol)) {
            return None;
        }
        let mut secret = Secret::new();
        secret.expose_mut().copy_from_slice(symbols);
        Some(Self {
            symbols: secret,
            form,
        })
    }

    /// The key in the 16 bytes that Windows stores.
    pub fn from_stored(stored: &[u8; STORED_LENGTH]) -> Stored {
        if stored == &[0; STORED_LENGTH] {
            return Stored::Cleared;
        }
        let mut symbols = Secret::new();
        match symbols::from_stored(stored, symbols.expose_mut()) {
            Some(form) => Stored::Key(Self { symbols, form }),
            None => Stored::NotAKey,
        }
    }

    /// The 25 symbols, upper case, without dashes.
    pub fn symbols(&self) -> &[u8; SYMBOL_COUNT] {
        self.symbols.expose()
    }

    /// The usual writing, five groups of five with dashes: ASCII.
    pub fn text(&self) -> Secret<TEXT_LENGTH> {
        let mut text = Secret::new();
        let (groups, _) = self.symbols.expose().as_chunks::<5>();
        let places = text.expose_mut().chunks_mut(6);
        for (place, group) in places.zip(groups) {
            let (symbols, dash) = place.split_at_mut(group.len());
            symbols.copy_from_slice(group);
            dash.fill(b'-');
        }
        text
    }

    /// The 16 bytes that Windows stores.
    pub fn stored(&self) -> Secret<STORED_LENGTH> {
        let mut stored = Secret::new();
        if let Some(bytes) = symbols::stored_bytes(self.symbols.expose()) {
            stored.expose_mut().copy_from_slice(&*bytes);
        }
        stored
    }

    /// The generation.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Group, serial and checksum; `None` for a key without the letter `N`.
    pub fn fields(&self) -> Option<Fields> {
        Fields::read(self.symbols.expose())
    }

    /// The key with all but the last group masked, as Windows itself shows it.
    pub fn partial(&self) -> String {
        partial(self.symbols.expose())
    }

    /// Whether the key stands for no key.
    pub fn placeholder(&self) -> Option<Placeholder> {
        super::placeholder::recognise(std::str::from_utf8(self.symbols.expose()).unwrap_or_default())
    }
}

/// 25 symbols with all but the last group masked.
pub(crate) fn partial(symbols: &[u8; SYMBOL_COUNT]) -> String {
    let mut shown = String::from("*****-*****-*****-*****-");
    shown.extend(
        symbols
            .iter()
            .skip(SYMBOL_COUNT - 5)
            .map(|&symbol| char::from(symbol)),
    );
    shown
}

impl std::fmt::Debug for ProductKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ProductKey([secret elided])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_and_partial_the_last_group() {
        let key = ProductKey::from_symbols(b"33PXH7Y6KF2VJC9XBBR8HVTHH").unwrap();
        assert_eq!(format!("{key:?}"), "ProductKey([secret elided])");
        assert_eq!(key.partial(), "*****-*****-*****-*****-HVTHH");
        assert_eq!(key.text().expose(), b"33PXH-7Y6KF-2VJC9-XBBR8-HVTHH");
    }

    #[test]
    fn a_published_key_has_fields_and_stands_for_itself() {
        let key = ProductKey::from_symbols(b"NPPR9FWDCXD2C8JH872K2YT43").unwrap();
        assert!(key.fields().is_some_and(|fields| fields.group > 0));
        assert_eq!(key.placeholder(), None);
        let cleared = ProductKey::from_symbols(&[b'B'; SYMBOL_COUNT]).unwrap();
        assert_eq!(cleared.placeholder(), Some(Placeholder::Cleared));
        assert!(cleared.fields().is_none());
    }

    #[test]
    fn sixteen_zero_bytes_are_a_cleared_key() {
        assert!(matches!(ProductKey::from_stored(&[0; 16]), Stored::Cleared));
        assert!(matches!(ProductKey::from_stored(&[0xFF; 16]), Stored::NotAKey));
    }

    #[test]
    fn stored_bytes_come_back() {
        let key = ProductKey::from_symbols(b"NPPR9FWDCXD2C8JH872K2YT43").unwrap();
        let Stored::Key(back) = ProductKey::from_stored(key.stored().expose()) else {
            panic!("not read back")
        };
        assert_eq!(back.symbols(), b"NPPR9FWDCXD2C8JH872K2YT43");
        assert_eq!(back.form(), Form::Pkey2009);
    }
}
