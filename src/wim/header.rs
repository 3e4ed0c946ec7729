//! header - the first 208 bytes of a WIM, and the resource header, the 24-byte pointer used all over the file.
//!
//! Promise: a header that is read and written again is the same bytes. Source of the layout: Microsoft's "Windows
//! Imaging File Format (WIM)" paper and libwim's `header.h`.

use super::codec::Codec;
use super::error::Error;
use crate::bytes;

/// Length of the header in bytes.
pub(super) const HEADER_LENGTH: usize = 208;
/// What the header says of its own length.
const HEADER_LENGTH_FIELD: u32 = 208;
/// Where the data of a WIM begins.
pub(super) const DATA_START: u64 = 208;
/// The most images that a WIM may have, as libwim limits it.
const MOST_IMAGES: u32 = 65_535;

const MAGIC: &[u8; 8] = b"MSWIM\0\0\0";
const PIPABLE_MAGIC: &[u8; 8] = b"WLPWM\0\0\0";
/// The version of a WIM without solid resources.
pub(super) const VERSION_PLAIN: u32 = 0x10d00;
/// The version of a WIM that may hold solid resources and LZMS.
pub(super) const VERSION_SOLID: u32 = 0xe00;

/// Bits of the header's flags.
pub(super) mod flag {
    pub(crate) const COMPRESSED: u32 = 0x2;
    pub(crate) const READ_ONLY: u32 = 0x4;
    pub(crate) const WRITE_IN_PROGRESS: u32 = 0x40;
    pub(crate) const REPARSE_FIX: u32 = 0x80;
    pub(crate) const XPRESS: u32 = 0x2_0000;
    pub(crate) const LZX: u32 = 0x4_0000;
    pub(crate) const LZMS: u32 = 0x8_0000;
    pub(crate) const XPRESS_OTHER: u32 = 0x20_0000;
}

/// Bits of a resource header's flags.
pub(super) mod resource_flag {
    pub(crate) const METADATA: u8 = 0x2;
    pub(crate) const COMPRESSED: u8 = 0x4;
    pub(crate) const SOLID: u8 = 0x10;
}

mod field {
    pub(super) const HEADER_SIZE: usize = 8;
    pub(super) const VERSION: usize = 12;
    pub(super) const FLAGS: usize = 16;
    pub(super) const CHUNK_SIZE: usize = 20;
    pub(super) const GUID: usize = 24;
    pub(super) const PART: usize = 40;
    pub(super) const PARTS: usize = 42;
    pub(super) const IMAGES: usize = 44;
    pub(super) const BLOB_TABLE: usize = 48;
    pub(super) const XML: usize = 72;
    pub(super) const BOOT_METADATA: usize = 96;
    pub(super) const BOOT_INDEX: usize = 120;
    pub(super) const INTEGRITY: usize = 124;
}

/// Where a resource lies and how long it is. All sizes and offsets in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ResourceHeader {
    /// Length in the file.
    pub(super) size: u64,
    /// Bits of [`resource_flag`].
    pub(super) flags: u8,
    /// Place in the file (inside the solid resource for a blob of one).
    pub(super) offset: u64,
    /// Length of the plain text.
    pub(super) plain: u64,
}

impl ResourceHeader {
    /// Length of a resource header in the file.
    pub(super) const LENGTH: usize = 24;
    /// The greatest size that fits into the seven bytes kept for it.
    const MOST: u64 = (1 << 56) - 1;

    /// The resource header at `offset` of `bytes`.
    pub(super) fn read(bytes: &[u8], offset: usize) -> Option<Self> {
        let first = bytes::u64_at(bytes, offset)?;
        let [.., flags] = first.to_le_bytes();
        Some(Self {
            size: first & Self::MOST,
            flags,
            offset: bytes::u64_at(bytes, offset.checked_add(8)?)?,
            plain: bytes::u64_at(bytes, offset.checked_add(16)?)?,
        })
    }

    /// The 24 bytes of this header.
    pub(super) fn encode(self) -> [u8; Self::LENGTH] {
        let mut encoded = [0; Self::LENGTH];
        let first = self.size & Self::MOST | u64::from(self.flags) << 56;
        let fields = [first, self.offset, self.plain];
        for (place, value) in encoded.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        encoded
    }

    /// Whether all bits of `mask` are set.
    pub(super) fn has(self, mask: u8) -> bool {
        self.flags & mask == mask
    }

    /// The range of the file that this resource owns; `None` if it is empty or wraps around.
    pub(super) fn range(self) -> Option<std::ops::Range<u64>> {
        let end = self.offset.checked_add(self.size)?;
        (self.size > 0).then_some(self.offset..end)
    }
}

/// A parsed header. The bytes it was read from are kept, so that fields this crate does not know survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) bytes: [u8; HEADER_LENGTH],
    pub(super) pipable: bool,
    pub(super) version: u32,
    pub(super) flags: u32,
    pub(super) chunk_size: u32,
    pub(super) part: u16,
    pub(super) parts: u16,
    pub(super) images: u32,
    pub(super) blob_table: ResourceHeader,
    pub(super) xml: ResourceHeader,
    pub(super) boot_metadata: ResourceHeader,
    pub(super) boot_index: u32,
    pub(super) integrity: ResourceHeader,
    /// The codec and chunk size of resources that are compressed and not solid.
    pub(super) coding: Option<(Codec, u32)>,
}

/// Whether `bytes` begin as a pipable WIM, whose valid header stands at the end of the file.
pub(super) fn is_pipable(bytes: &[u8]) -> bool {
    bytes.starts_with(PIPABLE_MAGIC)
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// What it is that makes this no WIM, or one of an unknown kind.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let short = Error::Short {
            what: "header",
            offset: 0,
            needed: DATA_START,
        };
        let Some(copy) = bytes::array::<HEADER_LENGTH>(bytes, 0) else {
            return Err(short);
        };
        let pipable = is_pipable(&copy);
        if !pipable && !copy.starts_with(MAGIC) {
            return Err(Error::NotAWim);
        }
        let header = Self::fields(copy, pipable).ok_or(short)?;
        header.check()?;
        Ok(header)
    }

    fn fields(copy: [u8; HEADER_LENGTH], pipable: bool) -> Option<Self> {
        let number = |offset| bytes::u32_at(&copy, offset);
        let resource = |offset| ResourceHeader::read(&copy, offset);
        let flags = number(field::FLAGS)?;
        let chunk_size = number(field::CHUNK_SIZE)?;
        Some(Self {
            pipable,
            version: number(field::VERSION)?,
            flags,
            chunk_size,
            part: bytes::u16_at(&copy, field::PART)?,
            parts: bytes::u16_at(&copy, field::PARTS)?,
            images: number(field::IMAGES)?,
            blob_table: resource(field::BLOB_TABLE)?,
            xml: resource(field::XML)?,
            boot_metadata: resource(field::BOOT_METADATA)?,
            boot_index: number(field::BOOT_INDEX)?,
            integrity: resource(field::INTEGRITY)?,
            coding: codec_of(flags).map(|codec| (codec, chunk_size)),
            bytes: copy,
        })
    }

    fn check(&self) -> Result<(), Error> {
        let expect = |what, offset: usize, good: bool, expected: u64, found: u64| {
            let offset = offset as u64;
            good.then_some(()).ok_or(Error::Damaged {
                what,
                offset,
                expected,
                found,
            })
        };
        let length = bytes::u32_at(&self.bytes, field::HEADER_SIZE).unwrap_or_default();
        expect(
            "length in the header",
            field::HEADER_SIZE,
            u64::from(length) == DATA_START,
            DATA_START,
            length.into(),
        )?;
        if ![VERSION_PLAIN, VERSION_SOLID].contains(&self.version) {
            return Err(Error::UnknownVersion { found: self.version });
        }
        expect(
            "part number in the header",
            field::PART,
            (1..=self.parts).contains(&self.part),
            self.parts.into(),
            self.part.into(),
        )?;
        expect(
            "number of images in the header",
            field::IMAGES,
            self.images <= MOST_IMAGES,
            MOST_IMAGES.into(),
            self.images.into(),
        )?;
        match self.coding {
            None if self.flags & flag::COMPRESSED != 0 => Err(Error::UnknownCodec { flags: self.flags }),
            Some((codec, size)) if !codec.allows_chunk_size(size) => {
                Err(Error::ChunkSize { codec, found: size })
            }
            _ => Ok(()),
        }
    }

    /// The header of a new WIM with nothing in it.
    pub(super) fn new(coding: Option<(Codec, u32)>, guid: [u8; 16]) -> Self {
        let (version, flags) = match coding {
            None => (VERSION_PLAIN, 0),
            Some((Codec::Xpress, _)) => (VERSION_PLAIN, flag::COMPRESSED | flag::XPRESS),
            Some((Codec::Lzx, _)) => (VERSION_PLAIN, flag::COMPRESSED | flag::LZX),
            Some((Codec::Lzms, _)) => (VERSION_SOLID, flag::COMPRESSED | flag::LZMS),
        };
        let mut bytes = [0; HEADER_LENGTH];
        let chunk_size = coding.map_or(0, |(_, size)| size);
        let flags = flags | flag::REPARSE_FIX;
        let fixed: [(usize, &[u8]); 7] = [
            (0, MAGIC),
            (field::HEADER_SIZE, &HEADER_LENGTH_FIELD.to_le_bytes()),
            (field::VERSION, &version.to_le_bytes()),
            (field::FLAGS, &flags.to_le_bytes()),
            (field::CHUNK_SIZE, &chunk_size.to_le_bytes()),
            (field::GUID, &guid),
            (field::PART, &[1, 0, 1, 0]),
        ];
        for (offset, value) in fixed {
            // Every place is a constant within the header.
            let _fits = bytes::put(&mut bytes, offset, value);
        }
        Self {
            bytes,
            pipable: false,
            version,
            flags,
            chunk_size,
            part: 1,
            parts: 1,
            images: 0,
            blob_table: ResourceHeader::default(),
            xml: ResourceHeader::default(),
            boot_metadata: ResourceHeader::default(),
            boot_index: 0,
            integrity: ResourceHeader::default(),
            coding,
        }
    }

    /// The 208 bytes as [`Header::encode`] gives them, without an integrity table.
    pub(super) fn without_integrity(&self) -> [u8; HEADER_LENGTH] {
        let integrity = ResourceHeader::default();
        Self {
            integrity,
            ..self.clone()
        }
        .encode()
    }

    /// The 208 bytes with what may have changed: number of images, places of the tables, boot image.
    pub(super) fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut encoded = self.bytes;
        let changed: [(usize, &[u8]); 7] = [
            (field::FLAGS, &self.flags.to_le_bytes()),
            (field::IMAGES, &self.images.to_le_bytes()),
            (field::BLOB_TABLE, &self.blob_table.encode()),
            (field::XML, &self.xml.encode()),
            (field::BOOT_METADATA, &self.boot_metadata.encode()),
            (field::BOOT_INDEX, &self.boot_index.to_le_bytes()),
            (field::INTEGRITY, &self.integrity.encode()),
        ];
        for (offset, value) in changed {
            // Every place is a constant within the header.
            let _fits = bytes::put(&mut encoded, offset, value);
        }
        encoded
    }
}

/// The codec that the header's flags name; LZX first, as libwim decides when several are set.
fn codec_of(flags: u32) -> Option<Codec> {
    if flags & flag::COMPRESSED == 0 {
        None
    } else if flags & flag::LZX != 0 {
        Some(Codec::Lzx)
    } else if flags & (flag::XPRESS | flag::XPRESS_OTHER) != 0 {
        Some(Codec::Xpress)
    } else {
        (flags & flag::LZMS != 0).then_some(Codec::Lzms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_header_comes_back_byte_for_byte() {
        let header = ResourceHeader {
            size: 0x00FF_EEDD_CCBB_AA99,
            flags: 0x16,
            offset: u64::MAX,
            plain: 1 << 32,
        };
        assert_eq!(ResourceHeader::read(&header.encode(), 0), Some(header));
        assert_eq!(header.range(), None, "it wraps around");
        assert!(header.has(resource_flag::METADATA | resource_flag::COMPRESSED));
    }

    #[test]
    fn a_new_header_is_one_that_is_read_again() {
        for coding in [
            None,
            Some((Codec::Xpress, 4096)),
            Some((Codec::Lzx, 1 << 21)),
            Some((Codec::Lzms, 1 << 17)),
        ] {
            let header = Header::new(coding, [7; 16]);
            let read = Header::parse(&header.encode()).unwrap();
            assert_eq!(read.coding, coding);
            assert_eq!(read.encode(), header.encode());
        }
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let good = Header::new(Some((Codec::Lzx, 1 << 15)), [0; 16]).encode();
        let with = |offset: usize, value: u8| {
            let mut bytes = good;
            bytes[offset] = value;
            Header::parse(&bytes).unwrap_err()
        };
        assert!(matches!(with(0, b'X'), Error::NotAWim));
        assert!(matches!(with(8, 1), Error::Damaged { offset: 8, .. }));
        assert!(matches!(with(12, 1), Error::UnknownVersion { .. }));
        assert!(matches!(with(21, 1), Error::ChunkSize { .. }));
        assert!(matches!(with(18, 1), Error::UnknownCodec { .. }));
        assert!(matches!(with(40, 9), Error::Damaged { offset: 40, .. }));
        assert!(matches!(Header::parse(&good[..100]), Err(Error::Short { .. })));
    }
}
