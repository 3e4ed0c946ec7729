//! codec - libwim's compressors behind a safe wrapper; the only place of this crate with unsafe code.
//!
//! Promise: no slice handed in is read or written outside its bounds, whatever the compressed bytes are; a compressor
//! forgets the last plain text before its memory is given back. Only libwim's codec functions are called, none of
//! those that open or change a WIM. Source of the contracts: the section "Compression and decompression" of `wimlib.h`.
#![allow(
    unsafe_code,
    reason = "calls to libwim's C functions; every block says why it is sound"
)]

use super::error::Error;
use std::ptr::NonNull;
use wimlib::sys;

/// A compression format that a WIM may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// XPRESS with Huffman codes, chunks of 4 KiB to 64 KiB.
    Xpress,
    /// LZX, chunks of 32 KiB to 2 MiB.
    Lzx,
    /// LZMS, chunks of 32 KiB to 64 MiB.
    Lzms,
}

impl Codec {
    /// The number of this format in the header of a solid resource, which is libwim's number for it too.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Xpress => sys::wimlib_compression_type_WIMLIB_COMPRESSION_TYPE_XPRESS,
            Self::Lzx => sys::wimlib_compression_type_WIMLIB_COMPRESSION_TYPE_LZX,
            Self::Lzms => sys::wimlib_compression_type_WIMLIB_COMPRESSION_TYPE_LZMS,
        }
    }

    /// The format with this number.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        [Self::Xpress, Self::Lzx, Self::Lzms]
            .into_iter()
            .find(|codec| codec.number() == number)
    }

    /// Whether Windows and libwim both know this format with chunks of `size` bytes.
    pub(super) fn allows_chunk_size(self, size: u32) -> bool {
        let (least, most) = match self {
            Self::Xpress => (1 << 12, 1 << 16),
            Self::Lzx => (1 << 15, 1 << 21),
            Self::Lzms => (1 << 15, 1 << 26),
        };
        size.is_power_of_two() && (least..=most).contains(&size)
    }

    /// The chunk size that Windows uses for this format, in bytes.
    pub(super) fn usual_chunk_size(self) -> u32 {
        match self {
            Self::Xpress | Self::Lzx => 1 << 15,
            Self::Lzms => 1 << 17,
        }
    }
}

/// A decompressor for chunks of one size.
pub(super) struct Decompressor {
    handle: NonNull<sys::wimlib_decompressor>,
    chunk_size: usize,
}

impl Decompressor {
    /// A decompressor for chunks of up to `chunk_size` plain bytes.
    pub(super) fn new(codec: Codec, chunk_size: usize) -> Result<Self, Error> {
        let mut handle = std::ptr::null_mut();
        // SAFETY: `handle` is a valid place for one pointer, and libwim checks the two numbers itself.
        let code = unsafe { sys::wimlib_create_decompressor(codec.number(), chunk_size, &raw mut handle) };
        match NonNull::new(handle) {
            Some(handle) if code == 0 => Ok(Self { handle, chunk_size }),
            _ => Err(Error::CodecUnavailable { codec, chunk_size }),
        }
    }

    /// Fills `plain`, whose length must be that of the chunk's plain text. `false` if `compressed` is damaged.
    pub(super) fn decompress(&mut self, compressed: &[u8], plain: &mut [u8]) -> bool {
        if plain.len() > self.chunk_size {
            return false;
        }
        // SAFETY: both pointers come from slices and go with their exact lengths; `plain` is not longer than the handle
        // was made for; the handle is live and `&mut self` keeps it from being used twice at once. libwim's contract is
        // that any compressed bytes are safe: damaged ones give a nonzero result.
        let code = unsafe {
            sys::wimlib_decompress(
                compressed.as_ptr().cast(),
                compressed.len(),
                plain.as_mut_ptr().cast(),
                plain.len(),
                self.handle.as_ptr(),
            )
        };
        code == 0
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: the handle came from wimlib_create_decompressor and is freed only here.
        unsafe { sys::wimlib_free_decompressor(self.handle.as_ptr()) }
    }
}

/// The effort of compressing, in libwim's numbers: 50 is what its tools use. LZX below 35 looks for good matches only, not for the best
/// way through all of them: a chunk takes a third of the time and becomes a few hundredths longer. Few chunks of a WIM are ours.
const LZX_EFFORT: u32 = 30;
/// libwim's number for the default of a format.
const USUAL_EFFORT: u32 = 0;

/// A compressor for chunks of one size.
pub(super) struct Compressor {
    handle: NonNull<sys::wimlib_compressor>,
    chunk_size: usize,
    dirty: bool,
}

impl Compressor {
    /// A compressor for chunks of up to `chunk_size` plain bytes.
    pub(super) fn new(codec: Codec, chunk_size: usize) -> Result<Self, Error> {
        let mut handle = std::ptr::null_mut();
        let effort = match codec {
            Codec::Lzx => LZX_EFFORT,
            Codec::Xpress | Codec::Lzms => USUAL_EFFORT,
        };
        // SAFETY: `handle` is a valid place for one pointer, and libwim checks the numbers itself.
        let code =
            unsafe { sys::wimlib_create_compressor(codec.number(), chunk_size, effort, &raw mut handle) };
        match NonNull::new(handle) {
            Some(handle) if code == 0 => Ok(Self {
                handle,
                chunk_size,
                dirty: false,
            }),
            _ => Err(Error::CodecUnavailable { codec, chunk_size }),
        }
    }

    /// Compresses `plain` into the beginning of `compressed` and says how long it became; `None` if it does not fit.
    pub(super) fn compress(&mut self, plain: &[u8], compressed: &mut [u8]) -> Option<usize> {
        if plain.is_empty() || plain.len() > self.chunk_size {
            return None;
        }
        self.dirty = true;
        // SAFETY: both pointers come from slices and go with their exact lengths; `plain` is not longer than the handle
        // was made for; the handle is live and `&mut self` keeps it from being used twice at once. libwim never writes
        // more than the length it is given and does not change the input, for the handle is not a destructive one.
        let length = unsafe {
            sys::wimlib_compress(
                plain.as_ptr().cast(),
                plain.len(),
                compressed.as_mut_ptr().cast(),
                compressed.len(),
                self.handle.as_ptr(),
            )
        };
        (1..=compressed.len()).contains(&length).then_some(length)
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        if self.dirty {
            // libwim keeps a copy of the chunk it works on and does not wipe it: a chunk of zeros takes its place.
            let zeros = vec![0; self.chunk_size];
            let mut nowhere = vec![0; self.chunk_size];
            self.compress(&zeros, &mut nowhere);
        }
        // SAFETY: the handle came from wimlib_create_compressor and is freed only here.
        unsafe { sys::wimlib_free_compressor(self.handle.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_gives_the_bytes_back() {
        let plain: Vec<u8> = (0..30_000u32)
            .flat_map(|number| (number / 7).to_le_bytes())
            .collect();
        for (codec, size) in [
            (Codec::Xpress, 1 << 12),
            (Codec::Lzx, 1 << 15),
            (Codec::Lzms, 1 << 17),
        ] {
            let plain = &plain[..size.min(plain.len())];
            let mut compressed = vec![0; plain.len() - 1];
            let length = Compressor::new(codec, size)
                .unwrap()
                .compress(plain, &mut compressed)
                .unwrap();
            let mut back = vec![0; plain.len()];
            assert!(
                Decompressor::new(codec, size)
                    .unwrap()
                    .decompress(&compressed[..length], &mut back)
            );
            assert_eq!(back, plain, "{codec:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut decompressor = Decompressor::new(Codec::Lzx, 1 << 15).unwrap();
        assert!(!decompressor.decompress(&[0xFF; 100], &mut vec![0; (1 << 15) + 1]));
        let mut compressor = Compressor::new(Codec::Lzx, 1 << 15).unwrap();
        assert_eq!(compressor.compress(&[], &mut [0; 10]), None);
        assert_eq!(compressor.compress(b"abcdefgh", &mut [0; 1]), None);
        assert!(Decompressor::new(Codec::Xpress, 1 << 30).is_err());
    }

    #[test]
    fn damaged_chunks_never_write_outside() {
        let mut seed = 1u32;
        for codec in [Codec::Xpress, Codec::Lzx, Codec::Lzms] {
            let mut decompressor = Decompressor::new(codec, 1 << 15).unwrap();
            for _ in 0..300 {
                let noise: Vec<u8> = (0..200)
                    .map(|_| {
                        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        seed.to_be_bytes()[0]
                    })
                    .collect();
                let mut plain = vec![0xAA; (1 << 15) + 64];
                decompressor.decompress(&noise, &mut plain[..1 << 15]);
                assert!(plain[1 << 15..].iter().all(|&byte| byte == 0xAA));
            }
        }
    }
}
