//! Big data (`db`): a value too large for one cell, in segments.
//!
//! Promise: data is joined in memory that is wiped; the length that a value declares is what comes out.

use super::Error;
use super::cell::{Cells, lay_out, number, short};
use crate::secret::Wiped;
use zeroize::Zeroizing;

pub(super) const SIGNATURE: &[u8; 2] = b"db";
/// Where the number of segments stands.
pub(super) const COUNT: usize = 2;
/// Where the offset of the segment list stands.
pub(super) const LIST: usize = 4;
/// The size of the structure, in bytes.
pub(super) const SIZE: usize = 8;
/// The size of an entry of the segment list, in bytes.
pub(super) const LIST_WIDTH: usize = 4;
/// The most bytes that one segment holds, and that a value of one cell holds.
pub(super) const SEGMENT: usize = 16_344;
/// The payload of a segment's cell: Windows gives every segment, the last one too, a cell of 16,352 bytes.
pub(super) const SEGMENT_PAYLOAD: usize = 16_348;
/// The first minor version that has big data; before, one cell holds a value of any size.
const SINCE: u32 = 4;

/// Whether a value of `length` bytes is in segments in a hive of this minor version.
pub(super) fn is_needed(length: usize, minor: u32) -> bool {
    length > SEGMENT && minor >= SINCE
}

/// The big data structure in the cell at `offset`: where its segment list stands, and the segments in order.
pub(super) fn segments(
    cells: Cells<'_>,
    offset: u32,
) -> Result<(u32, impl Iterator<Item = u32> + use<'_>), Error> {
    let payload = cells.payload(offset, "a large value")?;
    if payload.get(..COUNT) != Some(SIGNATURE) || payload.len() < SIZE {
        return Err(Error::damaged(
            offset,
            "there is no list of segments where a large value is expected",
        ));
    }
    let count = usize::from(short(payload, COUNT));
    let list_offset = number(payload, LIST);
    let list = cells
        .payload(list_offset, "a segment list")?
        .get(..count * LIST_WIDTH)
        .ok_or_else(|| Error::damaged(list_offset, format!("a list of {count} segments leaves its cell")))?;
    let offsets = list.chunks_exact(LIST_WIDTH).map(|entry| number(entry, 0));
    Ok((list_offset, offsets))
}

/// The big data structure of `count` segments that the list at `list` names.
pub(super) fn structure(count: u16, list: u32) -> Result<Vec<u8>, Error> {
    lay_out(
        SIZE,
        &[
            (0, SIGNATURE),
            (COUNT, &count.to_le_bytes()),
            (LIST, &list.to_le_bytes()),
        ],
    )
}

/// The `length` bytes of the big data at `offset`.
pub(super) fn read(cells: Cells<'_>, offset: u32, length: usize) -> Result<Wiped, Error> {
    let mut joined = Zeroizing::new(Vec::with_capacity(length));
    let (_, segments) = segments(cells, offset)?;
    for segment in segments {
        let wanted = (length - joined.len()).min(SEGMENT);
        let part = cells
            .payload(segment, "a segment")?
            .get(..wanted)
            .ok_or_else(|| Error::damaged(segment, format!("a segment has fewer than {wanted} bytes")))?;
        joined.extend_from_slice(part);
        if joined.len() == length {
            return Ok(joined);
        }
    }
    Err(Error::damaged(
        offset,
        format!("the segments of a value hold {} of {length} bytes", joined.len()),
    ))
}
