//! What every command takes: how to print, and how much.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(super) struct OutputOptions {
    /// How to print the result
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print only the result and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say more about what is done
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One object
    Json,
    /// SARIF 2.1.0, of commands that tell findings
    Sarif,
    /// Annotations of GitHub Actions, of commands that tell findings
    Github,
    /// The planned changes as a registration file, of image set --dry-run
    Reg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}
