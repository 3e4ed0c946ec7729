//! named - the image that an answer file names for Windows Setup to install.

use super::{Ground, KnownImage};
use crate::text;
use crate::unattend::{ComponentNode, Node, Pass, SETUP};

/// What `MetaData/Key` may be.
pub(super) const INDEX: &str = "/IMAGE/INDEX";
pub(super) const NAME: &str = "/IMAGE/NAME";
pub(super) const DESCRIPTION: &str = "/IMAGE/DESCRIPTION";

/// The components that drive an installation.
pub(super) fn setups<'g, 'a>(ground: &'g Ground<'a>) -> impl Iterator<Item = &'g ComponentNode<'a>> {
    let drives =
        |component: &&ComponentNode<'_>| component.name == SETUP && component.pass == Pass::WindowsPe.name();
    ground.components.iter().filter(drives)
}

/// Every element that names an image.
pub(super) fn metadata<'g, 'a>(
    ground: &'g Ground<'a>,
) -> impl Iterator<Item = (&'g ComponentNode<'a>, Node<'a>)> {
    setups(ground).flat_map(|component| {
        let from = component.node.child("ImageInstall");
        let from = from
            .and_then(|node| node.child("OSImage"))
            .and_then(|node| node.child("InstallFrom"));
        let from = from
            .into_iter()
            .flat_map(|node| node.children().collect::<Vec<_>>());
        from.filter(|node| node.name() == "MetaData")
            .map(move |node| (component, node))
    })
}

/// Key and value of an element that names an image.
pub(super) fn named(metadata: Node<'_>) -> (String, String) {
    let text = |name| {
        metadata
            .child(name)
            .map(|node| node.value().expose().to_owned())
            .unwrap_or_default()
    };
    (text("Key").to_ascii_uppercase(), text("Value"))
}

/// The index of the image that the file names, if it is one of those known.
pub(super) fn named_image(ground: &Ground<'_>) -> Option<u32> {
    let (_, metadata) = metadata(ground).next()?;
    let (key, value) = named(metadata);
    let images = ground.surroundings.images;
    let found = images.iter().find(|image| is_named(image, &key, &value));
    found.map(|image| image.index)
}

/// Whether `value` is what the image says under `key`.
pub(super) fn is_named(image: &KnownImage<'_>, key: &str, value: &str) -> bool {
    match key {
        INDEX => value.parse() == Ok(image.index),
        NAME => text::same_name(image.name, value),
        DESCRIPTION => image
            .description
            .is_some_and(|description| text::same_name(description, value)),
        _ => false,
    }
}

/// Whether the name of the image that the file names says that it is an evaluation.
pub(super) fn names_evaluation(ground: &Ground<'_>) -> bool {
    metadata(ground).any(|(_, metadata)| named(metadata).1.to_ascii_lowercase().contains("evaluation"))
}
