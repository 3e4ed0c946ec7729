//! Hives as a crash leaves them: dirty, with the last change in a transaction log only.

/// `before` with a write begun and not ended, and a log of Windows 8.0 and before, which needs no hashes, that makes it `after`.
/// Both are of one length.
pub fn torn(before: &[u8], after: &[u8]) -> (Vec<u8>, Vec<u8>) {
    assert_eq!(before.len(), after.len());
    let mut log = after[..512].to_vec();
    log[28..32].copy_from_slice(&1u32.to_le_bytes());
    seal(&mut log);
    let pages = (after.len() - 4096) / 512;
    log.extend(b"DIRT");
    log.extend(vec![0xFF; pages.div_ceil(8)]);
    log.resize(log.len().next_multiple_of(512), 0);
    log.extend(&after[4096..]);
    let mut torn = before.to_vec();
    let sequence = u32::from_le_bytes(torn[4..8].try_into().unwrap());
    torn[4..8].copy_from_slice(&(sequence + 1).to_le_bytes());
    seal(&mut torn);
    (torn, log)
}

/// Makes the checksum of a base block right.
pub fn seal(block: &mut [u8]) {
    let sum = block[..508]
        .as_chunks::<4>()
        .0
        .iter()
        .fold(0, |sum, part| sum ^ u32::from_le_bytes(*part));
    block[508..512].copy_from_slice(&sum.to_le_bytes());
}
