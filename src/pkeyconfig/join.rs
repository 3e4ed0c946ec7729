//! Puts entries and ranges together into a [`KeyConfiguration`] that can be searched, from one file or from several.

use super::{Configuration, KeyConfiguration, KeyRange};

impl KeyConfiguration {
    /// The entries (ascending by group) and their ranges, with what makes them quick to find.
    pub(super) fn assemble(
        configurations: Vec<Configuration>,
        mut ranges: Vec<KeyRange>,
        with_n: bool,
    ) -> Self {
        ranges.sort_by_key(|range| (range.configuration, range.start));
        let mut by_activation_id: Vec<usize> = (0..configurations.len()).collect();
        let id_of = |place: usize| configurations.get(place).map(|own| own.activation_id.as_str());
        by_activation_id.sort_by_key(|&place| (id_of(place), place));
        let first = |place: usize| ranges.partition_point(|range| range.configuration < place);
        Self {
            first_ranges: (0..=configurations.len()).map(first).collect(),
            groups: configurations.iter().map(|own| own.group).collect(),
            by_activation_id,
            configurations,
            ranges,
            with_n,
        }
    }

    /// Adds the entries of another file of the same image: of the KMS host keys (`pkeyconfig-csvlk.xrm-ms`) or of earlier
    /// versions of Windows (`pkeyconfig-downlevel.xrm-ms`). What both have is taken from this one.
    #[must_use]
    pub fn join(self, other: &Self) -> Self {
        let with_n = self.with_n || other.with_n;
        let is_new = |own: &Configuration| {
            let mut known = self.of_group(own.group);
            !known.any(|(_, known)| known.activation_id == own.activation_id)
        };
        let entries = |from: &Self| {
            let numbered = from.configurations.iter().cloned().enumerate();
            numbered
                .map(|(index, own)| (own, from.ranges_of(index).to_vec()))
                .collect::<Vec<_>>()
        };
        let mut all = entries(&self);
        all.extend(entries(other).into_iter().filter(|(own, _)| is_new(own)));
        // Stable: within a group this file's entries come first.
        all.sort_by_key(|(own, _)| own.group);
        let mut ranges = Vec::new();
        let number = |(configuration, (own, mut part)): (usize, (Configuration, Vec<KeyRange>))| {
            for range in &mut part {
                range.configuration = configuration;
            }
            ranges.append(&mut part);
            own
        };
        let configurations = all.into_iter().enumerate().map(number).collect();
        Self::assemble(configurations, ranges, with_n)
    }
}

#[cfg(test)]
mod tests {
    use crate::pkeyconfig::KeyConfiguration;
    use crate::pkeyconfig::sample::{self, Row};

    fn row(group: u32, key_type: &'static str, activation_id: &'static str) -> Row<'static> {
        Row {
            group,
            editions: "Professional",
            key_type,
            activation_id,
            eula_type: "Volume",
            ranges: &[("X00", 0, 9), ("X01", 10, 19)],
        }
    }

    fn parsed(rows: &[Row<'_>]) -> KeyConfiguration {
        KeyConfiguration::parse(sample::file(rows, true).as_bytes()).unwrap()
    }

    #[test]
    fn joined_files_read_as_one_file_with_the_entries_of_both() {
        let (own, host) = (row(20, "Volume:GVLK", "a"), row(10, "Volume:CSVLK", "b"));
        let twin = Row {
            key_type: "Retail",
            ..own
        };
        let joined = parsed(&[own]).join(&parsed(&[host, twin]));
        assert_eq!(joined, parsed(&[host, own]));
        assert_eq!(joined.ranges_of(0).len(), 2);
        assert_eq!(
            joined.of_activation_id("b").unwrap().configuration.key_type,
            "Volume:CSVLK"
        );
        assert_eq!(joined.of_group(20).count(), 1);
    }
}
