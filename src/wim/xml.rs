//! xml - the XML data of a WIM: what the images are, and totals about them.
//!
//! Promise: changing a total replaces the digits of that total and nothing else; every other character, the encoding
//! and the byte-order mark stay as they are. Source: Microsoft's WIM paper; libwim's `xml.c`.

use super::error::Error;
use crate::text::{self, Form};
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::ops::Range;

/// What the XML data says about an image. Only the index is certain to be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageInfo {
    /// The number of the image, counted from 1.
    pub index: u32,
    /// `NAME`.
    pub name: Option<String>,
    /// `DESCRIPTION`.
    pub description: Option<String>,
    /// `DISPLAYNAME`.
    pub display_name: Option<String>,
    /// `WINDOWS/EDITIONID`: `Professional`, `Enterprise`, `ServerStandard`, …
    pub edition_id: Option<String>,
    /// `WINDOWS/INSTALLATIONTYPE`: `Client`, `Server`, `Server Core`, `WindowsPE`, …
    pub installation_type: Option<String>,
    /// `WINDOWS/PRODUCTNAME`.
    pub product_name: Option<String>,
    /// `WINDOWS/ARCH`: 0 x86, 5 ARM, 9 x64, 12 ARM64.
    pub architecture: Option<u32>,
    /// `WINDOWS/VERSION/MAJOR`.
    pub major: Option<u32>,
    /// `WINDOWS/VERSION/MINOR`.
    pub minor: Option<u32>,
    /// `WINDOWS/VERSION/BUILD`.
    pub build: Option<u32>,
    /// `WINDOWS/VERSION/SPBUILD`.
    pub service_pack_build: Option<u32>,
    /// `WINDOWS/LANGUAGES/LANGUAGE`, in the order of the file.
    pub languages: Vec<String>,
    /// `WINDOWS/LANGUAGES/DEFAULT`.
    pub default_language: Option<String>,
    /// `TOTALBYTES`: the length of all files of the image.
    pub total_bytes: Option<u64>,
    /// `FILECOUNT`.
    pub file_count: Option<u64>,
    /// `DIRCOUNT`, the root not counted.
    pub directory_count: Option<u64>,
}

/// How the totals of an image change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TotalsChange {
    pub(super) bytes: i128,
    pub(super) hard_link_bytes: i128,
    pub(super) files: i128,
    pub(super) directories: i128,
}

/// An element that holds text only.
#[derive(Debug)]
struct Leaf {
    /// The image it belongs to.
    image: Option<u32>,
    /// The names from below `WIM`, or below `IMAGE` within an image, joined with `/`.
    path: String,
    text: String,
    /// Where the text stands in the decoded document.
    place: Range<usize>,
}

/// The XML data of a WIM.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    form: Form,
    leaves: Vec<Leaf>,
    pub(super) images: Vec<ImageInfo>,
}

fn broken(reason: impl AsRef<str>) -> Error {
    Error::Xml {
        // The parser quotes the file, and the file may say anything.
        reason: text::printable(reason.as_ref()),
    }
}

impl Document {
    /// Reads the document.
    pub(super) fn parse(raw: &[u8]) -> Result<Self, Error> {
        let (text, form) = text::decode(raw).map_err(|error| broken(error.to_string()))?;
        let text = text.to_string();
        let (leaves, indices) = read_leaves(&text)?;
        if leaves
            .iter()
            .any(|leaf| leaf.image.is_none() && leaf.path.starts_with("ESD/ENCRYPTED"))
        {
            return Err(Error::Encrypted);
        }
        let mut images: Vec<_> = indices.iter().map(|&index| image_info(index, &leaves)).collect();
        images.sort_by_key(|image| image.index);
        if !images
            .iter()
            .map(|image| image.index)
            .eq(1..=u32::try_from(images.len()).unwrap_or(u32::MAX))
        {
            return Err(broken("the images are not numbered from 1 on"));
        }
        Ok(Self {
            text,
            form,
            leaves,
            images,
        })
    }

    /// The bytes of the document with changed totals: of images, and of the bytes of the file before the XML data.
    pub(super) fn with_totals(&self, changes: &[(u32, TotalsChange)], bytes_before: u64) -> Vec<u8> {
        let mut replacements: Vec<(Range<usize>, String)> = Vec::new();
        for leaf in &self.leaves {
            let Ok(old) = leaf.text.trim().parse::<u64>() else {
                continue;
            };
            let change = changes.iter().find(|(image, _)| leaf.image == Some(*image));
            let new = match (leaf.image, leaf.path.as_str(), change) {
                (None, "TOTALBYTES", _) => bytes_before,
                (Some(_), path, Some((_, change))) => {
                    let by = match path {
                        "TOTALBYTES" => change.bytes,
                        "HARDLINKBYTES" => change.hard_link_bytes,
                        "FILECOUNT" => change.files,
                        "DIRCOUNT" => change.directories,
                        _ => continue,
                    };
                    // A total that was wrong before must not wrap around.
                    u64::try_from(i128::from(old) + by).unwrap_or_default()
                }
                _ => continue,
            };
            if new != old {
                replacements.push((leaf.place.clone(), new.to_string()));
            }
        }
        let mut document = self.text.clone();
        for (place, number) in replacements.into_iter().rev() {
            document.replace_range(place, &number);
        }
        text::encode(&document, self.form).to_vec()
    }
}

/// All elements that hold text, and the numbers of the images.
fn read_leaves(document: &str) -> Result<(Vec<Leaf>, Vec<u32>), Error> {
    /// Deeper documents than this are none that describe a WIM.
    const DEEPEST: usize = 64;
    let mut reader = Reader::from_str(document);
    let mut open: Vec<(String, usize)> = Vec::new();
    let (mut leaves, mut images) = (Vec::new(), Vec::new());
    let mut image = None;
    let mut text = String::new();
    let mut rooted = false;
    loop {
        let before = position(&reader);
        match reader.read_event().map_err(|error| broken(error.to_string()))? {
            Event::Start(tag) => {
                let name = tag.name().as_ref().to_owned();
                if open.is_empty() {
                    if name != "WIM" || rooted {
                        return Err(broken("the root element is not WIM"));
                    }
                    rooted = true;
                }
                if open.len() == 1 && name == "IMAGE" {
                    image = Some(index_of(&tag)?);
                    images.extend(image);
                }
                if open.len() >= DEEPEST {
                    return Err(broken("the elements are nested too deeply"));
                }
                open.push((name, position(&reader)));
                text.clear();
            }
            Event::Empty(tag) => {
                let name = tag.name();
                let name: &str = name.as_ref();
                if open.len() == 1 && name == "IMAGE" {
                    images.push(index_of(&tag)?);
                }
                open.push((name.to_owned(), before));
                leaves.push(leaf(&open, image, String::new(), before..before));
                open.pop();
            }
            Event::Text(part) => text.push_str(&part.xml10_content()),
            Event::CData(part) => text.push_str(&part.xml10_content()),
            Event::GeneralRef(reference) => push_reference(&mut text, &reference),
            Event::End(_) => {
                let inner = open.last().map_or(before, |(_, start)| *start);
                leaves.push(leaf(&open, image, std::mem::take(&mut text), inner..before));
                open.pop();
                if open.len() == 1 {
                    image = None;
                }
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if !rooted || !open.is_empty() {
        return Err(broken("it ends before its last element"));
    }
    Ok((leaves, images))
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn leaf(open: &[(String, usize)], image: Option<u32>, text: String, place: Range<usize>) -> Leaf {
    let skipped = if image.is_some() { 2 } else { 1 };
    let names: Vec<&str> = open.iter().skip(skipped).map(|(name, _)| name.as_str()).collect();
    Leaf {
        image,
        path: names.join("/"),
        text,
        place,
    }
}

fn push_reference(text: &mut String, reference: &quick_xml::events::BytesRef<'_>) {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        text.push(character);
    } else {
        text.push_str(quick_xml::escape::resolve_xml_entity(&reference.xml10_content()).unwrap_or_default());
    }
}

fn index_of(tag: &BytesStart<'_>) -> Result<u32, Error> {
    let attribute = tag.try_get_attribute("INDEX").ok().flatten();
    let value = attribute.and_then(|attribute| {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        value.trim().parse().ok()
    });
    value.ok_or_else(|| broken("an image has no number"))
}

fn image_info(index: u32, leaves: &[Leaf]) -> ImageInfo {
    let texts = |path: &'static str| {
        leaves
            .iter()
            .filter(move |leaf| leaf.image == Some(index) && leaf.path == path)
            .map(|leaf| leaf.text.clone())
    };
    let text = |path| texts(path).next();
    let number = |path| text(path).and_then(|text| text.trim().parse::<u64>().ok());
    let small = |path| number(path).and_then(|number| u32::try_from(number).ok());
    ImageInfo {
        index,
        name: text("NAME"),
        description: text("DESCRIPTION"),
        display_name: text("DISPLAYNAME"),
        edition_id: text("WINDOWS/EDITIONID"),
        installation_type: text("WINDOWS/INSTALLATIONTYPE"),
        product_name: text("WINDOWS/PRODUCTNAME"),
        architecture: small("WINDOWS/ARCH"),
        major: small("WINDOWS/VERSION/MAJOR"),
        minor: small("WINDOWS/VERSION/MINOR"),
        build: small("WINDOWS/VERSION/BUILD"),
        service_pack_build: small("WINDOWS/VERSION/SPBUILD"),
        languages: texts("WINDOWS/LANGUAGES/LANGUAGE").collect(),
        default_language: text("WINDOWS/LANGUAGES/DEFAULT"),
        total_bytes: number("TOTALBYTES"),
        file_count: number("FILECOUNT"),
        directory_count: number("DIRCOUNT"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_esd_is_known_by_its_document() {
        let xml = "<WIM><ESD><ENCRYPTED><KEY>x</KEY></ENCRYPTED></ESD><IMAGE INDEX=\"1\"/></WIM>";
        let raw = text::utf16le(&format!("\u{feff}{xml}"));
        let error = Document::parse(&raw).unwrap_err();
        assert!(matches!(error, Error::Encrypted) && error.is_refusal(), "{error}");
        let plain = text::utf16le("\u{feff}<WIM><IMAGE INDEX=\"1\"/></WIM>");
        assert_eq!(Document::parse(&plain).unwrap().images.len(), 1);
    }
}
