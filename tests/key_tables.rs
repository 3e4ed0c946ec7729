//! The rules of the published tables, checked once more with the library's own eyes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::collections::BTreeSet;
use wimkey::catalog::{self, KeyKind, Platform, Status};
use wimkey::key::ProductKey;

#[test]
fn every_published_key_is_unique_readable_and_passes_its_checksum() {
    let mut seen = BTreeSet::new();
    for published in catalog::published() {
        assert!(seen.insert(published.text));
        let parsed = ProductKey::parse(published.text).unwrap();
        assert!(parsed.notes.is_empty());
        assert_eq!(catalog::by_symbols(parsed.key.symbols()), Some(published));
        match parsed.key.fields() {
            Some(fields) => {
                assert!(fields.checksum_fits, "{}", published.product);
                assert_eq!(published.group_and_serial, Some((fields.group, fields.serial)));
            }
            None => assert_eq!(published.group_and_serial, None),
        }
    }
    assert_eq!(seen.len(), 182);
}

#[test]
fn every_row_has_a_source_and_what_its_kind_needs() {
    for published in catalog::published() {
        assert!(!published.sources.is_empty());
        match published.kind {
            KeyKind::Gvlk => assert!(matches!(published.clients_needed, 5 | 25)),
            KeyKind::Avma => assert!(!published.hosts.is_empty()),
        }
        if published.platform != Platform::Office {
            let edition = published.edition().unwrap();
            assert!(catalog::sku_number(edition).is_some(), "{edition}");
        }
    }
}

#[test]
fn a_group_belongs_to_one_edition_and_an_avma_group_to_no_client_setup_key() {
    for left in catalog::published() {
        for right in catalog::published() {
            let (Some((group, _)), Some((other, _))) = (left.group_and_serial, right.group_and_serial) else {
                continue;
            };
            if group == other {
                assert_eq!(left.editions, right.editions, "group {group}");
                assert_eq!(left.kind, right.kind, "group {group}");
                assert_eq!(left.activation_id, right.activation_id, "group {group}");
            }
        }
    }
}

#[test]
fn the_keys_that_look_like_server_2012_and_are_windows_8_core_are_never_offered() {
    for published in catalog::published()
        .iter()
        .filter(|key| key.status == Status::Withdrawn)
    {
        assert_eq!(published.platform, Platform::Client);
        assert_eq!(catalog::host_keys_for(published).count(), 0);
        assert!(catalog::gvlk_for(published.edition().unwrap(), 9200).is_err());
    }
}

#[test]
fn every_client_setup_key_in_use_has_a_host_key_or_none_is_documented() {
    let without: BTreeSet<&str> = catalog::published()
        .iter()
        .filter(|key| key.kind == KeyKind::Gvlk && key.status != Status::Withdrawn)
        .filter(|key| catalog::host_keys_for(key).next().is_none())
        .filter_map(catalog::PublishedKey::edition)
        .collect();
    // The editions for the Chinese government: no document names their host key.
    assert_eq!(without, BTreeSet::from(["EnterpriseG", "EnterpriseGN"]));
}

#[test]
fn every_windows_key_in_use_is_chosen_for_its_own_images() {
    for published in catalog::published() {
        if published.kind == KeyKind::Avma || published.status != Status::Current {
            continue;
        }
        for &(first, last) in published.builds {
            for build in [first, last] {
                let chosen = catalog::gvlk_for(published.edition().unwrap(), build).unwrap();
                assert_eq!(chosen, published, "{} {build}", published.product);
            }
        }
    }
}
