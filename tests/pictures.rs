//! The pictures of the README are drawn from what the program prints, colours included.
//!
//! `WIMKEY_README=write cargo test --test pictures` draws them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::Desk;
use std::fmt::Write;
use std::path::Path;

/// What a character takes, in units of the picture.
const WIDTH: f32 = 8.4;
const HEIGHT: usize = 19;
const MARGIN: usize = 14;

/// Draws what a terminal shows of `text`, whose colours are escape sequences.
fn picture(command: &str, text: &str) -> String {
    let text = format!("\u{1b}[2m$ \u{1b}[0m{command}\n{text}");
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let columns = lines
        .iter()
        .map(|line| plain(line).chars().count())
        .max()
        .unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a small picture"
    )]
    let width = (columns as f32 * WIDTH) as usize + 2 * MARGIN;
    let height = lines.len() * HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, monospace\" font-size=\"14\" fill=\"#e6edf3\">\n",
        escaped(command)
    );
    for (number, line) in lines.iter().enumerate() {
        let y = MARGIN + number * HEIGHT + HEIGHT * 3 / 4;
        write!(svg, "<text x=\"{MARGIN}\" y=\"{y}\">").unwrap();
        for (style, piece) in pieces(line) {
            match style {
                "" => svg.push_str(&escaped(piece)),
                style => write!(svg, "<tspan {style}>{}</tspan>", escaped(piece)).unwrap(),
            }
        }
        svg.push_str("</text>\n");
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// The pieces of a line with the style that each has.
fn pieces(line: &str) -> Vec<(&'static str, &str)> {
    let mut style = "";
    let mut found = Vec::new();
    for (number, part) in line.split("\u{1b}[").enumerate() {
        let text = if number == 0 {
            part
        } else {
            let (code, text) = part.split_once('m').unwrap();
            style = match code {
                "0" | "" => "",
                "1" => "font-weight=\"bold\"",
                "2" => "fill=\"#8b949e\"",
                "31" => "fill=\"#ff7b72\"",
                "32" => "fill=\"#7ee787\"",
                "33" => "fill=\"#d29922\"",
                other => panic!("the colour {other} has no picture"),
            };
            text
        };
        if !text.is_empty() {
            found.push((style, text));
        }
    }
    found
}

fn plain(line: &str) -> String {
    pieces(line).into_iter().map(|(_, piece)| piece).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        // Blanks in a row are one otherwise.
        .replace(' ', "\u{a0}")
}

#[test]
fn the_pictures_show_what_the_program_prints() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("bad.xml"),
        "<?xml version=\"1.0\"?>\n<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\n  <settings pass=\"windowsPE\">\n    \
         <component name=\"Microsoft-Windows-Setup\" processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" \
         language=\"neutral\" versionScope=\"nonSxS\">\n      <UserData>\n        <ProductKey>\n          <Key></Key>\n        \
         </ProductKey>\n      </UserData>\n    </component>\n  </settings>\n</unattend>\n",
    )
    .unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/pictures");
    for (name, command) in [
        (
            "set",
            "wimkey image set install.wim:3 --gvlk --kms-host kms.example.com --unattend Autounattend.xml",
        ),
        ("lint", "wimkey unattend lint bad.xml"),
    ] {
        let arguments: Vec<&str> = command.split(' ').skip(1).chain(["--color", "always"]).collect();
        let output = desk.wimkey(&arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let truth = picture(command, &String::from_utf8(text).unwrap());
        let path = folder.join(name).with_extension("svg");
        if std::env::var_os("WIMKEY_README").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &truth).unwrap();
        }
        let said = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(said, truth, "run WIMKEY_README=write cargo test --test pictures");
        roxmltree::Document::parse(&truth).unwrap();
    }
}
