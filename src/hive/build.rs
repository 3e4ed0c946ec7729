//! A new hive: the base block, one bin, a root key and its security descriptor.
//!
//! Promise: the same bytes each time; no clock, no random numbers.

use super::base_block::{self, BaseBlock};
use super::cell::{BINS_START, NIL, lay_out};
use super::key_node as node;
use super::{Error, Hive, security};
use zeroize::Zeroizing;

/// The name of the root key, as tools that make hives without Windows call it.
const ROOT_NAME: &[u8] = b"ROOT";
/// Where the root key lies in every hive: in the first cell of the first bin.
const ROOT_OFFSET: u32 = 32;
/// What Windows counts writes with, at the start.
const FIRST_SEQUENCE: u32 = 1;

/// `O:BAG:BAD:P(A;CI;KA;;;BA)(A;CI;KA;;;SY)(A;CI;KR;;;BU)`, self-relative: administrators and the system do everything,
/// users read.
const DESCRIPTOR: &[u8] = &[
    // Revision 1; self-relative, list present, list protected; owner, group, no audit list, list.
    1, 0, 0x04, 0x90, 96, 0, 0, 0, 112, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, //
    // The list: revision 2, 76 bytes, 3 entries.
    2, 0, 76, 0, 3, 0, 0, 0, //
    // Allow, inherited by subkeys, 24 bytes, KEY_ALL_ACCESS, S-1-5-32-544.
    0, 2, 24, 0, 0x3F, 0, 0x0F, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, //
    // Allow, inherited by subkeys, 20 bytes, KEY_ALL_ACCESS, S-1-5-18.
    0, 2, 20, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, //
    // Allow, inherited by subkeys, 24 bytes, KEY_READ, S-1-5-32-545.
    0, 2, 24, 0, 0x19, 0, 0x02, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2, 0, 0, //
    // Owner and group: S-1-5-32-544.
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, //
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, //
];

impl Hive {
    /// An empty hive of format version 1.`minor` with a root key and one security descriptor.
    ///
    /// # Errors
    /// [`Error::Version`] for a minor version outside 3 to 6.
    pub fn create(minor: u32) -> Result<Self, Error> {
        let mut hive = Self::bare(minor)?;
        let root = hive.allocate_with(&root_node()?, 0)?;
        debug_assert_eq!(root, ROOT_OFFSET);
        let descriptor = hive.allocate_with(&security::payload(DESCRIPTOR, 1)?, root)?;
        hive.write_number(descriptor, security::NEXT, descriptor)?;
        hive.write_number(descriptor, security::PREVIOUS, descriptor)?;
        hive.write_number(root, node::SECURITY, descriptor)?;
        hive.warnings = hive.demand_whole()?.0;
        Ok(hive)
    }

    /// A hive with a base block and without bins: not yet valid.
    pub(super) fn bare(minor: u32) -> Result<Self, Error> {
        let one = 1u32.to_le_bytes();
        let mut bytes = Zeroizing::new(lay_out(
            BINS_START,
            &[
                (0, base_block::SIGNATURE),
                (base_block::MAJOR, &one),
                (base_block::MINOR, &minor.to_le_bytes()),
                (base_block::FORMAT, &one),
                (base_block::ROOT, &ROOT_OFFSET.to_le_bytes()),
                (base_block::CLUSTERING, &one),
            ],
        )?);
        base_block::seal(&mut bytes, FIRST_SEQUENCE)
            .ok_or(Error::NotAHive("it ends within its base block"))?;
        let block = BaseBlock::read_alone(&bytes)?;
        let mut hive = Self::assemble(bytes.into(), &block);
        hive.dirt = None;
        hive.is_checked = true;
        Ok(hive)
    }
}

fn root_node() -> Result<Vec<u8>, Error> {
    let flags = node::FLAG_ROOT | node::FLAG_NO_DELETE | node::FLAG_LATIN1;
    let length = u16::try_from(ROOT_NAME.len()).unwrap_or_default();
    let nil = NIL.to_le_bytes();
    lay_out(
        node::NAME + ROOT_NAME.len(),
        &[
            (0, node::SIGNATURE),
            (node::FLAGS, &flags.to_le_bytes()),
            (node::PARENT, &nil),
            (node::SUBKEY_LIST, &nil),
            (node::VOLATILE_LIST, &nil),
            (node::VALUE_LIST, &nil),
            (node::CLASS, &nil),
            (node::NAME_LENGTH, &length.to_le_bytes()),
            (node::NAME, ROOT_NAME),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_hive_is_small_whole_and_the_same_each_time() {
        for minor in 3..=6 {
            let first = Hive::create(minor).unwrap().finish().unwrap();
            let second = Hive::create(minor).unwrap().finish().unwrap();
            assert_eq!(*first, *second);
            assert_eq!(first.len(), 8192);
            assert!(super::super::check(&first).is_empty());
        }
        assert!(matches!(Hive::create(2), Err(Error::Version { .. })));
    }
}
