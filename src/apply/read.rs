//! From the text of a plan file to a plan: every fault with line and column, no key in it.

use super::document::{Document, Gvlk, ImageName, Place, Scalar, Settings};
use super::{Audit, ClientAnswers, Error, KeyFrom, Plan};
use crate::activation::parse_setting;
use crate::catalog;
use crate::catalog::settings::find;
use crate::finding::{Level, Picture};
use crate::image::Selector;
use crate::plan::{self, Places, Request};
use crate::scrub;
use crate::secret::{self, Source};
use crate::text::{decode, nearest, printable};
use crate::unattend::{AnswerFile, Wish};
use serde::Deserialize;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The largest plan file accepted, in bytes.
const SIZE_LIMIT: usize = 1 << 20;
/// How deep lists and tables may stand in each other in a plan file.
const DEPTH_LIMIT: usize = 16;
/// What a WIM begins with: the likeliest file to be named in the place of the plan.
const WIM: &[u8; 5] = b"MSWIM";
/// What to do about a field or value that no plan has.
const SEE_SCHEMA: &str = "wimkey schema plan prints all that a plan may hold.";

/// Reads a plan file and the files that it names, but no key.
///
/// # Errors
/// [`Error::Plan`] with line and column; [`Error::KeyInPlan`]; what is wrong with a file that the plan names.
pub(super) fn plan(path: &Path) -> Result<Plan, Error> {
    let bytes = secret::read_file(path, SIZE_LIMIT);
    let is_wim = match &bytes {
        Ok(bytes) => bytes.starts_with(WIM),
        // Most are larger than any plan. What is no file, as a pipe, is not opened again.
        Err(_) => path.is_file() && begins_as_a_wim(path),
    };
    if is_wim {
        return Err(Error::NotAPlan {
            path: path.to_owned(),
        });
    }
    let bytes = bytes.map_err(|cause| Error::File {
        path: path.to_owned(),
        cause,
    })?;
    let (text, _) = decode(&bytes).map_err(|cause| Error::Text {
        path: path.to_owned(),
        cause,
    })?;
    Reader { path, text: &text }.plan()
}

fn begins_as_a_wim(path: &Path) -> bool {
    let mut beginning = [0; WIM.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && beginning == *WIM
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn plan(&self) -> Result<Plan, Error> {
        if let Some(place) = catalog::exposed_key(self.text) {
            return Err(self.key_at(place));
        }
        let table = DeTable::parse(self.text).map_err(|error| self.misspelled(&error))?;
        self.refuse_hidden_keys(&table)?;
        let document = Document::deserialize(toml::Deserializer::from(table))
            .map_err(|error| self.misspelled(&error))?;
        self.resolve(document)
    }

    /// What the document asks for, with every name in it looked up.
    fn resolve(&self, document: Document) -> Result<Plan, Error> {
        let mut settings = self.settings(&document.settings)?;
        for name in document.policies.keys() {
            let is_policy = find(name.get_ref()).is_some_and(|setting| setting.subkey.contains("Policies"));
            if !is_policy && find(name.get_ref()).is_some() {
                let fault = format!(
                    "{} is no policy\nMove it to [settings].",
                    printable(name.get_ref())
                );
                return Err(self.fault(name.span(), fault));
            }
        }
        settings.extend(self.settings(&document.policies)?);
        for name in &document.unset {
            crate::activation::unset(name.get_ref(), "").map_err(|cause| self.fault(name.span(), cause))?;
        }
        for step in &document.first_boot {
            plan::first_boot_steps(std::slice::from_ref(step.get_ref()))
                .map_err(|cause| self.fault(step.span(), cause))?;
        }
        let first_boot: Vec<String> = document.first_boot.into_iter().map(Spanned::into_inner).collect();
        let kms_host = match &document.kms_host {
            Some(host) => Some(
                host.get_ref()
                    .parse()
                    .map_err(|cause| self.fault(host.span(), cause))?,
            ),
            None => None,
        };
        let (key, places, allow_other_edition) = match document.key {
            Some(key) => self.key(key)?,
            None => (None, None, false),
        };
        let answer_file = match &document.unattend {
            Some(unattend) => Some(self.answers(&unattend.file, &unattend.settings)?.into_bytes()),
            None => None,
        };
        let client = match &document.wds {
            Some(wds) => Some(ClientAnswers {
                name: wds.client_unattend.file_name().unwrap_or_default().to_owned(),
                content: self.answers(&wds.client_unattend, &wds.settings)?.into_bytes(),
            }),
            None => None,
        };
        let inside = |paths: Vec<PathBuf>| paths.iter().map(|path| self.beside(path)).collect::<Vec<_>>();
        Ok(Plan {
            path: Some(self.path.to_owned()),
            targets: document
                .targets
                .iter()
                .map(|target| self.beside(Path::new(target.get_ref())).display().to_string())
                .collect(),
            selectors: selectors(document.images, document.editions),
            output: document.output.map(|path| self.beside(&path)),
            key,
            request: Request {
                key: None,
                places,
                replay: document.replay,
                allow_other_edition,
                skip_rearm: document.skip_rearm,
                kms_host,
                settings,
                unset: document.unset.into_iter().map(Spanned::into_inner).collect(),
                registry: plan::registry_entries(&inside(document.reg))?,
                first_boot: plan::first_boot_steps(&first_boot).map_err(plan::Error::from)?,
                licences: plan::licence_files(&inside(document.license_files))?,
                answer_file,
                unix_time: plan::unix_time(),
            },
            client,
            scrub: document.scrub.map(|wanted| scrub::Request {
                kinds: wanted.kinds,
                keys: Vec::new(),
                published: wanted.published,
                rewrite_solid: wanted.rewrite_solid,
                except: Vec::new(),
            }),
            audit: document.audit.map(|wanted| Audit {
                fail_on: wanted.fail_on.unwrap_or(Level::Error),
            }),
        })
    }

    /// Where the key comes from, where it goes, and whether it may be another edition's.
    fn key(
        &self,
        key: Spanned<super::document::Key>,
    ) -> Result<(Option<KeyFrom>, Option<Places>, bool), Error> {
        let span = key.span();
        let key = key.into_inner();
        let mut sources = Vec::new();
        match key.gvlk {
            Some(Gvlk::Own(true)) => sources.push(KeyFrom::Published(None)),
            Some(Gvlk::Edition(edition)) => {
                if let Some(near) = catalog::near_edition(&edition) {
                    let fault = format!(
                        "there is no edition {}\nDid you mean {near}?",
                        printable(&edition)
                    );
                    return Err(self.fault(span, fault));
                }
                sources.push(KeyFrom::Published(Some(edition)));
            }
            Some(Gvlk::Own(false)) | None => {}
        }
        sources.extend(key.env.map(|name| KeyFrom::Text(Source::Variable(name))));
        sources.extend(key.file.map(|path| {
            KeyFrom::Text(if path.as_os_str() == "-" {
                Source::Stdin
            } else {
                Source::File(self.beside(&path))
            })
        }));
        sources.extend(key.fd.map(|number| KeyFrom::Text(Source::Descriptor(number))));
        let mut sources = sources.into_iter();
        let (Some(source), None) = (sources.next(), sources.next()) else {
            return Err(self.fault(
                span,
                "the key has no source, or more than one\nName one of gvlk, env, file and fd, as in key = { env = \"MAK\" }.",
            ));
        };
        let places = (!key.places.is_empty()).then(|| Places {
            hive: key.places.contains(&Place::Hive),
            answer_file: key.places.contains(&Place::Unattend),
        });
        Ok((Some(source), places, key.allow_other_edition))
    }

    /// Activation settings as `NAME=VALUE`, each looked up.
    fn settings(&self, settings: &Settings) -> Result<Vec<String>, Error> {
        let mut texts = Vec::new();
        for (name, value) in settings {
            let text = format!("{}={}", name.get_ref(), value.get_ref());
            if let Err(cause) = parse_setting(&text, "") {
                let span = match find(name.get_ref()) {
                    Some(_) => value.span(),
                    None => name.span(),
                };
                return Err(self.fault(span, cause));
            }
            texts.push(text);
        }
        Ok(texts)
    }

    /// An answer file with these settings in it, for all architectures that it speaks of.
    fn answers(&self, path: &Path, settings: &Settings) -> Result<AnswerFile, Error> {
        let path = self.beside(path);
        let mut answers = plan::answer_file(&path)?;
        for (name, value) in settings {
            let wish = Wish::set(name.get_ref(), &value.get_ref().to_string())
                .map_err(|cause| self.fault(name.span(), cause))?;
            for architecture in answers.own_architectures() {
                wish.apply(&mut answers, architecture)
                    .map_err(|cause| plan::InputError::AnswerFile {
                        path: path.clone(),
                        cause: Box::new(cause),
                    })?;
            }
        }
        Ok(answers)
    }

    /// A path of the plan, which is relative to its folder.
    fn beside(&self, path: &Path) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        folder.join(path)
    }

    /// Looks into every text of the document: escapes may hide a key from a look at the file.
    fn refuse_hidden_keys(&self, table: &Spanned<DeTable<'_>>) -> Result<(), Error> {
        let mut values: Vec<(&Spanned<DeValue<'_>>, usize)> = Vec::new();
        let mut tables: Vec<(&DeTable<'_>, usize)> = vec![(table.get_ref(), 0)];
        loop {
            if let Some((table, depth)) = tables.pop() {
                for (name, value) in table {
                    if catalog::exposed_key(name.get_ref()).is_some() {
                        return Err(self.key_at(name.span().start));
                    }
                    values.push((value, depth + 1));
                }
            }
            while let Some((value, depth)) = values.pop() {
                if depth > DEPTH_LIMIT {
                    return Err(self.fault(value.span(), format!("this stands too deep\n{SEE_SCHEMA}")));
                }
                match value.get_ref() {
                    DeValue::String(text) if catalog::exposed_key(text).is_some() => {
                        return Err(self.key_at(value.span().start));
                    }
                    DeValue::Array(items) => values.extend(items.iter().map(|item| (item, depth + 1))),
                    DeValue::Table(table) => tables.push((table, depth)),
                    _ => {}
                }
            }
            if tables.is_empty() {
                return Ok(());
            }
        }
    }

    fn key_at(&self, place: usize) -> Error {
        let (line, column) = self.position(place);
        Error::KeyInPlan {
            path: self.path.to_owned(),
            line,
            column,
        }
    }

    /// What the TOML reader says, and for a misspelled name the nearest that there is.
    fn misspelled(&self, error: &toml::de::Error) -> Error {
        let message = error.message().trim();
        let what = printable(&message.lines().collect::<Vec<_>>().join(", "))
            .replace("expected a sequence", "expected a list in square brackets");
        let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let remedy = match names.split_first() {
            Some((name, known)) if message.starts_with("unknown ") => {
                let suggestion = nearest(name, known.iter().copied());
                let what = message.split('`').next().unwrap_or_default().trim_end();
                let what = format!("{what} {}", printable(name));
                return self.fault(
                    error.span().unwrap_or_default(),
                    match suggestion {
                        Some(suggestion) => format!("{what}\nDid you mean {suggestion}?"),
                        None => format!("{what}\nThere are: {}.", known.join(", ")),
                    },
                );
            }
            _ => SEE_SCHEMA,
        };
        self.fault(error.span().unwrap_or_default(), format!("{what}\n{remedy}"))
    }

    fn fault(&self, span: Range<usize>, fault: impl Display) -> Error {
        let (line, column) = self.position(span.start);
        Error::Plan {
            path: self.path.to_owned(),
            line,
            column,
            fault: fault.to_string(),
            picture: self.picture(span),
        }
    }

    /// Line and column in characters of a byte, from 1.
    fn position(&self, place: usize) -> (usize, usize) {
        let before = self.text.get(..place).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The line of a fault. What stands in quotes on it may be secret and is hidden; inside a text of several lines all of it may be.
    fn picture(&self, span: Range<usize>) -> Option<Picture> {
        let before = self.text.get(..span.start)?;
        if before.contains("\"\"\"") || before.contains("'''") {
            return None;
        }
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.get(start..)?.lines().next()?;
        let mut quote = None;
        let masked = line.chars().map(|character| match quote {
            Some(open) if character == open => {
                quote = None;
                character
            }
            Some(_) => '*',
            None if matches!(character, '"' | '\'') => {
                quote = Some(character);
                character
            }
            None if character.is_control() => ' ',
            None => character,
        });
        let masked: String = masked.collect();
        let length = self.text.get(span.start..span.end.min(start + line.len()));
        let length = length.unwrap_or_default().chars().count();
        let caret = before.get(start..)?.chars().count();
        Some(Picture::new(printable(masked.trim_end()), caret, length))
    }
}

impl Display for Scalar {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Switch(on) => write!(formatter, "{}", u8::from(*on)),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => formatter.write_str(text),
            Self::List(items) => formatter.write_str(&items.join(";")),
        }
    }
}

fn selectors(images: Vec<Spanned<ImageName>>, editions: Vec<Spanned<String>>) -> Vec<Selector> {
    let images = images.into_iter().map(|image| match image.into_inner() {
        ImageName::Index(index) => Selector::Index(index),
        ImageName::Name(name) => Selector::Name(name),
    });
    let editions = editions.into_iter();
    images
        .chain(editions.map(|edition| Selector::Edition(edition.into_inner())))
        .collect()
}

/// The JSON schema of plan files.
pub(super) fn schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}
