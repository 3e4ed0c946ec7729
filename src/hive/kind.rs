//! The types of registry values.

use std::fmt;
use std::str::FromStr;

/// The type of a value, as a number in the hive and by the name that Windows' headers give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// `REG_NONE`, 0: no type.
    None,
    /// `REG_SZ`, 1: UTF-16LE text with a terminating zero.
    String,
    /// `REG_EXPAND_SZ`, 2: text with `%variables%`.
    ExpandString,
    /// `REG_BINARY`, 3: bytes.
    Binary,
    /// `REG_DWORD`, 4: 32 bits, low byte first.
    Dword,
    /// `REG_DWORD_BIG_ENDIAN`, 5: 32 bits, high byte first.
    DwordBigEndian,
    /// `REG_LINK`, 6: where a symbolic link points, without a terminating zero.
    Link,
    /// `REG_MULTI_SZ`, 7: texts, each with a terminating zero, and one more zero.
    MultiString,
    /// `REG_RESOURCE_LIST`, 8.
    ResourceList,
    /// `REG_FULL_RESOURCE_DESCRIPTOR`, 9.
    FullResourceDescriptor,
    /// `REG_RESOURCE_REQUIREMENTS_LIST`, 10.
    ResourceRequirementsList,
    /// `REG_QWORD`, 11: 64 bits, low byte first.
    Qword,
    /// A number without a name; real hives hold many (device properties, the SAM).
    Other(u32),
}

/// Every type that has a name, with its number.
const NAMED: [(ValueKind, u32, &str); 12] = [
    (ValueKind::None, 0, "REG_NONE"),
    (ValueKind::String, 1, "REG_SZ"),
    (ValueKind::ExpandString, 2, "REG_EXPAND_SZ"),
    (ValueKind::Binary, 3, "REG_BINARY"),
    (ValueKind::Dword, 4, "REG_DWORD"),
    (ValueKind::DwordBigEndian, 5, "REG_DWORD_BIG_ENDIAN"),
    (ValueKind::Link, 6, "REG_LINK"),
    (ValueKind::MultiString, 7, "REG_MULTI_SZ"),
    (ValueKind::ResourceList, 8, "REG_RESOURCE_LIST"),
    (
        ValueKind::FullResourceDescriptor,
        9,
        "REG_FULL_RESOURCE_DESCRIPTOR",
    ),
    (
        ValueKind::ResourceRequirementsList,
        10,
        "REG_RESOURCE_REQUIREMENTS_LIST",
    ),
    (ValueKind::Qword, 11, "REG_QWORD"),
];

impl ValueKind {
    /// The number that stands in the hive.
    pub fn number(self) -> u32 {
        match self {
            Self::Other(number) => number,
            named => NAMED.iter().find(|row| row.0 == named).map_or(0, |row| row.1),
        }
    }

    /// The name in Windows' headers, or `None` for a number without a name.
    ///
    /// ```
    /// use wimkey::hive::ValueKind;
    /// assert_eq!(ValueKind::String.as_str(), Some("REG_SZ"));
    /// assert_eq!(ValueKind::Other(0x20000).as_str(), None);
    /// ```
    pub fn as_str(self) -> Option<&'static str> {
        NAMED.iter().find(|row| row.0 == self).map(|row| row.2)
    }
}

impl From<u32> for ValueKind {
    fn from(number: u32) -> Self {
        NAMED
            .iter()
            .find(|row| row.1 == number)
            .map_or(Self::Other(number), |row| row.0)
    }
}

impl From<ValueKind> for u32 {
    fn from(kind: ValueKind) -> Self {
        kind.number()
    }
}

impl fmt::Display for ValueKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "type {:#x}", self.number()),
        }
    }
}

/// The text names no type of value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type of registry value\nUse REG_SZ, REG_DWORD, REG_BINARY, … or a number.")]
pub struct UnknownKind(String);

impl FromStr for ValueKind {
    type Err = UnknownKind;

    /// Windows' name in any case, or a number, decimal or `0x…`.
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        if let Some(row) = NAMED.iter().find(|row| row.2.eq_ignore_ascii_case(text)) {
            return Ok(row.0);
        }
        let number = match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number
            .map(Self::from)
            .map_err(|_| UnknownKind(crate::text::printable(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_come_back() {
        for number in 0..20 {
            assert_eq!(ValueKind::from(number).number(), number);
        }
        for (kind, number, name) in NAMED {
            assert_eq!(name.parse(), Ok(kind));
            assert_eq!(name.to_lowercase().parse(), Ok(kind));
            assert_eq!(number.to_string().parse(), Ok(kind));
        }
        assert_eq!("0x20000".parse(), Ok(ValueKind::Other(0x2_0000)));
        assert!("REG_SOMETHING".parse::<ValueKind>().is_err());
    }
}
