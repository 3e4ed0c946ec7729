//! The eight-bit text of REGEDIT4: Windows code page 1252, that of western Europe and America.

/// What the bytes 0x80 to 0x9F stand for; those that stand for nothing are control characters, as Windows has it.
/// Source: <https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WindowsBestFit/bestfit1252.txt>.
const UPPER: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2C6}',
    '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}', '\u{90}', '\u{2018}',
    '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2DC}', '\u{2122}', '\u{161}',
    '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}', '\u{178}',
];
/// Where they begin.
const UPPER_START: u8 = 0x80;

/// The character that `byte` stands for.
pub(super) fn character(byte: u8) -> char {
    byte.checked_sub(UPPER_START)
        .and_then(|index| UPPER.get(usize::from(index)))
        .copied()
        .unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_for_what_windows_says() {
        assert_eq!(character(b'a'), 'a');
        assert_eq!(character(0x80), '€');
        assert_eq!(character(0x9F), 'Ÿ');
        assert_eq!(character(0xE4), 'ä');
    }
}
