//! `product_id` - the `ProductId` text of the registry, both forms, and the advanced product id inside
//! `DigitalProductId4`.
//!
//! Source of the forms: 21 stored blobs of real installations and eight public `ProductId` texts of Windows 7.

/// The kind of licence that stored values name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenceType {
    /// Bought in a shop.
    Retail,
    /// Came with the machine.
    Oem,
    /// Volume licence.
    Volume,
}

impl LicenceType {
    /// The licence type of a key type such as `Volume:GVLK` or `OEM:DM`.
    pub fn of_key_type(key_type: &str) -> Self {
        match key_type.split(':').next() {
            Some("OEM") => Self::Oem,
            Some("Volume") => Self::Volume,
            _ => Self::Retail,
        }
    }

    /// The number stored for it: 0, 2 or 3.
    pub fn number(self) -> u32 {
        match self {
            Self::Retail => 0,
            Self::Oem => 2,
            Self::Volume => 3,
        }
    }
}

/// When, and with which random number, stored values are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Seconds since 1970-01-01 UTC.
    pub unix_time: u32,
    /// Any number; Windows takes the last digits of `ProductId` from it.
    pub random: u32,
}

/// Serial numbers have nine digits in every text.
const SERIAL_LIMIT: u32 = 1_000_000_000;

/// The `ProductId` of Windows 8 and later, such as `00329-00000-00003-AA163`; `AAOEM` at the end for OEM keys.
///
/// `tail` is 0 to 999: Windows takes `random % 1000`. `None` if a number has too many digits.
///
/// ```
/// assert_eq!(wimkey::key::product_id(3290, 3, "Volume:GVLK", 163).unwrap(), "00329-00000-00003-AA163");
/// ```
pub fn product_id(group: u32, serial: u32, key_type: &str, tail: u32) -> Option<String> {
    if group >= 1_000_000 || serial >= SERIAL_LIMIT || tail >= 1000 {
        return None;
    }
    let digits = format!("{group:06}{serial:09}");
    let end = match LicenceType::of_key_type(key_type) {
        LicenceType::Oem => "OEM".to_owned(),
        _ => format!("{tail:03}"),
    };
    Some(format!(
        "{}-{}-{}-AA{end}",
        digits.get(..5)?,
        digits.get(5..10)?,
        digits.get(10..)?
    ))
}

/// The `ProductId` of Windows 7 and earlier, such as `00371-868-0000007-85123`.
///
/// `product_code` is the five-digit code in front (of the image's own `ProductId`), `tail` is 0 to 999.
/// `None` if a number has too many digits.
pub fn product_id_windows7(product_code: &str, group: u32, serial: u32, tail: u32) -> Option<String> {
    let code = product_code.len() == 5 && product_code.bytes().all(|byte| byte.is_ascii_digit());
    if !code || group >= 200 || serial >= SERIAL_LIMIT || tail >= 1000 {
        return None;
    }
    let (high, low) = (serial / 1_000_000, serial % 1_000_000);
    let check = check_digit(low);
    Some(format!(
        "{product_code}-{high:03}-{low:06}{check}-{:02}{tail:03}",
        group / 2
    ))
}

/// The digit, 1 to 7, that makes the digit sum divisible by seven.
fn check_digit(mut number: u32) -> u32 {
    let mut sum = 0;
    while number > 0 {
        sum += number % 10;
        number /= 10;
    }
    7 - sum % 7
}

/// What a `ProductId` text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductIdParts {
    /// Windows 8 and later.
    Current {
        /// Key group.
        group: u32,
        /// Serial number.
        serial: u32,
        /// Whether the key was an OEM key.
        oem: bool,
    },
    /// Windows 7 and earlier.
    Windows7 {
        /// The five-digit product code.
        product_code: String,
        /// Half of the key group, as the text holds it.
        half_group: u32,
        /// Serial number; for OEM texts as far as they hold it.
        serial: Option<u32>,
        /// Whether the key was an OEM key.
        oem: bool,
        /// Whether the check digit fits.
        check_fits: bool,
    },
}

/// Reads a `ProductId` text of either form; `None` if it has neither.
pub fn read_product_id(text: &str) -> Option<ProductIdParts> {
    let mut parts_left = text.split('-');
    let mut part = || parts_left.next();
    let parts = [part()?, part()?, part()?, part()?];
    if parts_left.next().is_some() {
        return None;
    }
    let number = |digits: &str| {
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse::<u32>().ok())
            .flatten()
    };
    let [first, second, third, last] = parts;
    match parts.map(str::len) {
        [5, 5, 5, 5] => {
            let tail = last.strip_prefix("AA")?;
            let oem = tail == "OEM";
            if !oem {
                number(tail)?;
            }
            let (group_end, serial_start) = second.split_at_checked(1)?;
            let group = number(first)? * 10 + number(group_end)?;
            let serial = number(serial_start)? * 100_000 + number(third)?;
            Some(ProductIdParts::Current { group, serial, oem })
        }
        [5, 3, 7, 5] => {
            number(first)?;
            number(last)?;
            if second == "OEM" {
                let (half_group, _) = third.split_at_checked(2)?;
                let check_fits = digit_sum(third)? % 7 == 0;
                return Some(ProductIdParts::Windows7 {
                    product_code: first.to_owned(),
                    half_group: number(half_group)?,
                    serial: None,
                    oem: true,
                    check_fits,
                });
            }
            let (low, _) = third.split_at_checked(6)?;
            let (half_group, _) = last.split_at_checked(2)?;
            Some(ProductIdParts::Windows7 {
                product_code: first.to_owned(),
                half_group: number(half_group)?,
                serial: Some(number(second)? * 1_000_000 + number(low)?),
                oem: false,
                check_fits: digit_sum(third)? % 7 == 0,
            })
        }
        _ => None,
    }
}

fn digit_sum(digits: &str) -> Option<u32> {
    digits.chars().map(|digit| digit.to_digit(10)).sum()
}

/// The advanced product id inside `DigitalProductId4`:
/// product code, group, serial, licence type, language, build, day and year.
pub fn advanced_product_id(placement: &super::Placement<'_>) -> Option<String> {
    if placement.serial >= SERIAL_LIMIT {
        return None;
    }
    let (high, low) = (placement.serial / 1_000_000, placement.serial % 1_000_000);
    let (year, day) = year_and_day(placement.stamp.unix_time);
    Some(format!(
        "{}-{:05}-{high:03}-{low:06}-{:02}-{}-{}.0000-{day:03}{year}",
        placement.product_code,
        placement.group,
        LicenceType::of_key_type(placement.key_type).number(),
        placement.language,
        placement.build,
    ))
}

/// Year and day of the year (from 1), UTC.
fn year_and_day(unix_time: u32) -> (u32, u32) {
    const DAY: u32 = 24 * 60 * 60;
    let mut day = unix_time / DAY;
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if leap { 366 } else { 365 };
        if day < length {
            return (year, day + 1);
        }
        day -= length;
        year += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Placement;

    #[test]
    fn both_forms_come_back() {
        let text = product_id(4327, 1, "Volume:GVLK", 701).unwrap();
        assert_eq!(text, "00432-70000-00001-AA701");
        assert_eq!(
            read_product_id(&text),
            Some(ProductIdParts::Current {
                group: 4327,
                serial: 1,
                oem: false
            })
        );
        let text = product_id_windows7("00371", 170, 868_000_000, 123).unwrap();
        assert_eq!(text, "00371-868-0000007-85123");
        let Some(ProductIdParts::Windows7 {
            half_group: 85,
            serial: Some(868_000_000),
            check_fits: true,
            ..
        }) = read_product_id(&text)
        else {
            panic!("not read back: {text}")
        };
    }

    #[test]
    fn an_oem_key_ends_in_oem() {
        assert_eq!(
            product_id(4362, 0, "OEM:DM", 0).unwrap(),
            "00436-20000-00000-AAOEM"
        );
    }

    #[test]
    fn the_check_digit_makes_the_sum_divisible_by_seven() {
        // Enterprise and the server editions of published product ids.
        assert_eq!(
            product_id_windows7("00392", 170, 918_500_000, 0).unwrap(),
            "00392-918-5000002-85000"
        );
        assert_eq!(
            product_id_windows7("00477", 168, 1_000_042, 0).unwrap(),
            "00477-001-0000421-84000"
        );
        assert_eq!(
            product_id_windows7("00496", 168, 1_000_128, 0).unwrap(),
            "00496-001-0001283-84000"
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(product_id(1_000_000, 0, "Retail", 0), None);
        assert_eq!(product_id_windows7("0037", 170, 0, 0), None);
        assert_eq!(read_product_id("00371-868-000000-85123"), None);
        assert_eq!(read_product_id("é0371-868-0000007-8512"), None);
    }

    #[test]
    fn a_text_of_another_form_is_none() {
        for text in [
            "",
            "00432-70000-00001",
            "00432-70000-00001-AA701-",
            "00432-70000-00001-AA70x",
            "00432-70000-00001-AAé1",
            "00432-70000-00001-BB701",
            "00432-7000x-00001-AA701",
            "é432-70000-00001-AA701",
            "00371-868-000000x-85123",
            "00371-868-0000007-8512x",
            "0037x-868-0000007-85123",
            "00371-OEM-8992671-0000x",
            "00371-OEM-é92671-00008",
        ] {
            assert_eq!(read_product_id(text), None, "{text}");
        }
    }

    #[test]
    fn every_digit_of_a_serial_counts() {
        assert_eq!(
            read_product_id("00432-71234-56789-AA701"),
            Some(ProductIdParts::Current {
                group: 4327,
                serial: 123_456_789,
                oem: false
            })
        );
        let windows7 = |text| match read_product_id(text) {
            Some(ProductIdParts::Windows7 {
                half_group,
                serial,
                oem,
                check_fits,
                ..
            }) => (half_group, serial, oem, check_fits),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(
            windows7("00371-868-1234567-85123"),
            (85, Some(868_123_456), false, true)
        );
        assert_eq!(
            windows7("00371-868-1234568-85123"),
            (85, Some(868_123_456), false, false)
        );
    }

    #[test]
    fn a_windows_7_oem_text_holds_a_check_digit_and_no_serial() {
        for (text, fits) in [
            ("00371-OEM-8992671-00008", true),
            ("00371-OEM-8992672-00008", false),
            ("00371-OEM-8992676-00008", false),
        ] {
            assert_eq!(
                read_product_id(text),
                Some(ProductIdParts::Windows7 {
                    product_code: "00371".to_owned(),
                    half_group: 89,
                    serial: None,
                    oem: true,
                    check_fits: fits,
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn every_number_has_a_limit_of_its_own() {
        assert_eq!(
            product_id(999_999, SERIAL_LIMIT - 1, "Retail", 999).unwrap(),
            "99999-99999-99999-AA999"
        );
        for (group, serial, tail) in [(1_000_000, 1, 1), (1, SERIAL_LIMIT, 1), (1, 1, 1000)] {
            assert_eq!(product_id(group, serial, "Retail", tail), None);
        }
        assert_eq!(
            product_id_windows7("00371", 199, SERIAL_LIMIT - 1, 999).unwrap(),
            "00371-999-9999992-99999"
        );
        for (group, serial, tail) in [(200, 1, 1), (1, SERIAL_LIMIT, 1), (1, 1, 1000)] {
            assert_eq!(product_id_windows7("00371", group, serial, tail), None);
        }
        assert_eq!(product_id_windows7("0037x", 170, 1, 1), None);
    }

    #[test]
    fn the_licence_type_is_that_of_the_channel() {
        let number = |key_type| LicenceType::of_key_type(key_type).number();
        let types = [
            "Retail",
            "OEM:DM",
            "OEM:NONSLP",
            "Volume:GVLK",
            "Volume:MAK",
            "",
            "OEMish",
        ];
        assert_eq!(types.map(number), [0, 2, 2, 3, 3, 0, 0]);
    }

    #[test]
    fn the_advanced_product_id_holds_the_whole_serial() {
        let key = crate::key::ProductKey::from_symbols(b"33PXH7Y6KF2VJC9XBBR8HVTHH").unwrap();
        let id = |serial| {
            advanced_product_id(&Placement {
                serial,
                ..Placement::sample(&key)
            })
        };
        assert_eq!(
            id(868_000_123).unwrap(),
            "00371-04327-868-000123-03-1033-7601.0000-3182023"
        );
        assert_eq!(id(SERIAL_LIMIT), None);
    }

    #[test]
    fn days_count_from_one_in_utc() {
        assert_eq!(year_and_day(0), (1970, 1));
        assert_eq!(year_and_day(31_535_999), (1970, 365));
        assert_eq!(year_and_day(31_536_000), (1971, 1));
        assert_eq!(year_and_day(1_556_496_314), (2019, 119));
        assert_eq!(year_and_day(u32::MAX), (2106, 38));
        assert_eq!(year_and_day(951_782_400), (2000, 60)); // 29 February
    }
}
