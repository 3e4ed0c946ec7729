//! The registry values of a key in Windows 7's forms and in today's, as wishes on an image's own hive.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

use wimkey::activation::{CURRENT_VERSION, Occasion, Wanted, Wish, key_wishes, string_data};
use wimkey::catalog;
use wimkey::hive::{Hive, ValueKind};
use wimkey::key::{DigitalProductId, DigitalProductId4, ProductIdParts, Stored, read_product_id};
use wimkey::pkeyconfig::{Image, resolve};
use wimkey::sample::{self, SampleImage};

/// 2023-11-14 22:13:20 UTC, day 318 of its year.
const MOMENT: u32 = 1_700_000_000;

/// The wishes for the published key of an image whose hive holds this ProductId.
fn wishes(edition: &'static str, build: u32, product_id: Option<&str>) -> Vec<Wish> {
    let image = SampleImage {
        name: "sample",
        edition,
        build,
    };
    let mut hive = Hive::read(sample::software_hive(image).unwrap()).unwrap();
    if let Some(text) = product_id {
        hive.set_value(
            CURRENT_VERSION,
            "ProductId",
            ValueKind::String,
            &string_data(text),
        )
        .unwrap();
    }
    let key = catalog::gvlk_for(edition, build).unwrap().key().unwrap();
    let configuration =
        wimkey::pkeyconfig::KeyConfiguration::parse(sample::key_configuration(build).as_bytes());
    let configuration = configuration
        .ok()
        .filter(|_| build >= catalog::FIRST_BUILD_WITH_N);
    let identity = resolve(&key, Image { edition, build }, configuration.as_ref()).unwrap();
    let occasion = Occasion {
        build,
        edition: edition.to_owned(),
        unix_time: MOMENT,
    };
    key_wishes(&key, &identity, &occasion, &hive).unwrap()
}

/// The data that a value should have at a place below `CurrentVersion`.
fn data(wishes: &[Wish], place: &str, name: &str) -> Option<Vec<u8>> {
    let key = format!("{CURRENT_VERSION}{place}");
    let wish = wishes.iter().find(|wish| wish.key == key && wish.name == name)?;
    match &wish.wanted {
        Wanted::Value { data, .. } => Some(data.to_vec()),
        _ => None,
    }
}

fn text(data: &[u8]) -> String {
    let units: Vec<u16> = data
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|&unit| unit != 0)
        .collect();
    String::from_utf16(&units).unwrap()
}

#[test]
fn the_product_id_of_windows_7_has_its_check_digit_and_half_its_group() {
    // Group, serial and code as in public ProductId texts of these editions.
    for (edition, code, serial, digit, half_group) in [
        ("Professional", "00371", "868-000000", '7', "85"),
        ("Enterprise", "00392", "918-500000", '2', "85"),
        ("ServerStandard", "00477", "001-000042", '1', "84"),
        ("ServerDatacenter", "00496", "001-000128", '3', "84"),
    ] {
        let wishes = wishes(edition, 7601, None);
        let id = text(&data(&wishes, "", "ProductId").unwrap());
        assert_eq!(
            &id[..20],
            format!("{code}-{serial}{digit}-{half_group}"),
            "{edition}"
        );
        let sum: u32 = id[10..17].chars().filter_map(|digit| digit.to_digit(10)).sum();
        assert_eq!(sum % 7, 0, "{id}");
        let Some(ProductIdParts::Windows7 { check_fits, oem, .. }) = read_product_id(&id) else {
            panic!("{id}")
        };
        assert!(check_fits && !oem);
    }
}

#[test]
fn the_product_code_is_the_images_own() {
    let wishes = wishes("Professional", 7601, Some("55041-868-0000007-85123"));
    assert!(text(&data(&wishes, "", "ProductId").unwrap()).starts_with("55041-868-0000007-85"));
    let fourth = DigitalProductId4::read(&data(&wishes, "", "DigitalProductId4").unwrap()).unwrap();
    assert_eq!(
        fourth.advanced_product_id,
        "55041-00170-868-000000-03-1033-7601.0000-3182023"
    );
}

#[test]
fn windows_7_keeps_group_and_part_number_of_the_published_table() {
    for (edition, group, part_number) in [
        ("Professional", 170, "X15-39170"),
        ("ServerStandard", 168, "X15-34649"),
    ] {
        let wishes = wishes(edition, 7601, None);
        let third = DigitalProductId::read(&data(&wishes, "", "DigitalProductId").unwrap()).unwrap();
        let fourth = DigitalProductId4::read(&data(&wishes, "", "DigitalProductId4").unwrap()).unwrap();
        assert_eq!((third.group, third.part_number.as_str()), (group, part_number));
        assert_eq!(fourth.part_number, part_number);
        assert_eq!(
            (fourth.key_type.as_str(), fourth.eula_type.as_str()),
            ("Volume:GVLK", "Volume")
        );
        assert_eq!(third.stamp.unix_time, MOMENT);
        assert!(third.checksum_fits && fourth.key_hash_fits && fourth.hash_fits);
        let published = catalog::gvlk_for(edition, 7601).unwrap();
        for stored in [third.key, fourth.key] {
            let Stored::Key(key) = stored else {
                panic!("no key")
            };
            assert_eq!(catalog::row_of(&key), Some(published));
        }
        // These values came with Windows 10 only.
        assert!(wishes.iter().all(|wish| wish.name != "OSProductPfn"));
        assert!(data(&wishes, r"\DefaultProductKey2", "ProductId").is_none());
    }
}

#[test]
fn today_the_product_id_has_fifteen_digits_and_a_second_place() {
    let wishes = wishes("Professional", 22621, Some("00371-868-0000007-85123"));
    let (group, serial) = catalog::gvlk_for("Professional", 22621)
        .unwrap()
        .group_and_serial
        .unwrap();
    let id = text(&data(&wishes, "", "ProductId").unwrap());
    let Some(ProductIdParts::Current {
        group: own,
        serial: own_serial,
        oem,
    }) = read_product_id(&id)
    else {
        panic!("{id}")
    };
    assert_eq!((own, own_serial, oem), (group, serial, false));
    for name in ["ProductId", "DigitalProductId", "DigitalProductId4"] {
        assert_eq!(
            data(&wishes, r"\DefaultProductKey2", name),
            data(&wishes, "", name)
        );
    }
    assert_eq!(
        text(&data(&wishes, r"\DefaultProductKey2", "EditionID").unwrap()),
        "Professional"
    );
    let fourth = DigitalProductId4::read(&data(&wishes, "", "DigitalProductId4").unwrap()).unwrap();
    assert!(fourth.advanced_product_id.starts_with("00000-"));
}
