//! resolve - everything the stored values of a key are made from.

use super::{Image, KeyConfiguration};
use crate::catalog::{self, FIRST_BUILD_WITH_N};
use crate::key::{Form, ProductKey};

/// What a key is in an image: the inputs of `DigitalProductId` and its companions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Key group.
    pub group: u32,
    /// Serial inside the group.
    pub serial: u32,
    /// Part number.
    pub part_number: String,
    /// Activation id, without braces.
    pub activation_id: String,
    /// The image's edition, which the key fits.
    pub edition: String,
    /// Channel, such as `Volume:GVLK`.
    pub key_type: String,
    /// Licence terms, such as `Volume`.
    pub eula_type: String,
    /// Whether the key has the upgrade mark.
    pub upgrade: bool,
    /// SKU number of the edition, for the values of Windows 10 and later.
    pub sku: Option<u32>,
    /// The five digits in front of a Windows 7 `ProductId` as real installations of the edition have them.
    pub product_code: Option<&'static str>,
}

/// Why the facts cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// Windows 8 and later, and no key configuration.
    #[error(
        "the image's key configuration is needed to place this key in the registry\nPut the key into the answer file instead."
    )]
    NoConfiguration,
    /// The key is not in the key configuration, or not for this edition.
    #[error(
        "the image's key configuration does not list this key for its edition\nCheck the key against the image (wimkey key check --image)."
    )]
    NotListed,
    /// Windows 7 or older, and not a published key.
    #[error(
        "group and serial of a key without the letter N cannot be read offline\nPut the key into the answer file instead."
    )]
    NotPublished,
}

/// The facts of `key` in `image`. `configuration` is the image's own.
///
/// For Windows 8 and later the configuration decides. For Windows 7 and Server 2008 R2 the published table names the
/// serial, and the configuration, where there is one, the part number.
///
/// # Errors
/// [`Unresolved`].
pub fn resolve(
    key: &ProductKey,
    image: Image<'_>,
    configuration: Option<&KeyConfiguration>,
) -> Result<Resolved, Unresolved> {
    let edition = image.edition.to_owned();
    let sku = catalog::sku_number(image.edition)
        .or_else(|| catalog::sku_number(catalog::plain_edition(image.edition)));
    if key.form() == Form::Pkey2005 || image.build < FIRST_BUILD_WITH_N {
        return windows7(key, image, configuration, sku);
    }
    let configuration = configuration.ok_or(Unresolved::NoConfiguration)?;
    let matched = configuration.match_key(key).ok_or(Unresolved::NotListed)?;
    if !matched.configuration.names_edition(image.edition) {
        return Err(Unresolved::NotListed);
    }
    Ok(Resolved {
        group: matched.configuration.group,
        serial: matched.serial,
        part_number: matched.range.part_number.clone(),
        activation_id: matched.configuration.activation_id.clone(),
        edition,
        key_type: matched.configuration.key_type.clone(),
        eula_type: matched.range.eula_type.clone(),
        upgrade: key.fields().is_some_and(|fields| fields.upgrade),
        sku,
        product_code: None,
    })
}

fn windows7(
    key: &ProductKey,
    image: Image<'_>,
    configuration: Option<&KeyConfiguration>,
    sku: Option<u32>,
) -> Result<Resolved, Unresolved> {
    let published = catalog::by_symbols(key.symbols()).ok_or(Unresolved::NotPublished)?;
    if !published.fits(image.edition, image.build) {
        return Err(Unresolved::NotListed);
    }
    let activation_id = published.activation_id.ok_or(Unresolved::NotPublished)?;
    let placement = catalog::windows7_placement(catalog::plain_edition(image.edition))
        .filter(|_| image.build >= WINDOWS_7);
    let matched = configuration.and_then(|configuration| configuration.of_activation_id(activation_id));
    let (group, part_number, serial) = match (matched, placement) {
        (Some(matched), _) => (
            matched.configuration.group,
            matched.range.part_number.clone(),
            matched.serial,
        ),
        (None, Some(placement)) => (
            placement.group,
            placement.part_number.to_owned(),
            placement.serial,
        ),
        (None, None) => return Err(Unresolved::NotPublished),
    };
    Ok(Resolved {
        group,
        serial,
        part_number,
        activation_id: activation_id.to_owned(),
        edition: image.edition.to_owned(),
        key_type: published.kind.channel().to_owned(),
        eula_type: "Volume".to_owned(),
        upgrade: false,
        sku,
        product_code: placement.and_then(|placement| placement.product_code),
    })
}

/// The first build of Windows 7 and Server 2008 R2; the placement table holds no earlier system.
const WINDOWS_7: u32 = 7600;
