//! Options of slmgr that only the running machine can do, written down for it: `SetupComplete.cmd`, which Setup runs at its end.
//!
//! Promise: a script that is there keeps every line; a step that it has already is not added again; no key and no PIN is ever written.

use crate::catalog::topics::slmgr_option;
use crate::key::ProductKey;
use std::str::FromStr;

/// Where Windows looks for the script that it runs at the end of Setup.
pub const SETUP_COMPLETE: &str = "Windows/Setup/Scripts/SetupComplete.cmd";
/// What stands in front of each step: without windows, for nobody is there to close them.
const COMMAND: &str = r#"cscript.exe //B //Nologo "%SystemRoot%\System32\slmgr.vbs""#;

/// Why a step cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FirstBootError {
    /// slmgr has no such option.
    #[error("{name} is no option of slmgr\nwimkey explain slmgr lists them.")]
    Unknown {
        /// What was asked for, made printable.
        name: String,
    },
    /// An option that belongs somewhere else.
    #[error("{name} is nothing for the first start of a machine\nInstead: {instead}.")]
    Elsewhere {
        /// The option.
        name: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A key, or a PIN.
    #[error(
        "{name} would leave a secret in a script that stays on the machine\nPass keys to image set itself: --key-file PATH with --unattend FILE."
    )]
    Secret {
        /// The option.
        name: &'static str,
    },
    /// Something that the command interpreter would take for its own.
    #[error("{character:?} cannot stand in a step\nSteps hold letters, digits and - . : {{ }} [ ] only.")]
    Character {
        /// The first such character.
        character: char,
    },
    /// A script that is there cannot be extended.
    #[error(
        "SetupComplete.cmd in the image is UTF-16, which the command interpreter does not read\nSave it as plain text first."
    )]
    Script,
}

/// One option of slmgr with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstBootStep {
    option: &'static str,
    arguments: String,
}

impl FromStr for FirstBootStep {
    type Err = FirstBootError;

    fn from_str(text: &str) -> Result<Self, FirstBootError> {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let option = slmgr_option(name).ok_or_else(|| FirstBootError::Unknown {
            name: ProductKey::parse(name)
                .map_or_else(|_| crate::text::printable(name), |parsed| parsed.key.partial()),
        })?;
        if !option.first_boot {
            return Err(FirstBootError::Elsewhere {
                name: option.name,
                instead: option.offline,
            });
        }
        let arguments: Vec<&str> = words.collect();
        if arguments.iter().any(|word| ProductKey::parse(word).is_ok())
            || (option.name == "/fta" && arguments.len() > 1)
        {
            return Err(FirstBootError::Secret { name: option.name });
        }
        let arguments = arguments.join(" ");
        let odd = |letter: &char| !(letter.is_ascii_alphanumeric() || " -.:{}[]".contains(*letter));
        if let Some(character) = arguments.chars().find(odd) {
            return Err(FirstBootError::Character { character });
        }
        Ok(Self {
            option: option.name,
            arguments,
        })
    }
}

impl std::fmt::Display for FirstBootStep {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.option)?;
        if self.arguments.is_empty() {
            Ok(())
        } else {
            write!(formatter, " {}", self.arguments)
        }
    }
}

impl FirstBootStep {
    /// The step's line of the script.
    fn line(&self) -> String {
        format!("{COMMAND} {self}")
    }
}

/// The script with each of `steps` in it, and which of them were not there before. Steps are added at the end, or before a last line
/// that ends the script.
///
/// # Errors
/// [`FirstBootError::Script`] for a script in UTF-16.
pub fn extend(script: &[u8], steps: &[FirstBootStep]) -> Result<(Vec<u8>, Vec<bool>), FirstBootError> {
    const LINE_END: &[u8] = b"\r\n";
    if script.starts_with(&[0xFF, 0xFE]) || script.starts_with(&[0xFE, 0xFF]) {
        return Err(FirstBootError::Script);
    }
    let mut lines: Vec<Vec<u8>> = script
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let mut added = Vec::with_capacity(steps.len());
    for step in steps {
        let line = step.line();
        let is_there = lines
            .iter()
            .any(|there| there.trim_ascii().eq_ignore_ascii_case(line.as_bytes()));
        added.push(!is_there);
        if is_there {
            continue;
        }
        let mut place = lines.len();
        let last = lines.iter().rposition(|line| !line.trim_ascii().is_empty());
        if let Some(last) = last.filter(|&last| lines.get(last).is_some_and(|line| ends_script(line))) {
            place = last;
        }
        if let Some(before) = place.checked_sub(1).and_then(|before| lines.get_mut(before))
            && !before.ends_with(b"\n")
        {
            before.extend_from_slice(LINE_END);
        }
        lines.insert(place, [line.as_bytes(), LINE_END].concat());
    }
    Ok((lines.concat(), added))
}

/// The steps that a script holds, ours or not: what stands behind `slmgr.vbs` in its lines. Keys are shown by their last symbols.
pub fn steps_in(script: &[u8]) -> Vec<String> {
    const SCRIPT: &str = "slmgr.vbs";
    let text = String::from_utf8_lossy(script);
    text.lines()
        .filter(|line| {
            let first = line.trim_start().trim_start_matches('@').to_ascii_lowercase();
            !first.starts_with("rem ") && !first.starts_with("::")
        })
        .filter_map(|line| {
            let start = line.to_ascii_lowercase().find(SCRIPT)?;
            let rest = line.get(start + SCRIPT.len()..)?.trim_start_matches('"').trim();
            let words = rest.split_whitespace().map(|word| {
                ProductKey::parse(word)
                    .map_or_else(|_| crate::text::printable(word), |parsed| parsed.key.partial())
            });
            Some(words.collect::<Vec<_>>().join(" "))
        })
        .filter(|step| !step.is_empty())
        .collect()
}

/// Whether a line leaves the script, so that nothing behind it runs.
fn ends_script(line: &[u8]) -> bool {
    let line = line.trim_ascii().to_ascii_lowercase();
    let line = line.strip_prefix(b"@").unwrap_or(&line);
    line.starts_with(b"exit") || line.starts_with(b"goto :eof")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> FirstBootStep {
        text.parse().unwrap()
    }

    fn extended(script: &str, steps: &[&str]) -> String {
        let steps: Vec<_> = steps.iter().map(|text| step(text)).collect();
        let (script, _) = extend(script.as_bytes(), &steps).unwrap();
        String::from_utf8(script).unwrap()
    }

    #[test]
    fn a_script_is_made_extended_and_left_alone_the_second_time() {
        let ato = format!("{COMMAND} /ato\r\n");
        assert_eq!(extended("", &["/ato"]), ato);
        assert_eq!(extended("echo hello", &["ato"]), format!("echo hello\r\n{ato}"));
        let once = extended("@echo off\r\ncall x.cmd\r\nexit /b 0\r\n", &["/ato", "/rilc"]);
        assert_eq!(
            once,
            format!("@echo off\r\ncall x.cmd\r\n{ato}{COMMAND} /rilc\r\nexit /b 0\r\n")
        );
        assert_eq!(extended(&once, &["/ato", "/rilc"]), once);
        assert_eq!(steps_in(once.as_bytes()), ["/ato", "/rilc"]);
    }

    #[test]
    fn keys_pins_and_the_interpreters_own_characters_are_refused() {
        for (text, secret) in [
            ("/ipk 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH", false),
            ("/ato 33PXH-7Y6KF-2VJC9-XBBR8-HVTHH", true),
            ("/fta 0123456789abcdef 1234", true),
        ] {
            let error = text.parse::<FirstBootStep>().unwrap_err();
            assert_eq!(matches!(error, FirstBootError::Secret { .. }), secret, "{error}");
            assert!(!error.to_string().contains("33PXH"));
        }
        for text in ["/ato & del", "/ato %PATH%", "/ato \"", "/ato ^"] {
            let error = text.parse::<FirstBootStep>().unwrap_err();
            assert!(matches!(error, FirstBootError::Character { .. }), "{error}");
        }
    }

    #[test]
    fn what_an_image_takes_by_itself_is_named() {
        let error = "/skms kms".parse::<FirstBootStep>().unwrap_err().to_string();
        assert!(error.contains("--kms-host"), "{error}");
        let error = "/rearm".parse::<FirstBootStep>().unwrap_err().to_string();
        assert!(error.contains("--skip-rearm"), "{error}");
        assert!(matches!(
            "/nonsense".parse::<FirstBootStep>(),
            Err(FirstBootError::Unknown { .. })
        ));
        assert_eq!(extend(&[0xFF, 0xFE, 0x40, 0], &[]), Err(FirstBootError::Script));
    }
}
