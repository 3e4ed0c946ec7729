//! `wimkey demo`: a small image of our own making, the main job on it, before and after.

use super::changes::write_outcome;
use super::terminal::{PLAIN, Rows, STRONG, Terminal, paint};
use super::{Failure, Outcome};
use crate::Error;
use crate::image::Target;
use crate::plan::{self, Destination, KeyChoice, Look, Request};
use crate::report::ImageSet;
use crate::sample;
use crate::secret::Wiped;
use std::io::{self, Write};
use std::path::Path;

/// The KMS host that the demo names.
const KMS_HOST: &str = "kms.example.com:1688";

pub(super) fn run(folder: Option<&Path>, terminal: &Terminal) -> Result<Outcome, Failure> {
    let temporary;
    let folder = match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(|cause| Error::file(folder, cause))?;
            folder
        }
        None => {
            temporary = tempfile::tempdir().map_err(|cause| Error::file(&std::env::temp_dir(), cause))?;
            temporary.path()
        }
    };
    let (wim, answers, plan_file) = (
        folder.join("install.wim"),
        folder.join("Autounattend.xml"),
        folder.join("plan.toml"),
    );
    // Somebody's own image may lie where the sample is to go.
    if let Some(own) = [&wim, &answers, &plan_file]
        .into_iter()
        .find(|path| path.exists())
    {
        let sentence = format!(
            "{} is there already, and is not overwritten\nName another folder, or move it away first.",
            own.display()
        );
        return Err(Error::Usage(sentence).into());
    }
    sample::write_wim(&wim, &sample::IMAGES)?;
    for (path, content) in [(&answers, sample::ANSWER_FILE), (&plan_file, sample::PLAN)] {
        std::fs::write(path, content).map_err(|cause| Error::file(path, cause))?;
    }

    let target = Target::new(&wim.display().to_string());
    let before = plan::show(&target)?;
    let request = Request {
        key: Some(KeyChoice::Published(None)),
        skip_rearm: Some(true),
        kms_host: KMS_HOST.parse().ok(),
        answer_file: Some(Wiped::new(sample::ANSWER_FILE.as_bytes().to_vec())),
        unix_time: plan::unix_time(),
        ..Request::default()
    };
    let outcome = plan::execute(&target, &request, Destination::Target, &|_, _, _| {})?;
    let after = plan::show(&target)?;
    let again = plan::execute(&target, &request, Destination::Target, &|_, _, _| {})?;

    terminal.result(&ImageSet::new(wim.display().to_string(), &outcome, false), |out| {
        let heading = |out: &mut dyn Write, text: &str| writeln!(out, "\n{}", paint(STRONG, text));
        writeln!(
            out,
            "Made {} with {} images, {} and {}.",
            wim.display(),
            before.len(),
            answers.display(),
            plan_file.display()
        )?;
        heading(out, "Before")?;
        overview(out, &before)?;
        heading(
            out,
            &format!("wimkey image set install.wim --gvlk --skip-rearm on --kms-host {KMS_HOST} --unattend Autounattend.xml"),
        )?;
        write_outcome(out, &outcome, false)?;
        heading(out, "After")?;
        overview(out, &after)?;
        heading(out, "The same command again")?;
        let sentence = if again.changed() { "It changed something, which it must not: please report this." } else { "Everything is already as asked; nothing was written." };
        writeln!(out, "{sentence}")
    })?;
    Ok(Outcome::Done)
}

fn overview(out: &mut dyn Write, looks: &[Look]) -> io::Result<()> {
    let mut rows = Rows::new();
    rows.add(
        STRONG,
        [
            "IMAGE",
            "EDITION",
            "BUILD",
            "PRODUCT KEY",
            "SKIPREARM",
            "KMS HOST",
            "ANSWER FILE",
        ],
    );
    for look in looks {
        let none = || "-".to_owned();
        rows.add(
            PLAIN,
            [
                look.image.name.clone(),
                look.facts.edition.clone(),
                look.facts.build.to_string(),
                look.key.as_ref().map_or_else(none, |stored| stored.key.partial()),
                look.state.skip_rearm.map_or_else(none, |value| value.to_string()),
                look.state.kms_host.clone().unwrap_or_else(none),
                look.answer_file
                    .as_ref()
                    .map_or_else(none, |keys| keys.join(", ")),
            ],
        );
    }
    rows.write(out, 0)
}
