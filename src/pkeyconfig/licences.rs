//! licences - which SKU licences an image has installed: the second question to a key, after its edition.
//!
//! Promise: pure reading, bounded memory, no recursion. Each licence is an `*.xrm-ms` in the folder of its edition, and
//! holds `<tm:infoStr name="productSkuId">` with the activation id of the keys it serves.

use super::read::{as_text, xml_error};
use super::{Error, FILE_LIMIT};
use quick_xml::events::Event;
use std::collections::BTreeSet;

/// The folder of an image that holds one folder of licences for each edition.
pub const LICENCE_FOLDER: &str = "Windows/System32/spp/tokens/skus";

/// The activation ids of the licences that are installed for an edition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Licences {
    ids: BTreeSet<String>,
}

impl Licences {
    /// Adds what one licence file serves.
    ///
    /// # Errors
    /// As [`sku_ids`].
    pub fn add(&mut self, file: &[u8]) -> Result<(), Error> {
        self.ids.extend(sku_ids(file)?);
        Ok(())
    }

    /// Whether there is a licence with this activation id (small letters, no braces).
    pub fn contain(&self, activation_id: &str) -> bool {
        self.ids.contains(activation_id)
    }

    /// Whether no licence was found; then nothing can be said.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// The activation ids (small letters, no braces) that a licence file names as its `productSkuId`.
///
/// # Errors
/// [`Error`] for a file that is too large, no text, or not well-formed XML.
///
/// ```
/// let file = br#"<l xmlns:tm="x"><tm:infoStr name="productSkuId">{AE2EE509-1B34-41C0-ACB7-6D4650168915}</tm:infoStr></l>"#;
/// assert_eq!(wimkey::pkeyconfig::sku_ids(file).unwrap(), ["ae2ee509-1b34-41c0-acb7-6d4650168915"]);
/// ```
pub fn sku_ids(file: &[u8]) -> Result<Vec<String>, Error> {
    if file.len() > FILE_LIMIT {
        return Err(Error::TooLarge);
    }
    let text = as_text(file)?;
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut ids: Vec<String> = Vec::new();
    let mut current: Option<String> = None;
    loop {
        let event = reader.read_event().map_err(xml_error(reader.error_position()))?;
        match event {
            Event::Start(start) if start.local_name().as_ref() == "infoStr" => {
                let name = start.try_get_attribute("name").ok().flatten();
                current = name
                    .is_some_and(|name| &*name.value == "productSkuId")
                    .then(String::new);
            }
            Event::Text(piece) => {
                if let Some(id) = &mut current {
                    id.push_str(&piece.into_inner());
                }
            }
            Event::End(_) => {
                if let Some(id) = current.take() {
                    ids.push(super::read::plain_id(id.trim()));
                }
            }
            Event::Eof => return Ok(ids),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_name_their_activation_ids() {
        let file = crate::pkeyconfig::sample::licence("4DE7CB65-CDF1-4DE9-8AE8-E3CCE27B9F2C");
        assert_eq!(
            sku_ids(file.as_bytes()).unwrap(),
            ["4de7cb65-cdf1-4de9-8ae8-e3cce27b9f2c"]
        );
        let mut licences = Licences::default();
        assert!(licences.is_empty());
        licences.add(file.as_bytes()).unwrap();
        licences.add(b"<a><b name='productSkuId'>none</b></a>").unwrap();
        assert!(licences.contain("4de7cb65-cdf1-4de9-8ae8-e3cce27b9f2c") && !licences.contain("none"));
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        assert!(sku_ids(b"<a><b></a>").is_err());
        assert_eq!(sku_ids(b"").unwrap(), [""; 0]);
    }
}
