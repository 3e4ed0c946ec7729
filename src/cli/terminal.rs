//! What the terminal shows: results on standard output, talk on standard error, colours and progress only where they belong.

use super::interrupt;
use super::options::{Color, Format, OutputOptions};
use crate::image::Phase;
use crate::threads::lock;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthStr;

/// For headings.
pub(super) const STRONG: Style = Style::new().bold();
/// For text as it is.
pub(super) const PLAIN: Style = Style::new();
/// For what changes.
pub(super) const CHANGED: Style = AnsiColor::Green.on_default();
/// For what stays.
pub(super) const FAINT: Style = Style::new().dimmed();
/// For faults.
pub(super) const FAULT: Style = AnsiColor::Red.on_default();
/// For warnings.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();

/// Work shorter than this shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Work counted in images.
const COUNTED: &str = "{msg:14} {bar:30} {pos} of {len}";
/// Work counted in bytes.
const MEASURED: &str = "{msg:14} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// Where output goes and how.
#[derive(Debug)]
pub(super) struct Terminal {
    format: Format,
    quiet: bool,
    verbose: bool,
}

impl Terminal {
    /// Sets colours up for the whole process.
    pub(super) fn new(options: &OutputOptions) -> Self {
        match options.color {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self {
            format: options.format,
            quiet: options.quiet,
            verbose: options.verbose,
        }
    }

    /// How results are printed.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Whether more than usual is to be said.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether results are printed as JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a result: as JSON, or as the text that `text` writes.
    pub(super) fn result<R: Serialize>(
        &self,
        result: &R,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.format {
            Format::Text => {
                let mut out = io::BufWriter::new(anstream::stdout().lock());
                text(&mut out)?;
                out.flush()
            }
            // The other formats are JSON with another frame.
            Format::Json | Format::Sarif | Format::Github | Format::Reg => Self::json(result),
        }
    }

    /// Prints a value as JSON.
    pub(super) fn json<R: Serialize>(result: &R) -> io::Result<()> {
        let mut out = io::BufWriter::new(anstream::stdout().lock());
        serde_json::to_writer_pretty(&mut out, result)?;
        writeln!(out)?;
        out.flush()
    }

    /// Says something that is not the result.
    pub(super) fn say(&self, sentence: &str) {
        if !self.quiet {
            // Talk that nobody can hear is no reason to stop.
            _ = writeln!(anstream::stderr(), "{sentence}");
        }
    }

    /// Says something that few want to know.
    pub(super) fn detail(&self, sentence: &str) {
        if self.verbose {
            self.say(sentence);
        }
    }

    /// A progress bar, shown on a terminal after a second of work.
    pub(super) fn progress(&self) -> Progress {
        interrupt::watch();
        let shown = !self.quiet && io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Progress {
            bar,
            shown,
            start: Instant::now(),
            phase: Mutex::new(None),
            wrote: AtomicBool::new(false),
        }
    }
}

/// A progress bar that appears only when the work takes long. May be told of progress by several threads.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    shown: bool,
    start: Instant,
    phase: Mutex<Option<Phase>>,
    wrote: AtomicBool,
}

impl Progress {
    /// `done` of `total` are done of this phase. Unwinds if the work was interrupted and nothing is half done.
    pub(super) fn set(&self, phase: Phase, done: u64, total: u64) {
        interrupt::stop_if_asked(phase, &self.wrote);
        self.show(phase, done, total);
    }

    /// As [`Progress::set`], without a look for interruptions.
    pub(super) fn show(&self, phase: Phase, done: u64, total: u64) {
        if !self.shown || self.start.elapsed() < PATIENCE {
            return;
        }
        let mut current = lock(&self.phase);
        let begins = *current != Some(phase);
        if begins {
            if current.is_none() {
                self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
            }
            *current = Some(phase);
            let (work, template) = match phase {
                Phase::Read => ("reading images", COUNTED),
                Phase::Compress => ("compressing", MEASURED),
                Phase::Write => ("writing", MEASURED),
                Phase::Verify => ("reading back", COUNTED),
                Phase::Search => ("searching", MEASURED),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
            self.bar.reset();
            self.bar.set_message(work);
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        if begins {
            // What was done before the bar appeared did not take no time.
            self.bar.reset_eta();
        }
    }

    /// `done` of `total` targets are done.
    pub(super) fn count(&self, done: usize, total: usize) {
        if !self.shown || self.start.elapsed() < PATIENCE {
            return;
        }
        self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template(COUNTED) {
            self.bar.set_style(style);
        }
        self.bar.set_message("targets");
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    /// Lets something be said while the bar is out of the way.
    pub(super) fn above(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Blanks between two columns.
const GAP: usize = 2;
/// A cell that is wider does not make its column wider: what stands behind it is moved, in its line alone.
const WIDEST: usize = 120;

/// Lines whose columns align; the first column may have a style of its own in each line.
pub(super) struct Rows {
    lines: Vec<(Style, Vec<String>)>,
}

impl Rows {
    /// No lines yet.
    pub(super) fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Adds a line.
    pub(super) fn add<C: Into<String>>(&mut self, first: Style, cells: impl IntoIterator<Item = C>) {
        self.lines
            .push((first, cells.into_iter().map(Into::into).collect()));
    }

    /// How wide each column is. The last cell of a line has nothing behind it that could align.
    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for (_, cells) in &self.lines {
            for (column, cell) in cells.iter().rev().skip(1).rev().enumerate() {
                if column == widths.len() {
                    widths.push(0);
                }
                let width = Some(cell.width()).filter(|&width| width <= WIDEST);
                if let Some((widest, width)) = widths.get_mut(column).zip(width) {
                    *widest = width.max(*widest);
                }
            }
        }
        widths
    }

    /// Writes the lines with `indent` spaces before and no blanks behind each.
    pub(super) fn write(&self, out: &mut dyn Write, indent: usize) -> io::Result<()> {
        let widths = self.widths();
        for (style, cells) in &self.lines {
            write!(out, "{:indent$}", "")?;
            // Blanks are owed until something stands behind them.
            let mut owed = 0;
            for (column, cell) in cells.iter().enumerate() {
                if !cell.is_empty() {
                    write!(out, "{:owed$}", "")?;
                    owed = 0;
                    if column == 0 {
                        write!(out, "{style}{cell}{style:#}")?;
                    } else {
                        write!(out, "{cell}")?;
                    }
                }
                let width = widths.get(column).copied().unwrap_or_default();
                owed += width.saturating_sub(cell.width()) + GAP;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// How long lines of prose may be: as long as the terminal is wide, but no longer than is good to read.
pub(super) fn width() -> usize {
    const NARROWEST: usize = 40;
    const WIDEST: usize = 100;
    terminal_size::terminal_size_of(io::stdout())
        .map_or(WIDEST, |(width, _)| usize::from(width.0).clamp(NARROWEST, WIDEST))
}

/// `text` in `style`.
pub(super) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[&[&str]], indent: usize) -> String {
        let mut rows = Rows::new();
        for cells in lines {
            rows.add(PLAIN, cells.iter().copied());
        }
        let mut out = Vec::new();
        rows.write(&mut out, indent).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_align_whatever_the_width_of_characters_and_no_line_ends_with_blanks() {
        let lines: [&[&str]; 4] = [
            &["a", "b", "last"],
            &["日本", "", "x"],
            &["ab", "bcd", ""],
            &["whole line, wider"],
        ];
        assert_eq!(
            written(&lines, 2),
            "  a     b    last\n  日本       x\n  ab    bcd\n  whole line, wider\n"
        );
    }

    #[test]
    fn a_very_wide_cell_moves_its_own_line_alone() {
        let wide = "w".repeat(60_000);
        let text = written(&[&["a", &wide], &["b", "c"], &[&wide, "d"]], 0);
        assert_eq!(text, format!("a  {wide}\nb  c\n{wide}  d\n"));
    }
}
