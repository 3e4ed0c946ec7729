//! trace - every form in which a key can lie about in bytes, and how often they occur.
//!
//! Promise: a form stands for the whole key, so a hit is never by chance: the text with and without dashes in ASCII, UTF-16LE and
//! UTF-16BE, and the fifteen bytes that Windows stores. The forms are wiped when dropped.

use super::ProductKey;
use crate::secret::Wiped;
use memchr::memmem;
use zeroize::Zeroizing;

/// The last stored byte is always zero and says nothing.
const TELLING: usize = super::STORED_LENGTH - 1;

/// The forms of some keys.
#[derive(Default)]
pub struct Traces {
    forms: Vec<Wiped>,
}

impl Traces {
    /// The forms of each of `keys`.
    pub fn of<'k>(keys: impl IntoIterator<Item = &'k ProductKey>) -> Self {
        let mut forms = Vec::new();
        for key in keys {
            let text = key.text();
            for ascii in [&text.expose()[..], &key.symbols()[..]] {
                forms.push(Zeroizing::new(ascii.to_vec()));
                forms.push(Zeroizing::new(
                    ascii.iter().flat_map(|&symbol| [symbol, 0]).collect(),
                ));
                forms.push(Zeroizing::new(
                    ascii.iter().flat_map(|&symbol| [0, symbol]).collect(),
                ));
            }
            let stored = key.stored();
            forms.push(Zeroizing::new(
                stored.expose().iter().take(TELLING).copied().collect(),
            ));
        }
        Self { forms }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// How often any form occurs in `bytes`. UTF-16BE is found inside UTF-16LE but for its first byte, so each place counts once.
    pub fn count(&self, bytes: &[u8]) -> u64 {
        let mut places: Vec<usize> = self
            .forms
            .iter()
            .flat_map(|form| memmem::find_iter(bytes, &form[..]))
            .collect();
        places.sort_unstable();
        places.dedup_by(|next, first| *next - *first <= 1);
        places.len() as u64
    }
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[{} forms elided]", self.forms.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published for Windows 7 Enterprise.
    const PUBLISHED: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";

    #[test]
    fn every_form_is_found_once_and_nothing_else() {
        let key = ProductKey::parse(PUBLISHED).unwrap().key;
        let traces = Traces::of([&key]);
        let dashless = PUBLISHED.replace('-', "");
        let wide = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>()
        };
        let big = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect::<Vec<u8>>()
        };
        for form in [
            PUBLISHED.as_bytes().to_vec(),
            dashless.as_bytes().to_vec(),
            wide(PUBLISHED),
            big(&dashless),
            key.stored().expose().to_vec(),
        ] {
            let bytes = [&[1; 100][..], &form, &[0; 50]].concat();
            assert_eq!(traces.count(&bytes), 1);
            assert_eq!(traces.count(&bytes[..110]), 0);
        }
        assert_eq!(traces.count(&[0; 1000]), 0);
    }
}
