//! search - published keys by what people type: an edition, a product in plain words, the last five, an activation id.

use super::{KeyKind, Platform, PublishedKey, Status, published};
use crate::text::distance;

/// The published keys whose last group is `last_five`, in any case.
pub fn by_last_five(last_five: &str) -> impl Iterator<Item = &'static PublishedKey> {
    published().iter().filter(move |key| {
        key.text
            .rsplit('-')
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case(last_five))
    })
}

/// The published keys with this activation id, with or without braces, in any case.
pub fn by_activation_id(id: &str) -> impl Iterator<Item = &'static PublishedKey> {
    let id = id.trim().trim_start_matches('{').trim_end_matches('}');
    published()
        .iter()
        .filter(move |key| key.activation_id.is_some_and(|own| own.eq_ignore_ascii_case(id)))
}

/// The published keys for a product or edition in plain words, such as `server 2022 datacenter` or `win 11 pro`;
/// the best first. Every word of the query must occur.
///
/// The keys that come first are those whose name has the fewest words beyond the query; Windows goes before Office;
/// guest keys and withdrawn keys come last.
pub fn search(query: &str) -> Vec<&'static PublishedKey> {
    let words = words(query);
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(Rank, &PublishedKey)> = published()
        .iter()
        .filter_map(|key| {
            let surplus = surplus(key, query.trim(), &words)?;
            let guest = key.kind == KeyKind::Avma && !words.iter().any(|word| word == "avma");
            let office = key.platform == Platform::Office;
            Some(((key.status == Status::Withdrawn, guest, office, surplus), key))
        })
        .collect();
    found.sort_by_key(|&(rank, key)| (rank, std::cmp::Reverse(newest(key)), key.text));
    found.into_iter().map(|(_, key)| key).collect()
}

/// A query that finds something, where one or several words of `query` are misspelt; `None` if no such query is near.
pub fn suggest_query(query: &str) -> Option<String> {
    let mut known: Vec<String> = published()
        .iter()
        .flat_map(|key| {
            let names = std::iter::once(key.product).chain(key.also.iter().copied());
            names
                .chain([key.family])
                .chain(key.editions.iter().copied())
                .flat_map(words)
        })
        .collect();
    known.sort_unstable();
    known.dedup();
    let nearest = |word: &String| {
        if known.binary_search(word).is_ok() {
            return Some(word.clone());
        }
        // A third of the letters may be wrong.
        let limit = word.chars().count() / 3;
        let all = known.iter().map(|own| (distance(word, own), own));
        all.min()
            .filter(|&(distance, _)| distance <= limit)
            .map(|(_, own)| own.clone())
    };
    let words = words(query);
    let near = words.iter().map(nearest).collect::<Option<Vec<_>>>()?.join(" ");
    (!search(&near).is_empty()).then_some(near)
}

/// What sorts results: withdrawn, guest key, Office, surplus words; less is better.
type Rank = (bool, bool, bool, usize);

/// The newest build a key is for.
fn newest(key: &PublishedKey) -> u32 {
    key.builds.last().map_or(0, |&(_, last)| last)
}

/// How many words the best-fitting name of `key` has beyond the query; `None` if none fits.
fn surplus(key: &PublishedKey, query: &str, wanted: &[String]) -> Option<usize> {
    if key
        .editions
        .iter()
        .any(|edition| edition.eq_ignore_ascii_case(query))
    {
        return Some(0);
    }
    let kind = match key.kind {
        KeyKind::Gvlk => "gvlk",
        KeyKind::Avma => "avma",
    };
    let names = std::iter::once(&key.product).chain(key.also);
    names
        .filter_map(|name| {
            let own = words(name);
            let fits = |word: &String| word == kind || own.contains(word) || key.family_has(word);
            wanted
                .iter()
                .all(fits)
                .then(|| own.iter().filter(|word| !wanted.contains(word)).count())
        })
        .min()
}

impl PublishedKey {
    /// Whether a word occurs in the family or among the editions.
    fn family_has(&self, word: &str) -> bool {
        words(self.family).iter().any(|own| own == word)
            || self
                .editions
                .iter()
                .any(|edition| edition.eq_ignore_ascii_case(word))
    }
}

/// The words of a name in one spelling: small letters, everyday short forms written out.
fn words(text: &str) -> Vec<String> {
    text.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '.')
        .filter(|word| !word.is_empty())
        .flat_map(|word| {
            let word = word.to_lowercase();
            let spelled: &[&str] = match word.as_str() {
                "win" => &["windows"],
                "win7" => &["windows", "7"],
                "win8" => &["windows", "8"],
                "win10" => &["windows", "10"],
                "win11" => &["windows", "11"],
                "professional" => &["pro"],
                "srv" | "svr" => &["server"],
                "std" => &["standard"],
                "dc" => &["datacenter"],
                "ent" => &["enterprise"],
                "edu" => &["education"],
                "workstation" => &["workstations"],
                // Words that tell nothing apart.
                "for" | "edition" | "version" | "the" | "key" | "microsoft" | "ms" => &[],
                _ => return vec![word],
            };
            spelled.iter().map(|&word| word.to_owned()).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str) -> &'static str {
        search(query).first().map_or("", |key| key.product)
    }

    #[test]
    fn plain_words_find_the_product() {
        for (query, wanted) in [
            ("server 2022 datacenter", "Windows Server 2022 Datacenter"),
            ("win 11 pro", "Windows 11 Pro"),
            ("Windows 10 Pro", "Windows 11 Pro"),
            ("win7 enterprise", "Windows 7 Enterprise"),
            ("windows 7 professional n", "Windows 7 Professional N"),
            ("server 2008 r2 std", "Windows Server 2008 R2 Standard"),
            ("ltsb 2016", "Windows 10 Enterprise LTSB 2016"),
            ("windows 10 ltsc 2021", "Windows 11 Enterprise LTSC 2024"),
            ("office 2019 standard", "Office Standard 2019"),
            (
                "server 2022 azure edition",
                "Windows Server 2022 Datacenter: Azure Edition",
            ),
            ("EnterpriseS", "Windows 11 Enterprise LTSC 2024"),
            ("vista business", "Windows Vista Business"),
        ] {
            assert_eq!(first(query), wanted, "{query}");
        }
        assert_eq!(
            search("avma server 2022 standard").first().map(|key| key.kind),
            Some(KeyKind::Avma)
        );
        assert!(search("beos").is_empty());
        assert!(search(" ").is_empty());
    }

    #[test]
    fn misspelt_words_are_put_right() {
        for (query, wanted) in [
            ("windws server 2025 std", "windows server 2025 standard"),
            ("Enterprse LTSC 2024", "enterprise ltsc 2024"),
            ("ServerStandrd", "serverstandard"),
        ] {
            assert_eq!(suggest_query(query).as_deref(), Some(wanted));
        }
        assert_eq!(suggest_query("beos"), None);
    }

    #[test]
    fn the_last_five_and_the_activation_id_find_the_key() {
        let key = crate::catalog::gvlk_for("Enterprise", 7601).unwrap();
        assert_eq!(by_last_five("hvthh").collect::<Vec<_>>(), [key]);
        assert!(by_activation_id("{AE2EE509-1B34-41C0-ACB7-6D4650168915}").any(|found| found == key));
    }
}
