//! One image: what it is, what it is to become, and the new content of every file that changes.

use super::choice::{Scene, choose};
use super::files::{answer_file, extra_files};
use super::logs;
use super::wishes::Asked;
use super::{Error, Request};
use crate::activation::{self, Change, HiveName, Wish, warning};
use crate::hive::{self, Hive};
use crate::image::{DEFAULT_USER, Facts, Image, Images, PackedFile, SOFTWARE, SYSTEM};
use crate::key::ProductKey;
use crate::licensing::{installed_licences, own_configuration};
use crate::pkeyconfig::KeyConfiguration;
use crate::secret::Bulk;
use crate::threads::Allowance;
use crate::trace::Traces;
use crate::wim::Room;

/// One image's changes.
#[derive(Debug)]
pub struct ImageChanges {
    /// The image's index.
    pub index: u32,
    /// The image's name.
    pub name: String,
    /// The image in words, with its container.
    pub described: String,
    /// What the image is.
    pub facts: Facts,
    /// What was asked and what it takes, in the order of asking.
    pub changes: Vec<Change>,
    /// What of the registry changes for other things than the key, in the order of asking.
    pub registry: Vec<Wish>,
    /// How many registry values change for the key.
    pub key_values: usize,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// New contents, empty if nothing changes.
    pub files: Vec<PackedFile>,
    /// Places in the new contents where a key that was replaced in this image still stands.
    pub residue: u64,
    /// Keys that other ones took the place of.
    pub replaced: Vec<ProductKey>,
}

impl ImageChanges {
    /// Whether anything differs from before.
    pub fn changed(&self) -> bool {
        self.changes.iter().any(|change| change.changed)
    }
}

/// The memory in which one image after the other is worked on.
#[derive(Debug, Default)]
pub struct Memory {
    allowance: Allowance,
    software: Room,
    system: Room,
    default_user: Room,
}

impl Memory {
    /// Memory for one of several workers.
    pub fn of_worker(allowance: &Allowance) -> Self {
        let room = || Room::of_worker(allowance);
        Self {
            allowance: allowance.clone(),
            software: room(),
            system: room(),
            default_user: room(),
        }
    }

    fn room(&mut self, hive: HiveName) -> &mut Room {
        match hive {
            HiveName::Software => &mut self.software,
            HiveName::System => &mut self.system,
            HiveName::DefaultUser => &mut self.default_user,
        }
    }
}

/// Works out what `request` means for one image. Nothing is written.
///
/// A hive that changes is checked before and after, and asked again for everything; only what is new of it is kept.
///
/// # Errors
/// Why it cannot be done to this image.
pub fn prepare(
    images: &Images,
    image: &Image,
    request: &Request,
    memory: &mut Memory,
) -> Result<ImageChanges, Error> {
    let bench = Bench {
        images,
        image,
        request,
    };
    let failed = |cause| images.hive_error(image, SOFTWARE, cause);
    let software = bench.open(HiveName::Software, SOFTWARE, memory)?;
    let facts = Facts::read(&software.hive, image).map_err(failed)?;
    let mut notes: Vec<String> = request
        .settings
        .iter()
        .filter_map(|setting| warning(setting, &facts.edition, facts.build))
        .collect();
    let chosen = match &request.key {
        Some(key) => {
            let configuration = key_configuration(images, image, &mut notes)?;
            let licences = installed_licences(images, image, &facts.edition)?;
            let scene = Scene {
                image: images.describe(image),
                facts: &facts,
                configuration: configuration.as_ref(),
                licences: licences.as_ref(),
            };
            Some(choose(key, &scene, request, &mut notes)?)
        }
        None => None,
    };
    let Asked { wishes, of_key } = Asked::of(request, chosen.as_ref(), &facts, &software.hive, failed)?;

    let mut hives = vec![software];
    let wanted = |name: HiveName| wishes.iter().any(|wish| wish.hive == name);
    if request.replay || wanted(HiveName::System) {
        hives.push(bench.open(HiveName::System, SYSTEM, memory)?);
    }
    if wanted(HiveName::DefaultUser) {
        hives.push(bench.open(HiveName::DefaultUser, DEFAULT_USER, memory)?);
    }
    let mut edited = bench.edit(hives, &wishes, chosen.is_some(), memory)?;
    if let Some(chosen) = &chosen {
        edited
            .replaced
            .retain(|key| key.symbols() != chosen.key.symbols());
    }
    let traces = Traces::of(&edited.replaced);
    let mut residue = 0;
    let mut files = Vec::new();
    for (name, path, content) in edited.contents {
        residue += traces.count(&content) + across_seams(&content, &traces);
        let content = asked_again(images, image, (name, path), content, &wishes)?;
        files.push(images.pack(image.index, path, content, memory.room(name))?);
        for log in logs::emptied(images, image, path)? {
            notes.push(format!(
                "{} is emptied: it held pages of the hive as it was",
                log.path
            ));
            files.push(images.pack(log.image, log.path, log.content, &mut Room::default())?);
        }
    }
    let mut others = extra_files(images, image, request)?;
    if let Some(template) = &request.answer_file {
        others.push(answer_file(
            images,
            image,
            template,
            chosen.as_ref(),
            facts.architecture,
        )?);
    }
    let key_values = edited.unmet.iter().filter(|place| of_key.contains(place)).count();
    let registry = wishes
        .into_iter()
        .enumerate()
        .filter(|(place, _)| edited.unmet.contains(place) && !of_key.contains(place))
        .map(|(_, wish)| wish)
        .collect();
    let mut changes = edited.changes;
    for (change, file) in others {
        changes.push(change);
        if let Some(file) = file {
            residue += traces.count(&file.content);
            files.push(images.pack(file.image, file.path, file.content, &mut Room::default())?);
        }
    }
    Ok(ImageChanges {
        index: image.index,
        name: image.name.clone(),
        described: images.describe(image),
        facts,
        changes,
        registry,
        key_values,
        notes,
        files,
        residue,
        replaced: edited.replaced,
    })
}

/// Counts keys that lie across the cuts of a hive's large values.
fn across_seams(hive: &[u8], traces: &Traces) -> u64 {
    let mut count = 0;
    if !traces.is_empty() {
        // What was just written is a hive; whatever is none has no seams.
        _ = hive::seams(hive, Traces::LONGEST, &mut |seam| {
            let places = traces.find(&seam.bytes);
            count += places
                .iter()
                .filter(|place| seam.cuts(place.offset, place.length))
                .count() as u64;
        });
    }
    count
}

/// Where the hives of one image are worked on.
struct Bench<'a> {
    images: &'a Images,
    image: &'a Image,
    request: &'a Request,
}

/// A hive that can be edited.
struct OpenHive {
    name: HiveName,
    path: &'static str,
    hive: Hive,
    /// What its transaction logs brought.
    replayed: Option<Change>,
}

/// What became of the hives.
#[derive(Default)]
struct Edited {
    changes: Vec<Change>,
    replaced: Vec<ProductKey>,
    /// The places of the wishes that were not met yet.
    unmet: Vec<usize>,
    /// New contents of those that changed.
    contents: Vec<(HiveName, &'static str, Bulk)>,
}

impl Bench<'_> {
    fn open(&self, name: HiveName, path: &'static str, memory: &mut Memory) -> Result<OpenHive, Error> {
        let bytes = self.images.require_into(self.image, path, memory.room(name))?;
        let (bytes, replayed) = if self.request.replay {
            logs::replayed(self.images, self.image, path, bytes)?
        } else {
            (bytes, None)
        };
        let hive = Hive::open_bulk(bytes, memory.allowance.clone())
            .map_err(|cause| self.images.hive_error(self.image, path, cause))?;
        Ok(OpenHive {
            name,
            path,
            hive,
            replayed,
        })
    }

    /// Does what is wished for. When a key is put in, what earlier keys left in unused cells goes too.
    fn edit(
        &self,
        hives: Vec<OpenHive>,
        wishes: &[Wish],
        with_key: bool,
        memory: &mut Memory,
    ) -> Result<Edited, Error> {
        let mut edited = Edited::default();
        for OpenHive {
            name,
            path,
            mut hive,
            replayed,
        } in hives
        {
            let failed = |cause| self.images.hive_error(self.image, path, cause);
            let applied = activation::apply(&mut hive, name, wishes).map_err(failed)?;
            let changed = replayed.is_some() || hive.is_changed();
            edited.changes.extend(replayed);
            edited.changes.extend(applied.changes);
            edited.replaced.extend(applied.replaced);
            edited.unmet.extend(applied.unmet);
            if changed && with_key {
                // An earlier key may stand in cells that were freed long ago.
                hive.scrub().map_err(failed)?;
            }
            let content = hive.finish_in_place().map_err(failed)?;
            if changed {
                edited.contents.push((name, path, content));
            } else {
                memory.room(name).put_back(content);
            }
        }
        Ok(edited)
    }
}

/// Reads a new hive as if it came from the image and asks for every wish again. What is written later is compared with it byte by byte.
fn asked_again(
    images: &Images,
    image: &Image,
    (name, path): (HiveName, &'static str),
    content: Bulk,
    wishes: &[Wish],
) -> Result<Bulk, Error> {
    let failed = |cause| images.hive_error(image, path, cause);
    let mut hive = Hive::read_bulk(content).map_err(failed)?;
    let again = activation::apply(&mut hive, name, wishes).map_err(failed)?;
    if let Some(change) = again.changes.into_iter().find(|change| change.changed) {
        return Err(Error::NotAsAsked {
            image: images.describe(image),
            place: change.place,
            name: change.name,
        });
    }
    Ok(hive.finish_in_place().map_err(failed)?)
}

/// The image's own key configuration. One that cannot be read is noted and done without.
fn key_configuration(
    images: &Images,
    image: &Image,
    notes: &mut Vec<String>,
) -> Result<Option<KeyConfiguration>, Error> {
    let own = own_configuration(images, image)?;
    let faults = own.faults.iter();
    notes.extend(faults.map(|(path, fault)| format!("{path} cannot be used: {fault}")));
    Ok(own.joined)
}
