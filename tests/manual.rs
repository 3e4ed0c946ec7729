//! Manual pages, help and completions: every command has them, and other programs can read them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::wimkey;
use std::process::Command;

/// Every command as its manual page is called: `wimkey-hive-get`.
fn pages() -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    wimkey()
        .args(["man"])
        .arg(folder.path().join("pages"))
        .assert()
        .success();
    let entries = folder.path().join("pages").read_dir().unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".1").unwrap().to_owned())
        .collect();
    names.sort();
    (folder, names)
}

#[test]
fn every_command_has_a_page_and_help_with_the_same_options() {
    let (folder, names) = pages();
    assert!(
        names.len() > 25 && names.contains(&"wimkey-apply".to_owned()),
        "{names:?}"
    );
    for name in &names {
        let page = std::fs::read_to_string(folder.path().join("pages").join(format!("{name}.1"))).unwrap();
        let words = name.split('-').skip(1);
        let output = wimkey().args(words).arg("--help").assert().success();
        let help = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        let options = help
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("--"));
        for option in options {
            let option = option.split([' ', '=', '[']).next().unwrap();
            let shown = option.replace('-', "\\-");
            assert!(page.contains(&shown), "{name}: --{option} is not in the page");
        }
        if common::judge("groff") {
            let output = Command::new("groff")
                .args(["-man", "-ww", "-Tutf8", "-z"])
                .arg(folder.path().join("pages").join(format!("{name}.1")))
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{name}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn completions_are_scripts_that_name_every_command() {
    let (folder, names) = pages();
    for (shell, check) in [
        ("bash", Some("bash")),
        ("zsh", Some("zsh")),
        ("fish", Some("fish")),
        ("powershell", None),
    ] {
        let output = wimkey().args(["completions", shell]).assert().success();
        let script = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        for name in &names {
            let word = name.rsplit('-').next().unwrap();
            assert!(script.contains(word), "{shell}: {word}");
        }
        // Editions are offered, where the shell's script has values at all; keys are not.
        let has_values = shell == "powershell" || script.contains("EnterpriseS");
        assert!(has_values && !script.contains("W269N"), "{shell}");
        if let Some(program) = check.filter(|program| Command::new(program).arg("--version").output().is_ok())
        {
            let path = folder.path().join(shell);
            std::fs::write(&path, &script).unwrap();
            let output = Command::new(program).arg("-n").arg(&path).output().unwrap();
            assert!(
                output.status.success(),
                "{shell}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn every_command_shows_how_it_is_called_in_lines_that_can_be_pasted() {
    let (folder, names) = pages();
    for name in &names {
        let page = std::fs::read_to_string(folder.path().join("pages").join(format!("{name}.1"))).unwrap();
        let foot = format!("\"wimkey {}\"", env!("CARGO_PKG_VERSION"));
        assert!(
            page.lines()
                .any(|line| line.starts_with(".TH ") && line.contains(&foot)),
            "{name}"
        );
        assert!(page.is_ascii() && !page.contains(".SH EXTRA"), "{name}");
        if page.contains(".SH SUBCOMMANDS") && name != "wimkey" {
            continue;
        }
        let words = name.split('-').skip(1);
        let output = wimkey().args(words).arg("--help").assert().success();
        let help = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        // The script of a shell goes to that shell's place, and is shown in a table of shells.
        let calls = help
            .lines()
            .filter(|line| line.starts_with("  wimkey ") || line.contains("  wimkey completions"));
        assert!(calls.clone().count() > 0, "{name} has no example");
        assert!(
            calls
                .clone()
                .filter(|line| line.starts_with("  wimkey "))
                .all(|line| line.chars().count() <= 80),
            "{name}: {:?}",
            calls.collect::<Vec<_>>()
        );
        if help.contains("\nExamples:\n") {
            assert!(page.contains(".SH EXAMPLES\n.nf\n"), "{name}: {page}");
        }
    }
}

#[test]
fn no_value_that_shells_offer_has_a_backslash() {
    // A backslash in a value makes fish complain at every start, and bash drop it.
    for (shell, mark) in [("bash", "compgen -W \""), ("fish", "-a \"")] {
        let output = wimkey().args(["completions", shell]).assert().success();
        let script = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        let offers = script.lines().filter(|line| line.contains(mark));
        for line in offers.map(|line| line.replace("\\t", "")) {
            let values = line.split(mark).nth(1).unwrap();
            assert!(
                !values.contains("\\U") && !values.contains("\\K"),
                "{shell}: {line}"
            );
        }
        assert!(script.contains("KeyManagementServiceName"), "{shell}");
    }
}
