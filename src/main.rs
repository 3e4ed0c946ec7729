//! The wimkey program.

fn main() {}
