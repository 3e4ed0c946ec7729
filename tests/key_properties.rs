//! Properties of keys: no text makes the reader panic, and canonical text comes back from its bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use proptest::prelude::*;
use wimkey::key::{DigitalProductId, DigitalProductId4, Form, ProductKey, Stored, read_product_id};
use wimkey::pkeyconfig::{Context, KeyConfiguration, judge_text};

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Err(error) = ProductKey::parse(&text) {
            let _ = error.to_string();
        }
        let _ = read_product_id(&text);
    }

    #[test]
    fn nearly_keys_are_read_or_refused(text in "[A-Z0-9a-z \\-\u{2010}-\u{2015}\u{A0}\u{200B}\u{FF21}-\u{FF3A}\"]{20,40}") {
        let _ = ProductKey::parse(&text);
        let verdict = judge_text(text.as_bytes(), &mut wimkey::key::Draft::new(), &Context::default());
        let _ = verdict.to_string();
    }

    #[test]
    fn canonical_text_comes_back_from_its_bytes(
        digits in "[BCDFGHJKMPQRTVWXY2346789]{25}",
        place in prop::option::of(0usize..24),
    ) {
        let mut symbols = <[u8; 25]>::try_from(digits.as_bytes()).unwrap();
        if let Some(place) = place {
            symbols[place] = b'N';
        }
        let key = ProductKey::from_symbols(&symbols).unwrap();
        prop_assert_eq!(key.form(), if place.is_some() { Form::Pkey2009 } else { Form::Pkey2005 });
        match ProductKey::from_stored(key.stored().expose()) {
            Stored::Key(back) => prop_assert!(back.symbols() == &symbols),
            Stored::Cleared => prop_assert!(symbols == [b'B'; 25]),
            Stored::NotAKey => prop_assert!(false, "not read back"),
        }
        if key.placeholder().is_none() {
            let text = key.text();
            let text = std::str::from_utf8(text.expose()).unwrap();
            prop_assert!(ProductKey::parse(text).unwrap().key.symbols() == &symbols);
        }
    }

    #[test]
    fn any_stored_bytes_are_a_key_or_none(bytes in any::<[u8; 16]>()) {
        if let Stored::Key(key) = ProductKey::from_stored(&bytes) {
            prop_assert!(key.stored().expose() == &bytes);
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_none(mut bytes in prop::collection::vec(any::<u8>(), 0..1400)) {
        for length in [164usize, 1272] {
            bytes.resize(length, 0);
            bytes[..8].copy_from_slice(&[u8::try_from(length % 256).unwrap(), u8::try_from(length / 256).unwrap(), 0, 0, if length == 164 { 3 } else { 4 }, 0, 0, 0]);
            let _ = DigitalProductId::read(&bytes);
            let _ = DigitalProductId4::read(&bytes);
            let _ = DigitalProductId::clear(&mut bytes);
            let _ = DigitalProductId4::clear(&mut bytes);
        }
    }

    #[test]
    fn any_bytes_are_a_configuration_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "(<[A-Za-z:/ ]{0,20}>|&[a-z#0-9]{0,5};|[a-z0-9]{0,4}){0,20}") {
        let _ = KeyConfiguration::parse(&bytes);
        let _ = KeyConfiguration::parse(text.as_bytes());
        let _ = KeyConfiguration::parse(format!("<ProductKeyConfiguration>{text}</ProductKeyConfiguration>").as_bytes());
    }
}
