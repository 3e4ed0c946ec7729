//! Security descriptors (`sk`): shared by keys, counted, in one closed list.
//!
//! Promise: counts stay exact; a descriptor that no key uses any more leaves the list and is wiped.

use super::cell::{Cells, number};
use super::{Error, Hive};
use crate::bytes::slice;

pub(super) const SIGNATURE: &[u8; 2] = b"sk";
/// The offset of the next descriptor in the list.
pub(super) const NEXT: usize = 4;
/// The offset of the descriptor before in the list.
pub(super) const PREVIOUS: usize = 8;
/// How many keys use the descriptor.
pub(super) const USERS: usize = 12;
/// The length of the descriptor in bytes.
pub(super) const LENGTH: usize = 16;
/// The descriptor: `SECURITY_DESCRIPTOR`, self-relative.
pub(super) const DESCRIPTOR: usize = 20;

/// A security cell.
#[derive(Clone, Copy)]
pub(super) struct Security<'h> {
    payload: &'h [u8],
    descriptor: &'h [u8],
}

impl<'h> Security<'h> {
    /// The descriptor in the cell at `offset`.
    pub(super) fn read(cells: Cells<'h>, offset: u32) -> Result<Self, Error> {
        let payload = cells.payload(offset, "a security descriptor")?;
        if payload.get(..2) != Some(SIGNATURE) || payload.len() < DESCRIPTOR {
            return Err(Error::damaged(
                offset,
                "there is no security descriptor where one is expected",
            ));
        }
        let length = number(payload, LENGTH);
        let descriptor = slice(payload, DESCRIPTOR, length as usize).ok_or_else(|| {
            Error::damaged(
                offset,
                format!("a security descriptor of {length} bytes leaves its cell"),
            )
        })?;
        Ok(Self { payload, descriptor })
    }

    pub(super) fn number(self, field: usize) -> u32 {
        number(self.payload, field)
    }

    pub(super) fn descriptor(self) -> &'h [u8] {
        self.descriptor
    }

    /// How many bytes of the cell are in use.
    pub(super) fn used(self) -> usize {
        DESCRIPTOR + self.descriptor.len()
    }
}

/// The payload of a security cell that is alone in its list: both neighbours are to be set.
pub(super) fn payload(descriptor: &[u8], users: u32) -> Result<Vec<u8>, Error> {
    let mut payload = Vec::with_capacity(DESCRIPTOR + descriptor.len());
    payload.extend_from_slice(SIGNATURE);
    payload.resize(USERS, 0);
    payload.extend(users.to_le_bytes());
    payload.extend(super::cell::narrow(descriptor.len())?.to_le_bytes());
    payload.extend_from_slice(descriptor);
    Ok(payload)
}

impl Hive {
    /// One more key uses the descriptor at `offset`.
    pub(super) fn share_security(&mut self, offset: u32) -> Result<(), Error> {
        let users = Security::read(self.cells(), offset)?.number(USERS);
        self.write_number(offset, USERS, users.saturating_add(1))
    }

    /// One key fewer uses the descriptor at `offset`.
    pub(super) fn release_security(&mut self, offset: u32) -> Result<(), Error> {
        let security = Security::read(self.cells(), offset)?;
        let users = security.number(USERS);
        if users > 1 {
            return self.write_number(offset, USERS, users - 1);
        }
        let (next, previous) = (security.number(NEXT), security.number(PREVIOUS));
        if next != offset {
            self.write_number(previous, NEXT, next)?;
            self.write_number(next, PREVIOUS, previous)?;
        }
        self.release(offset)
    }
}
