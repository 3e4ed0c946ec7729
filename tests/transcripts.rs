//! What the terminal shows, command by command, as it stands in `tests/transcripts`.

#![allow(missing_docs, reason = "tests")]

#[test]
fn commands_answer_as_written() {
    trycmd::TestCases::new().case("tests/transcripts/*.md");
}
