//! tree - the files and folders of an image in the making.
//!
//! Promise: entries are written sorted by name without regard to case, as libwim writes them, whatever the order of the
//! calls was.

use crate::bytes;
use crate::text;
use crate::wim::error::Error;
use crate::wim::metadata::{NewEntry, attribute, field, parts};
use crate::wim::resource::{Hash, NO_HASH};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// No security descriptor.
const NO_SECURITY: i32 = -1;
/// Length of a stream entry without its name.
const STREAM_LENGTH: usize = 38;
const ALIGNMENT: usize = 8;

/// What a file or folder has beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// Windows' attribute bits; folders get DIRECTORY beside them.
    pub attributes: u32,
    /// Its security descriptor in Windows' self-relative form.
    pub security: Option<Vec<u8>>,
    /// When it was created, as a Windows FILETIME (100 ns since 1601).
    pub created: u64,
    /// When it was last accessed.
    pub accessed: u64,
    /// When it was last written to.
    pub written: u64,
    /// Its 8.3 name.
    pub short_name: Option<String>,
    /// Files with the same number other than 0 are names of one file; give them the same content.
    pub link: u64,
    /// Named streams: name and content.
    pub streams: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, Clone)]
struct Node {
    name: String,
    properties: Properties,
    /// `None` for a folder.
    content: Option<Vec<u8>>,
    children: BTreeMap<Vec<u16>, Node>,
}

/// An image in the making.
#[derive(Debug, Clone)]
pub struct ImageBuilder {
    name: String,
    /// Path below `IMAGE` and text, in the order they came.
    texts: Vec<(String, String)>,
    root: Node,
}

/// An image as bytes, and its totals.
pub(super) struct Serialized {
    pub(super) metadata: Vec<u8>,
    files: u64,
    folders: u64,
    total: u64,
    linked: u64,
}

impl Node {
    fn folder(name: &str, properties: Properties) -> Self {
        Self {
            name: name.to_owned(),
            properties,
            content: None,
            children: BTreeMap::new(),
        }
    }
}

fn folded(name: &str) -> Vec<u16> {
    name.encode_utf16().map(text::upcase).collect()
}

impl ImageBuilder {
    /// An image of this name with an empty root folder.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            texts: Vec::new(),
            root: Node::folder("", Properties::default()),
        }
    }

    /// Adds an element to the XML data, such as `WINDOWS/EDITIONID`, `WINDOWS/ARCH` or `WINDOWS/VERSION/BUILD`. Give
    /// those with the same beginning one after the other.
    #[must_use]
    pub fn text(mut self, path: &str, text: &str) -> Self {
        self.texts.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Sets the properties of the folder at `path` (empty: the root), which is made if it does not exist.
    #[must_use]
    pub fn folder(mut self, path: &str, properties: Properties) -> Self {
        self.node(path).properties = properties;
        self
    }

    /// Adds or replaces a file; folders above it that do not exist are made.
    #[must_use]
    pub fn file(mut self, path: &str, content: &[u8], properties: Properties) -> Self {
        let node = self.node(path);
        node.properties = properties;
        node.content = Some(content.to_vec());
        self
    }

    fn node(&mut self, path: &str) -> &mut Node {
        let mut node = &mut self.root;
        for name in parts(path) {
            let next = node.children.entry(folded(name));
            node = next.or_insert_with(|| Node::folder(name, Properties::default()));
        }
        node
    }

    /// The metadata; `store` keeps a content and gives back its name.
    pub(super) fn serialize(
        &self,
        store: impl FnMut(&[u8]) -> Result<Hash, Error>,
    ) -> Result<Serialized, Error> {
        let mut writer = Writer {
            store,
            descriptors: Vec::new(),
            links: BTreeMap::new(),
            done: Serialized {
                metadata: Vec::new(),
                files: 0,
                folders: 0,
                total: 0,
                linked: 0,
            },
        };
        collect_descriptors(&self.root, &mut writer.descriptors);
        writer.security()?;
        let root = writer.entry(&self.root)?;
        writer.done.metadata.extend_from_slice(&[0; ALIGNMENT]); // ends the list of the root alone
        writer.done.folders = 0; // the root does not count
        let mut pending = vec![(root, &self.root)];
        while let Some((at, folder)) = pending.pop() {
            if folder.children.is_empty() {
                continue;
            }
            let list = writer.done.metadata.len() as u64;
            writer.patch(at + field::CHILDREN, &list.to_le_bytes())?;
            for child in folder.children.values() {
                let at = writer.entry(child)?;
                pending.push((at, child));
            }
            writer.done.metadata.extend_from_slice(&[0; ALIGNMENT]); // ends the list
        }
        Ok(writer.done)
    }

    /// The IMAGE element.
    pub(super) fn xml(&self, index: u32, totals: &Serialized) -> String {
        let mut xml = format!(
            "<IMAGE INDEX=\"{index}\"><NAME>{}</NAME><DIRCOUNT>{}</DIRCOUNT><FILECOUNT>{}</FILECOUNT>\
             <TOTALBYTES>{}</TOTALBYTES><HARDLINKBYTES>{}</HARDLINKBYTES>",
            quick_xml::escape::escape(self.name.as_str()),
            totals.folders,
            totals.files,
            totals.total,
            totals.linked
        );
        let mut open: Vec<&str> = Vec::new();
        for (path, text) in &self.texts {
            let names: Vec<&str> = path.split('/').collect();
            let (leaf, above) = names
                .split_last()
                .map_or((path.as_str(), [].as_slice()), |(leaf, above)| (*leaf, above));
            let common = open
                .iter()
                .zip(above)
                .take_while(|(left, right)| left == right)
                .count();
            close(&mut xml, &mut open, common);
            for name in above.iter().skip(common) {
                let _infallible = write!(xml, "<{name}>");
                open.push(name);
            }
            let text = quick_xml::escape::escape(text.as_str());
            let _infallible = write!(xml, "<{leaf}>{text}</{leaf}>");
        }
        close(&mut xml, &mut open, 0);
        xml.push_str("</IMAGE>");
        xml
    }
}

/// Closes elements until only `keep` are open.
fn close(xml: &mut String, open: &mut Vec<&str>, keep: usize) {
    while open.len() > keep {
        if let Some(name) = open.pop() {
            let _infallible = write!(xml, "</{name}>");
        }
    }
}

fn collect_descriptors<'a>(root: &'a Node, descriptors: &mut Vec<&'a [u8]>) {
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        if let Some(descriptor) = node.properties.security.as_deref()
            && !descriptors.contains(&descriptor)
        {
            descriptors.push(descriptor);
        }
        pending.extend(node.children.values());
    }
}

struct Writer<'a, S> {
    store: S,
    descriptors: Vec<&'a [u8]>,
    /// Link numbers that have occurred.
    links: BTreeMap<u64, u64>,
    done: Serialized,
}

impl<S: FnMut(&[u8]) -> Result<Hash, Error>> Writer<'_, S> {
    fn security(&mut self) -> Result<(), Error> {
        let lengths = self.descriptors.iter().map(|descriptor| descriptor.len());
        let total = 8 + self.descriptors.len() * 8 + lengths.sum::<usize>();
        let total = bytes::align_up(total, ALIGNMENT).unwrap_or(total);
        let overflow = |_| Error::Overflow {
            what: "the security descriptors",
        };
        let count = u32::try_from(self.descriptors.len()).map_err(overflow)?;
        let metadata = &mut self.done.metadata;
        metadata.extend_from_slice(&u32::try_from(total).map_err(overflow)?.to_le_bytes());
        metadata.extend_from_slice(&count.to_le_bytes());
        for descriptor in &self.descriptors {
            metadata.extend_from_slice(&(descriptor.len() as u64).to_le_bytes());
        }
        for descriptor in &self.descriptors {
            metadata.extend_from_slice(descriptor);
        }
        metadata.resize(total, 0);
        Ok(())
    }

    /// Appends the entry of `node` and says where it stands.
    fn entry(&mut self, node: &Node) -> Result<usize, Error> {
        let properties = &node.properties;
        let content = node.content.as_deref();
        let hash = (self.store)(content.unwrap_or_default())?;
        self.count(node);
        let security = properties
            .security
            .as_deref()
            .and_then(|own| self.descriptors.iter().position(|known| *known == own));
        let folder = if content.is_none() {
            attribute::DIRECTORY
        } else {
            0
        };
        let new = NewEntry {
            name: &node.name,
            attributes: properties.attributes | folder,
            security: security
                .and_then(|index| i32::try_from(index).ok())
                .unwrap_or(NO_SECURITY),
            time: properties.written,
            hash: if properties.streams.is_empty() {
                hash
            } else {
                NO_HASH
            },
        };
        let too_long = || Error::Overflow { what: "a file name" };
        let mut encoded = new.encode().ok_or_else(too_long)?;
        if let Some(short) = &properties.short_name {
            let short: Vec<u8> = short.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let at = field::NAME + 2 + node.name.encode_utf16().count() * 2 + 2;
            // Two zero bytes end the short name.
            let length = bytes::align_up(at + short.len() + 2, ALIGNMENT).ok_or_else(too_long)?;
            encoded.resize(length, 0);
            let count = u16::try_from(short.len()).map_err(|_| too_long())?;
            bytes::put(&mut encoded, 0, &(length as u64).to_le_bytes()).ok_or_else(too_long)?;
            bytes::put(&mut encoded, field::SHORT_NAME, &count.to_le_bytes()).ok_or_else(too_long)?;
            bytes::put(&mut encoded, at, &short).ok_or_else(too_long)?;
        }
        let streams = if properties.streams.is_empty() {
            0
        } else {
            properties.streams.len() + 1
        };
        let streams = u16::try_from(streams).map_err(|_| too_long())?;
        let rest: [(usize, &[u8]); 4] = [
            (field::CREATED, &properties.created.to_le_bytes()),
            (field::ACCESSED, &properties.accessed.to_le_bytes()),
            (field::LINK, &properties.link.to_le_bytes()),
            (field::STREAMS, &streams.to_le_bytes()),
        ];
        for (offset, value) in rest {
            bytes::put(&mut encoded, offset, value).ok_or_else(too_long)?;
        }
        let at = self.done.metadata.len();
        self.done.metadata.extend_from_slice(&encoded);
        // With named streams, the content stands among them, as Windows writes it.
        if streams > 0 {
            self.stream("", hash)?;
        }
        for (name, content) in &properties.streams {
            let hash = (self.store)(content)?;
            self.done.total += content.len() as u64;
            self.stream(name, hash)?;
        }
        Ok(at)
    }

    fn stream(&mut self, name: &str, hash: Hash) -> Result<(), Error> {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let too_long = || Error::Overflow {
            what: "a stream name",
        };
        let terminator = if name.is_empty() { 0 } else { 2 };
        let length =
            bytes::align_up(STREAM_LENGTH + name.len() + terminator, ALIGNMENT).ok_or_else(too_long)?;
        let name_length = u16::try_from(name.len()).map_err(|_| too_long())?;
        let mut encoded = vec![0; length];
        let fields: [(usize, &[u8]); 4] = [
            (0, &(length as u64).to_le_bytes()),
            (field::STREAM_HASH, &hash),
            (field::STREAM_NAME, &name_length.to_le_bytes()),
            (STREAM_LENGTH, &name),
        ];
        for (offset, value) in fields {
            bytes::put(&mut encoded, offset, value).ok_or_else(too_long)?;
        }
        self.done.metadata.extend_from_slice(&encoded);
        Ok(())
    }

    fn patch(&mut self, at: usize, value: &[u8]) -> Result<(), Error> {
        bytes::put(&mut self.done.metadata, at, value).ok_or(Error::Overflow { what: "the metadata" })
    }

    fn count(&mut self, node: &Node) {
        let Some(content) = &node.content else {
            self.done.folders += 1;
            return;
        };
        let length = content.len() as u64;
        self.done.files += 1;
        self.done.total += length;
        if node.properties.link != 0 && self.links.insert(node.properties.link, length).is_some() {
            self.done.linked += length;
        }
    }
}
