//! `wimkey image`: what images are, and the main job.

use super::arguments::{ImageCommand, KeyPlace, SetArguments, Switch};
use super::changes::{write_changes, write_outcome};
use super::key_source::{Choice, can_prompt, read_key};
use super::options::Format;
use super::terminal::{PLAIN, Rows, STRONG, Terminal};
use super::{Failure, Outcome};
use crate::Error;
use crate::image::{self, Images, Role, Target};
use crate::plan::{self, Destination, KeyChoice, Places, Request};
use crate::report::{ImageList, ImageSet, ImageShow};
use crate::secret::{self, Source};
use crate::unattend::AnswerFile;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

pub(super) fn run(command: ImageCommand, terminal: &Terminal) -> Result<Outcome, Failure> {
    match command {
        ImageCommand::List { target } => list(&target, terminal)?,
        ImageCommand::Show { target, reg: true } => export(&target)?,
        ImageCommand::Show { target, reg: false } => show(&target, terminal)?,
        ImageCommand::Set(arguments) => return set(*arguments, terminal),
        ImageCommand::Scrub(arguments) => return super::scrub::run(arguments, terminal),
        ImageCommand::Audit(arguments) => return super::audit::run(arguments, terminal),
    }
    Ok(Outcome::Done)
}

fn list(target: &str, terminal: &Terminal) -> Result<(), Failure> {
    let images = Images::open(&Target::new(target))?;
    let report = ImageList::new(target.to_owned(), images.selected());
    terminal.result(&report, |out| {
        let mut table = Rows::new();
        table.add(
            STRONG,
            ["INDEX", "NAME", "EDITION", "BUILD", "ARCHITECTURE", "SIZE"],
        );
        for image in images.selected() {
            table.add(
                PLAIN,
                [
                    image.index.to_string(),
                    crate::text::printable(&image.name),
                    image.edition.clone().unwrap_or_else(|| "-".into()),
                    image.build.map_or_else(|| "-".into(), |build| build.to_string()),
                    image.architecture.unwrap_or("-").to_owned(),
                    image
                        .total_bytes
                        .map_or_else(|| "-".into(), |bytes| indicatif::BinaryBytes(bytes).to_string()),
                ],
            );
        }
        table.write(out, 0)
    })?;
    Ok(())
}

fn show(target: &str, terminal: &Terminal) -> Result<(), Failure> {
    let parts = image::parts(&Target::new(target))?;
    let mut looks = Vec::new();
    for part in parts.iter().filter(|part| part.role == Role::Install) {
        let of = (parts.len() > 1).then(|| part.target.path().display().to_string());
        looks.push((of, plan::show(&part.target)?));
    }
    let report = ImageShow::new(target.to_owned(), looks, plan::beside(&parts)?);
    terminal.result(&report, |out| report.write_text(out))?;
    Ok(())
}

/// The activation settings of one image as a registration file on standard output.
fn export(target: &str) -> Result<(), Failure> {
    plan::export_settings(&Target::new(target), registration_file()?)?;
    Ok(())
}

/// The changes that a request would make to one image as a registration file on standard output.
fn export_planned(target: &Target, request: &Request, terminal: &Terminal) -> Result<(), Failure> {
    let planned = plan::export_planned(target, request, registration_file()?)?;
    if planned.left_out > 0 {
        terminal.say(&format!(
            "{} values of the product key are left out: on a running machine slmgr /ipk puts the key in.",
            planned.left_out
        ));
    }
    if request.answer_file.is_some() || !request.first_boot.is_empty() || !request.licences.is_empty() {
        terminal.say("Files that would be put into the image are not in the registration file.");
    }
    Ok(())
}

/// Standard output for a registration file: UTF-16, no sight for a terminal.
fn registration_file() -> Result<impl Write, Failure> {
    let out = io::stdout();
    if out.is_terminal() {
        return Err(Error::Usage(
            "the registration file would go to the terminal\nRedirect standard output.".to_owned(),
        )
        .into());
    }
    Ok(io::BufWriter::new(out.lock()))
}

fn set(arguments: SetArguments, terminal: &Terminal) -> Result<Outcome, Failure> {
    let target = Target::new(&arguments.target);
    let shown_target = arguments.target.clone();
    let dry_run = arguments.dry_run;
    let output = arguments.output.clone();
    let request = request(arguments, terminal)?;
    let parts = image::parts(&target)?;
    if parts.len() > 1 {
        if output.is_some() || terminal.format() == Format::Reg {
            let sentence = format!(
                "{shown_target} holds several things\nName one of its images for --output and for --format reg."
            );
            return Err(Error::Usage(sentence).into());
        }
        return super::apply::set(&target, parts, request, dry_run, terminal);
    }
    if terminal.format() == Format::Reg {
        export_planned(&target, &request, terminal)?;
        return Ok(Outcome::Done);
    }
    let destination = match &output {
        _ if dry_run => Destination::Nowhere,
        Some(path) => Destination::Copy(path),
        None => Destination::Target,
    };
    let bar = terminal.progress();
    let outcome = plan::execute(&target, &request, destination, &|phase, done, total| {
        bar.set(phase, done, total);
    })?;
    drop(bar);
    let report = ImageSet::new(shown_target, &outcome, dry_run);
    terminal.result(&report, |out| match &output {
        Some(path) if !dry_run && !outcome.changed() => {
            write_changes(out, &outcome, dry_run, true)?;
            let copy = crate::text::printable(&path.display().to_string());
            writeln!(out, "Everything is already as asked; {copy} is a copy.")
        }
        _ => write_outcome(out, &outcome, dry_run),
    })?;
    Ok(Outcome::Done)
}

/// The arguments as the library wants them; reads key and answer file.
fn request(arguments: SetArguments, terminal: &Terminal) -> Result<Request, Failure> {
    let asks_nothing = arguments.skip_rearm.is_none()
        && arguments.kms_host.is_none()
        && arguments.settings.is_empty()
        && arguments.unset.is_empty()
        && arguments.registry.is_empty()
        && arguments.first_boot.is_empty()
        && arguments.licences.is_empty()
        && arguments.unattend.is_none()
        && !arguments.replay;
    let key = match arguments.source.choice() {
        Choice::Published(edition) => Some(KeyChoice::Published(edition)),
        Choice::Text(source) => Some(KeyChoice::Own(read_key(&source, terminal)?)),
        // A place for a key, or nothing else to do: then it is a key that is wanted.
        Choice::None if (asks_nothing || !arguments.key_in.is_empty()) && can_prompt() => {
            Some(KeyChoice::Own(read_key(&Source::Prompt, terminal)?))
        }
        Choice::None if asks_nothing => return Err(plan::Error::Nothing.into()),
        Choice::None => None,
    };
    let places = (!arguments.key_in.is_empty()).then(|| Places {
        hive: arguments.key_in.contains(&KeyPlace::Hive),
        answer_file: arguments.key_in.contains(&KeyPlace::Unattend),
    });
    Ok(Request {
        key,
        places,
        replay: arguments.replay,
        allow_other_edition: arguments.allow_other_edition,
        skip_rearm: arguments.skip_rearm.map(|switch| switch == Switch::On),
        kms_host: arguments.kms_host,
        settings: arguments.settings,
        unset: arguments.unset,
        registry: plan::registry_entries(&arguments.registry).map_err(plan::Error::from)?,
        first_boot: plan::first_boot_steps(&arguments.first_boot).map_err(plan::Error::from)?,
        licences: plan::licence_files(&arguments.licences).map_err(plan::Error::from)?,
        answer_file: arguments
            .unattend
            .map(|path| plan::answer_file(&path))
            .transpose()
            .map_err(plan::Error::from)?
            .map(AnswerFile::into_bytes),
        unix_time: plan::unix_time(),
    })
}

/// Reads an answer file into memory that is wiped.
pub(super) fn read_answer_file(path: &Path) -> Result<secret::Wiped, Failure> {
    let read = secret::read_file(path, crate::unattend::SIZE_LIMIT);
    read.map_err(|cause| Failure::Work(Error::file(path, cause)))
}
