//! read - `pkeyconfig.xrm-ms` to entries and ranges.
//!
//! Promise: bounded memory ([`FILE_LIMIT`], [`PAYLOAD_LIMIT`]), one pass over each layer, no recursion. Element names are
//! matched without their prefixes, for Windows 7 and Office use one and later Windows does not.
//! Source of the layout: 80 configurations of builds 7601 to 26100.

use super::{Configuration, KeyConfiguration, KeyRange};
use crate::key::PREVIEW_GROUP;
use base64::Engine as _;
use quick_xml::events::Event;
use std::borrow::Cow;
use std::io::Read as _;

/// The largest file that is read, in bytes. Real ones have at most about one million.
pub const FILE_LIMIT: usize = 32 << 20;

/// The largest inner text that is read, in bytes.
pub const PAYLOAD_LIMIT: usize = 64 << 20;

/// Why a file is no key configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More than [`FILE_LIMIT`] bytes, or an inner text of more than [`PAYLOAD_LIMIT`].
    #[error("the key configuration is larger than any real one\nCheck that the file is a pkeyconfig.xrm-ms.")]
    TooLarge,
    /// Neither UTF-8 nor UTF-16.
    #[error("the key configuration is no text: {0}\nTake an undamaged copy from the image.")]
    NotText(crate::text::Error),
    /// Not well-formed XML.
    #[error(
        "the key configuration is not well-formed XML at byte {position}: {what}\nTake an undamaged copy from the image."
    )]
    Xml {
        /// Byte in the layer that was read.
        position: u64,
        /// What the reader said.
        what: String,
    },
    /// No element `infoBin` named `pkeyConfigData`, and no `ProductKeyConfiguration`.
    #[error(
        "the file holds no key configuration\nName the image's Windows\\System32\\spp\\tokens\\pkeyconfig\\pkeyconfig.xrm-ms."
    )]
    NoPayload,
    /// The inner text cannot be decoded.
    #[error(
        "the inner text of the key configuration is damaged: {0}\nTake an undamaged copy from the image."
    )]
    Payload(&'static str),
    /// A number that is none.
    #[error(
        "{element} before byte {position} of the inner text holds no number\nTake an undamaged copy from the image."
    )]
    Number {
        /// The element.
        element: &'static str,
        /// Byte in the inner text.
        position: u64,
    },
}

pub(super) fn parse(bytes: &[u8]) -> Result<KeyConfiguration, Error> {
    if bytes.len() > FILE_LIMIT {
        return Err(Error::TooLarge);
    }
    let text = as_text(bytes)?;
    match outer(&text)? {
        Outer::Bare => inner(&text),
        Outer::Payload(encoded) => {
            let payload = unzip(decode(encoded.as_bytes())?)?;
            inner(&as_text(&payload)?)
        }
    }
}

/// UTF-8 without a copy; anything else decoded.
pub(super) fn as_text(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let form = crate::text::Form::detect(bytes);
    if form.encoding == crate::text::Encoding::Utf8 {
        let body = bytes.get(form.mark_length()..).unwrap_or_default();
        if let Ok(text) = std::str::from_utf8(body) {
            return Ok(Cow::Borrowed(text));
        }
    }
    let (text, _) = crate::text::decode(bytes).map_err(Error::NotText)?;
    Ok(Cow::Owned(text.as_str().to_owned()))
}

enum Outer<'a> {
    /// The file is itself the inner text.
    Bare,
    /// The base64 text of the inner text.
    Payload(Cow<'a, str>),
}

pub(super) fn xml_error(position: u64) -> impl FnOnce(quick_xml::Error) -> Error {
    move |error| Error::Xml {
        position,
        what: crate::text::printable(&error.to_string()),
    }
}

fn outer(text: &str) -> Result<Outer<'_>, Error> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut inside = false;
    let mut payload = Cow::Borrowed("");
    loop {
        let event = reader.read_event().map_err(xml_error(reader.error_position()))?;
        match event {
            Event::Start(start) if start.local_name().as_ref() == "ProductKeyConfiguration" => {
                return Ok(Outer::Bare);
            }
            Event::Start(start) if start.local_name().as_ref() == "infoBin" => {
                let name = start.try_get_attribute("name").ok().flatten();
                inside = name.is_some_and(|name| &*name.value == "pkeyConfigData");
            }
            Event::Text(piece) if inside => {
                let piece = piece.into_inner();
                if payload.is_empty() {
                    payload = piece;
                } else {
                    payload.to_mut().push_str(&piece);
                }
            }
            Event::CData(piece) if inside => payload.to_mut().push_str(&piece.into_inner()),
            Event::End(_) if inside => return Ok(Outer::Payload(payload)),
            Event::Eof => return Err(Error::NoPayload),
            _ => {}
        }
    }
}

fn decode(encoded: &[u8]) -> Result<Vec<u8>, Error> {
    let dense: Cow<'_, [u8]> = if encoded.iter().any(u8::is_ascii_whitespace) {
        Cow::Owned(
            encoded
                .iter()
                .copied()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect(),
        )
    } else {
        Cow::Borrowed(encoded)
    };
    base64::engine::general_purpose::STANDARD
        .decode(&dense)
        .map_err(|_| Error::Payload("it is not base64"))
}

/// The payload itself, or what it is the gzip form of.
fn unzip(payload: Vec<u8>) -> Result<Vec<u8>, Error> {
    const GZIP: [u8; 2] = [0x1F, 0x8B];
    if !payload.starts_with(&GZIP) {
        return Ok(payload);
    }
    let limit = u64::try_from(PAYLOAD_LIMIT).unwrap_or(u64::MAX);
    let mut plain = Vec::new();
    let mut limited = flate2::read::MultiGzDecoder::new(payload.as_slice()).take(limit + 1);
    limited
        .read_to_end(&mut plain)
        .map_err(|_| Error::Payload("its gzip form does not unpack"))?;
    if plain.len() > PAYLOAD_LIMIT {
        return Err(Error::TooLarge);
    }
    Ok(plain)
}

/// The elements whose text is kept.
#[derive(Clone, Copy)]
enum Field {
    ActivationId,
    Group,
    Edition,
    Description,
    KeyType,
    RangeActivationId,
    PartNumber,
    EulaType,
    Valid,
    Start,
    End,
    Algorithm,
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "ActConfigId" => Field::ActivationId,
        "RefGroupId" => Field::Group,
        "EditionId" => Field::Edition,
        "ProductDescription" => Field::Description,
        "ProductKeyType" => Field::KeyType,
        "RefActConfigId" => Field::RangeActivationId,
        "PartNumber" => Field::PartNumber,
        "EulaType" => Field::EulaType,
        "IsValid" => Field::Valid,
        "Start" => Field::Start,
        "End" => Field::End,
        "AlgorithmId" => Field::Algorithm,
        _ => return None,
    })
}

/// The entry and the range being read, and those that are complete.
#[derive(Default)]
struct Rows {
    configuration: Configuration,
    range: KeyRange,
    range_id: String,
    configurations: Vec<Configuration>,
    ranges: Vec<(String, KeyRange)>,
    with_n: bool,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            activation_id: String::new(),
            group: PREVIEW_GROUP,
            edition_list: String::new(),
            description: String::new(),
            key_type: String::new(),
        }
    }
}

impl Default for KeyRange {
    fn default() -> Self {
        Self {
            part_number: String::new(),
            eula_type: String::new(),
            valid: true,
            start: 0,
            end: 0,
            configuration: usize::MAX,
        }
    }
}

fn inner(text: &str) -> Result<KeyConfiguration, Error> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut rows = Rows::default();
    let mut current = None;
    let mut content = String::new();
    let mut seen = false;
    loop {
        let event = reader.read_event().map_err(xml_error(reader.error_position()))?;
        match event {
            Event::Start(start) => {
                let name = start.local_name();
                seen |= name.as_ref() == "ProductKeyConfiguration";
                current = field(name.as_ref());
                content.clear();
            }
            Event::Text(piece) if current.is_some() => content.push_str(&piece.xml10_content()),
            Event::CData(piece) if current.is_some() => content.push_str(&piece.into_inner()),
            Event::GeneralRef(reference) if current.is_some() => push_reference(&reference, &mut content)?,
            Event::End(end) => match current.take() {
                Some(field) => rows.set(field, content.trim(), reader.buffer_position())?,
                None => rows.close(end.local_name().as_ref()),
            },
            Event::Eof if seen => return Ok(rows.finish()),
            Event::Eof => return Err(Error::NoPayload),
            _ => {}
        }
    }
}

fn push_reference(reference: &quick_xml::events::BytesRef<'_>, content: &mut String) -> Result<(), Error> {
    const UNKNOWN: Error = Error::Payload("an entity that is not defined");
    if let Some(character) = reference.resolve_char_ref().map_err(|_| UNKNOWN)? {
        content.push(character);
        return Ok(());
    }
    let name = reference.clone().into_inner();
    content.push_str(quick_xml::escape::resolve_predefined_entity(&name).ok_or(UNKNOWN)?);
    Ok(())
}

pub(super) fn plain_id(id: &str) -> String {
    id.trim_matches(['{', '}']).to_ascii_lowercase()
}

impl Rows {
    fn set(&mut self, field: Field, content: &str, position: u64) -> Result<(), Error> {
        let number = |element| content.parse().map_err(|_| Error::Number { element, position });
        match field {
            Field::ActivationId => self.configuration.activation_id = plain_id(content),
            Field::Group => self.configuration.group = number("RefGroupId")?,
            Field::Edition => content.clone_into(&mut self.configuration.edition_list),
            Field::Description => content.clone_into(&mut self.configuration.description),
            Field::KeyType => content.clone_into(&mut self.configuration.key_type),
            Field::RangeActivationId => self.range_id = plain_id(content),
            Field::PartNumber => content.clone_into(&mut self.range.part_number),
            Field::EulaType => content.clone_into(&mut self.range.eula_type),
            Field::Valid => self.range.valid = matches!(content, "true" | "1"),
            Field::Start => self.range.start = number("Start")?,
            Field::End => self.range.end = number("End")?,
            Field::Algorithm => self.with_n |= content.ends_with("/2009"),
        }
        Ok(())
    }

    fn close(&mut self, element: &str) {
        match element {
            "Configuration" => {
                let row = std::mem::take(&mut self.configuration);
                // Entries of the preview group carry a key where an edition should stand: they name nothing.
                if row.group != PREVIEW_GROUP {
                    self.configurations.push(row);
                }
            }
            "KeyRange" => {
                let range = std::mem::take(&mut self.range);
                self.ranges.push((std::mem::take(&mut self.range_id), range));
            }
            _ => {}
        }
    }

    fn finish(mut self) -> KeyConfiguration {
        self.configurations
            .sort_by_key(|configuration| configuration.group);
        let mut places: Vec<(&str, usize)> = (0..)
            .zip(&self.configurations)
            .map(|(place, row)| (row.activation_id.as_str(), place))
            .collect();
        places.sort_unstable();
        let mut ranges = Vec::with_capacity(self.ranges.len());
        for (id, range) in self.ranges {
            let start = places.partition_point(|place| place.0 < id.as_str());
            // One activation id may stand in entries of several groups: the ranges belong to each.
            for &(_, configuration) in places
                .iter()
                .skip(start)
                .take_while(|place| place.0 == id)
                .take(GROUPS_OF_ONE_ID)
            {
                ranges.push(KeyRange {
                    configuration,
                    ..range.clone()
                });
            }
        }
        KeyConfiguration::assemble(self.configurations, ranges, self.with_n)
    }
}

/// More entries than this do not share one activation id in any real file; a hostile one must not multiply its ranges.
const GROUPS_OF_ONE_ID: usize = 16;
