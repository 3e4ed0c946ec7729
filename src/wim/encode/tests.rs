//! Which chunks are taken over, when a content is stored as it is, and what is kept of chunks that were compressed.

use super::*;

/// Bytes that no codec makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = 1u32;
    (0..length)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        })
        .collect()
}

fn encoded(content: &[u8], coding: (Codec, u32), base: Option<&Base>) -> Encoded {
    let coding = Some(coding);
    let survey = survey(content, coding, base, &Allowance::default());
    encode(content, coding, base, survey, &Mutex::default()).unwrap()
}

/// The old resource of `content`, with chunks that stand in the file one behind the other.
fn base_of(content: &[u8], chunk_size: usize) -> Base {
    let mut offset = 1000;
    let chunks = content.chunks(chunk_size).map(|plain| {
        let chunk = Chunk {
            offset,
            length: 100,
            plain: u32::try_from(plain.len()).unwrap(),
        };
        offset += 100;
        chunk
    });
    let chunks = chunks.collect();
    let prints = content.chunks(chunk_size).flat_map(fingerprint::prints);
    let prints = prints.collect();
    Base { chunks, prints }
}

#[test]
fn a_resource_is_shorter_than_its_content_or_stored_as_it_is() {
    let (mut compressed, mut stored) = (0, 0);
    // A run of zeros in one of many chunks: at some length it spares just what the table of the chunks takes.
    for run in (200..900).step_by(4) {
        let mut content = noise(17 * 4096);
        content[..run].fill(0);
        let encoded = encoded(&content, (Codec::Xpress, 4096), None);
        if encoded.compressed {
            compressed += 1;
            assert!(encoded.size() < encoded.plain, "{run}");
        } else {
            stored += 1;
            assert_eq!(encoded.size(), encoded.plain);
        }
    }
    assert!(
        compressed > 10 && stored > 10,
        "{compressed} compressed, {stored} stored"
    );
}

#[test]
fn a_short_content_is_compressed_in_a_wim_with_long_chunks() {
    for coding in [
        (Codec::Lzx, 1 << 21),
        (Codec::Lzms, 1 << 26),
        (Codec::Xpress, 1 << 16),
    ] {
        let encoded = encoded(&b"again and ".repeat(1000), coding, None);
        assert!(
            encoded.compressed && encoded.size() < 500,
            "{coding:?}: {}",
            encoded.size()
        );
    }
}

#[test]
fn chunks_of_several_blocks_are_taken_over_where_no_block_changed() {
    const CHUNK: usize = 1 << 16;
    let old = vec![7; 4 * CHUNK + 100];
    let base = base_of(&old, CHUNK);
    // One in the second block of a chunk, the other in the last, short chunk.
    for (place, expected) in [(2 * CHUNK + 40_000, [0, 1, 3, 4]), (4 * CHUNK + 50, [0, 1, 2, 3])] {
        let mut new = old.clone();
        new[place] = 8;
        let encoded = encoded(&new, (Codec::Xpress, 1 << 16), Some(&base));
        assert_eq!((encoded.chunks_kept, encoded.chunks_made), (4, 1));
        // The table, what is new, and what stands before and behind it, in one piece each.
        assert!(encoded.pieces.len() <= 4);
        let copied: Vec<_> = encoded
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Copy(range) => Some(range.clone()),
                Piece::Bytes(_) => None,
            })
            .flat_map(|range| range.step_by(100))
            .collect();
        assert_eq!(copied, expected.map(|index| 1000 + 100 * index));
    }
}

#[test]
fn a_chunk_of_another_length_is_not_taken_over() {
    let old = vec![7; 3 * 4096];
    let base = base_of(&old, 4096);
    let encoded = encoded(&old[..=2 * 4096], (Codec::Xpress, 4096), Some(&base));
    assert_eq!((encoded.chunks_kept, encoded.chunks_made), (2, 1));
}

#[test]
fn equal_chunks_share_one_place_until_the_cache_is_full() {
    let mut cache = ChunkCache::default();
    let first = cache.slot(b"one");
    assert!(Arc::ptr_eq(&first, &cache.slot(b"one")));
    assert!(!Arc::ptr_eq(&first, &cache.slot(b"another")));
    assert_eq!(cache.size(), 10);
    let rest = vec![0; (32 << 20) - 10];
    assert!(Arc::ptr_eq(&cache.slot(&rest), &cache.slot(&rest)));
    assert_eq!(cache.size(), 32 << 20);
    assert!(!Arc::ptr_eq(&cache.slot(b"more"), &cache.slot(b"more")));
    assert_eq!(cache.size(), 32 << 20);
    assert!(Arc::ptr_eq(&first, &cache.slot(b"one")));
}
