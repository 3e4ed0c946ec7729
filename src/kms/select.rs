//! The order in which a client asks the hosts that DNS names (RFC 2782): priorities first, then by lot, weighted.

use super::Record;

/// One host and its chances.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The record.
    pub record: Record,
    /// The place of its priority, from 1: a host of place 2 is asked when every host of place 1 has failed.
    pub place: usize,
    /// How likely it is the first to be asked among those of its place, from 0 to 1.
    pub share: f64,
}

/// Orders records by priority, then by the chance to be asked first; the same records always give the same list.
///
/// Shares are proportional to weights. Weights of 0 beside others have next to no chance (RFC 2782 leaves them 1 in the sum plus 1),
/// which is told as 0; where all weights are 0, all chances are the same.
pub fn rank(records: &[Record]) -> Vec<Ranked> {
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by(|left, right| {
        (
            left.priority,
            std::cmp::Reverse(left.weight),
            &left.host,
            left.port,
        )
            .cmp(&(
                right.priority,
                std::cmp::Reverse(right.weight),
                &right.host,
                right.port,
            ))
    });
    sorted.dedup();
    let mut ranked = Vec::with_capacity(sorted.len());
    for (place, group) in sorted
        .chunk_by(|left, right| left.priority == right.priority)
        .enumerate()
    {
        let sum: u32 = group.iter().map(|record| u32::from(record.weight)).sum();
        // A zone has few records: their count is exact in 32 bits.
        let count = u32::try_from(group.len()).unwrap_or(u32::MAX);
        ranked.extend(group.iter().map(|&record| Ranked {
            record: record.clone(),
            place: place + 1,
            share: if sum == 0 {
                1.0 / f64::from(count)
            } else {
                f64::from(record.weight) / f64::from(sum)
            },
        }));
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(host: &str, priority: u16, weight: u16) -> Record {
        Record {
            domain: "example.com".into(),
            priority,
            weight,
            port: 1688,
            host: host.into(),
        }
    }

    fn told(records: &[Record]) -> Vec<(String, usize, f64)> {
        rank(records)
            .into_iter()
            .map(|ranked| (ranked.record.host, ranked.place, ranked.share))
            .collect()
    }

    #[test]
    fn the_two_sites_of_the_guide_are_asked_as_it_says() {
        let east = [
            record("kms_w2", 90, 25),
            record("kms_e1", 10, 75),
            record("kms_w1", 90, 75),
            record("kms_e2", 10, 25),
        ];
        assert_eq!(
            told(&east),
            [
                ("kms_e1".into(), 1, 0.75),
                ("kms_e2".into(), 1, 0.25),
                ("kms_w1".into(), 2, 0.75),
                ("kms_w2".into(), 2, 0.25),
            ]
        );
    }

    #[test]
    fn without_weights_all_have_the_same_chance_and_zero_beside_others_next_to_none() {
        assert_eq!(
            told(&[record("b", 0, 0), record("a", 0, 0)]),
            [("a".into(), 1, 0.5), ("b".into(), 1, 0.5)]
        );
        assert_eq!(
            told(&[record("a", 0, 0), record("b", 0, 10)]),
            [("b".into(), 1, 1.0), ("a".into(), 1, 0.0)]
        );
        assert!(rank(&[]).is_empty());
    }

    #[test]
    fn a_record_given_twice_counts_once() {
        assert_eq!(told(&[record("a", 0, 1), record("a", 0, 1)]).len(), 1);
    }
}
