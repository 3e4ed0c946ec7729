//! bytes - the one place that slices untrusted bytes.
//!
//! Promise: nothing here panics or wraps. An offset from a file that points outside gives `None`.
//! All integers are little-endian, as in every format that wimkey reads.

/// `length` bytes at `offset`, or `None` if they are not all there.
///
/// ```
/// assert_eq!(wimkey::bytes::slice(b"abcd", 1, 2), Some(&b"bc"[..]));
/// assert_eq!(wimkey::bytes::slice(b"abcd", 3, 2), None);
/// assert_eq!(wimkey::bytes::slice(b"abcd", usize::MAX, 2), None);
/// ```
pub fn slice(bytes: &[u8], offset: usize, length: usize) -> Option<&[u8]> {
    bytes.get(offset..offset.checked_add(length)?)
}

/// `length` bytes at `offset` for writing, or `None` if they are not all there.
pub fn slice_mut(bytes: &mut [u8], offset: usize, length: usize) -> Option<&mut [u8]> {
    bytes.get_mut(offset..offset.checked_add(length)?)
}

/// A copy of the `N` bytes at `offset`.
pub fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    slice(bytes, offset, N)?.try_into().ok()
}

/// The u16 at `offset`.
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

/// The u32 at `offset`.
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

/// The i32 at `offset`.
pub fn i32_at(bytes: &[u8], offset: usize) -> Option<i32> {
    array(bytes, offset).map(i32::from_le_bytes)
}

/// The u64 at `offset`.
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_le_bytes)
}

/// Copies `value` to `offset`; `None`, and nothing written, if it does not fit.
#[must_use = "None means that nothing was written"]
pub fn put(bytes: &mut [u8], offset: usize, value: &[u8]) -> Option<()> {
    slice_mut(bytes, offset, value.len())?.copy_from_slice(value);
    Some(())
}

/// The least multiple of `step` (a power of two) that is not below `value`.
///
/// ```
/// assert_eq!(wimkey::bytes::align_up(9, 8), Some(16));
/// assert_eq!(wimkey::bytes::align_up(usize::MAX, 8), None);
/// ```
pub fn align_up(value: usize, step: usize) -> Option<usize> {
    debug_assert!(step.is_power_of_two());
    Some(value.checked_add(step - 1)? & !(step - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_very_end_are_read_and_one_past_is_not() {
        let bytes = [1, 0, 0, 0, 2, 0, 0, 0, 3];
        assert_eq!(u32_at(&bytes, 0), Some(1));
        assert_eq!(u64_at(&bytes, 1), Some(0x0300_0000_0200_0000));
        assert_eq!(u32_at(&bytes, 6), None);
        assert_eq!(u16_at(&bytes, usize::MAX), None);
    }

    #[test]
    fn put_writes_all_or_nothing() {
        let mut bytes = [0; 4];
        assert_eq!(put(&mut bytes, 3, &[1, 2]), None);
        assert_eq!(bytes, [0; 4]);
        assert_eq!(put(&mut bytes, 2, &[1, 2]), Some(()));
        assert_eq!(bytes, [0, 0, 1, 2]);
    }
}
