//! repair - what the reader of keys puts right, and where.

/// A repair, and the first column where it was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Column in the input, from 1.
    pub column: usize,
    /// What was repaired.
    pub repair: Repair,
}

/// What the reader put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// A small letter was read as a capital one.
    LowerCase,
    /// A full-width letter or digit was read as the plain one.
    FullWidth,
    /// Another kind of dash was read as a hyphen.
    Dash,
    /// White space between symbols was read as a separator, or dropped beside one.
    Space,
    /// A character without width was dropped.
    Invisible,
    /// Quotation marks around the key were dropped.
    Quotes,
    /// 25 symbols without any dash were put in groups.
    Ungrouped,
}

impl std::fmt::Display for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.repair {
            Repair::LowerCase => "small letter read as capital",
            Repair::FullWidth => "full-width character read as plain",
            Repair::Dash => "typographic dash read as hyphen",
            Repair::Space => "white space read as separator",
            Repair::Invisible => "invisible character dropped",
            Repair::Quotes => "quotation mark dropped",
            Repair::Ungrouped => "dashes added after every fifth symbol",
        };
        write!(formatter, "column {}: {what}", self.column)
    }
}
