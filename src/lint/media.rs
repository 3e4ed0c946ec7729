//! media - the image that the file names, and what lies beside it on the media: `ei.cfg`, `PID.txt`.
//!
//! Source: Microsoft, Windows Setup Edition Configuration and Product ID Files (EI.cfg and PID.txt).

use super::draft::Drafts;
use super::keys::Keys;
use super::named::{DESCRIPTION, INDEX, NAME, is_named, metadata, named, setups};
use super::{Ground, Neighbour, NeighbourKind, is_template};
use crate::catalog::{self, rules};
use crate::finding::{Finding, Level};
use crate::key::ProductKey;
use crate::text;
use crate::unattend::{ComponentNode, Node};
use zeroize::Zeroizing;

pub(super) fn check(ground: &Ground<'_>, keys: &Keys, drafts: &mut Drafts) {
    for (component, metadata) in metadata(ground) {
        image(ground, component, metadata, drafts);
    }
    if !ground.surroundings.in_image {
        absent(ground, keys, drafts);
        for neighbour in ground.surroundings.beside {
            match neighbour.kind {
                NeighbourKind::EiCfg => ei_cfg(ground, neighbour, keys, drafts),
                NeighbourKind::PidTxt => pid_txt(ground, neighbour, keys, drafts),
            }
        }
    }
}

fn image(ground: &Ground<'_>, component: &ComponentNode<'_>, metadata: Node<'_>, drafts: &mut Drafts) {
    const PATH: &str = "ImageInstall/OSImage/InstallFrom/MetaData";
    let (key, value) = named(metadata);
    let images = ground.surroundings.images;
    let Some(node) = metadata.child("Value") else {
        return;
    };
    let span = node.value().span;
    if is_template(&value) || is_template(&key) || value.is_empty() || ground.surroundings.in_image {
        return;
    }
    let place = component.address(PATH);
    let shown = text::printable(&value);
    if key == INDEX && !value.parse().is_ok_and(|index: u32| index > 0) {
        let message = format!("{shown} is no index of an image: they are counted from 1");
        drafts.at(span, place, &rules::IMAGE_NOT_IN_WIM, message);
        return;
    }
    let message = match key.as_str() {
        INDEX => format!("the WIM has no image {shown}: it has {}", images.len()),
        NAME => format!("the WIM has no image named {shown}"),
        DESCRIPTION => format!("the WIM has no image with the description {shown}"),
        // Other metadata is not known here.
        _ => return,
    };
    if images.is_empty() || images.iter().any(|image| is_named(image, &key, &value)) {
        return;
    }
    let finding = drafts.at(span, place, &rules::IMAGE_NOT_IN_WIM, message);
    let names: Vec<String> = images
        .iter()
        .map(|image| format!("{} {}", image.index, text::printable(image.name)))
        .collect();
    finding.help = format!("It has: {}.", names.join(", "));
}

/// Neither key nor image.
fn absent(ground: &Ground<'_>, keys: &Keys, drafts: &mut Drafts) {
    let decided = keys.has_element()
        || metadata(ground).next().is_some()
        || ground
            .surroundings
            .beside
            .iter()
            .any(|file| file.kind == NeighbourKind::EiCfg);
    if decided {
        return;
    }
    // Files that only partition or load drivers leave the rest to somebody on purpose.
    let Some((component, node)) = setups(ground).find_map(|component| {
        let node = component.node.child("UserData")?;
        component.node.child("ImageInstall")?;
        Some((component, node))
    }) else {
        return;
    };
    // A WDS client is told its image elsewhere.
    if component.node.child("WindowsDeploymentServices").is_some() {
        return;
    }
    let message = "neither a product key nor an image is named: Setup asks if the media has several editions";
    let several = ground.meant().count() > 1;
    let finding = drafts.at(
        node.start_tag(),
        component.address(node.name()),
        &rules::KEY_ABSENT,
        message,
    );
    if several {
        finding.level = Level::Warning;
    }
}

/// `[EditionID]`, `[Channel]`, `[VL]`, each with its value on the next line.
fn ei_cfg(ground: &Ground<'_>, neighbour: &Neighbour, keys: &Keys, drafts: &mut Drafts) {
    if setups(ground).next().is_none() {
        return;
    }
    let Ok((content, _)) = text::decode(&neighbour.content) else {
        return;
    };
    let mut lines = content
        .lines()
        .zip(1..)
        .map(|(line, number)| (line.trim(), number));
    let section = lines.find(|(line, _)| line.eq_ignore_ascii_case("[EditionID]"));
    let edition = section.and_then(|_| lines.find(|(line, _)| !line.is_empty()));
    let edition = edition.filter(|(line, _)| !line.starts_with('['));
    let message = match (keys.for_installation(), edition) {
        // With a key Setup goes by the answer file.
        (Some((_, editions)), Some((edition, _))) if !editions.is_empty() => {
            let fits =
                |own: &String| own.eq_ignore_ascii_case(edition) || edition.eq_ignore_ascii_case("_Default");
            if editions.iter().any(fits) {
                return;
            }
            format!(
                "ei.cfg names {}, the answer file's key is for {}",
                text::printable(edition),
                editions.join(", ")
            )
        }
        (Some(_), _) => return,
        (None, Some((edition, _))) => {
            format!(
                "ei.cfg decides the edition, {}: the answer file names no key",
                text::printable(edition)
            )
        }
        (None, None) => {
            "ei.cfg decides the channel, and the answer file names no key: Setup may ask for one".to_owned()
        }
    };
    let finding = drafts.about(&rules::EI_CFG_BESIDE, message);
    finding.target.clone_from(&neighbour.path);
    finding.line = edition.or(section).map(|(_, number)| number);
}

/// `[PID]` and `Value=` with a key.
fn pid_txt(ground: &Ground<'_>, neighbour: &Neighbour, keys: &Keys, drafts: &mut Drafts) {
    if setups(ground).next().is_none() {
        return;
    }
    let Ok((content, _)) = text::decode(&neighbour.content) else {
        return;
    };
    let value = content.lines().zip(1..).find_map(|(line, number)| {
        let (name, value) = line.split_once('=')?;
        let value = Zeroizing::new(value.trim().to_owned());
        name.trim()
            .eq_ignore_ascii_case("Value")
            .then_some((value, number))
    });
    let Some((value, line)) = value else { return };
    let parsed = ProductKey::parse(&value);
    let at_line = |finding: &mut Finding| {
        finding.target.clone_from(&neighbour.path);
        finding.line = Some(line);
    };
    if let Ok(parsed) = &parsed
        && catalog::row_of(&parsed.key).is_none()
    {
        at_line(drafts.about(
            &rules::UNPUBLISHED_KEY,
            "the key in PID.txt is not a published one: treat it as a secret",
        ));
    }
    let message = match (keys.for_installation(), &parsed) {
        (Some((key, _)), Ok(own)) if key.symbols() == own.key.symbols() => return,
        (Some(_), _) => "PID.txt holds another key than the answer file",
        (None, _) => "Setup takes the key in PID.txt: the answer file names none",
    };
    at_line(drafts.about(&rules::PID_TXT_BESIDE, message));
}
