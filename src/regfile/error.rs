//! Why a registration file cannot be read or written.

/// Why a registration file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not text.
    #[error(
        "the registration file is {0}\nSave it as UTF-16 with a byte-order mark, as regedit does, or as UTF-8."
    )]
    Text(#[from] crate::text::Error),
    /// The first line is not that of a registration file.
    #[error(
        "line 1: a registration file begins with `Windows Registry Editor Version 5.00` or `REGEDIT4`\nExport it with regedit, `reg export` or `hive export`."
    )]
    Header,
    /// A line that is not understood.
    #[error("line {line}: {reason}\nNothing was read from the file; correct the line.")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: Reason,
    },
    /// A name that the format has no way to write.
    #[error(
        "the name of `{0}` cannot be written to a registration file\nIt holds a line break or half a surrogate pair; export the keys beside it one by one."
    )]
    Name(String),
    /// The output cannot be written.
    #[error("the registration file cannot be written: {0}\nCheck the free space and your rights.")]
    Output(#[from] std::io::Error),
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It is none of the three.
    #[error("this is neither a key in brackets nor a value nor a comment")]
    Unknown,
    /// No `]`.
    #[error("the closing bracket of a key is missing")]
    Bracket,
    /// An empty part in a path.
    #[error("the path of a key has an empty part")]
    Path,
    /// A value before the first key, or under one that is deleted.
    #[error("a value stands here under no key")]
    Homeless,
    /// No second quotation mark.
    #[error("a quotation mark is not closed")]
    Quote,
    /// A backslash before something that needs none.
    #[error(r#"a backslash in quotation marks stands before \ or " alone: write \\ for one backslash"#)]
    Escape,
    /// No `=`.
    #[error("the sign = is missing behind the name of a value")]
    Equals,
    /// What stands behind `=` is nothing known.
    #[error(
        "what stands behind the sign = is not data: a text in quotation marks, dword:, hex:, hex(type): or -"
    )]
    Data,
    /// Not 1 to 8 hexadecimal digits.
    #[error("dword: takes 1 to 8 hexadecimal digits")]
    Dword,
    /// Not pairs of hexadecimal digits with commas between.
    #[error("hex takes pairs of hexadecimal digits with commas between them")]
    Hex,
    /// Not a number in hexadecimal digits.
    #[error("the type in hex(type) is a number of at most 8 hexadecimal digits")]
    Kind,
    /// Something behind the data.
    #[error("something stands behind the data of a value")]
    Rest,
    /// More than the program reads at once.
    #[error("there are more entries than are read at once")]
    TooMany,
}
