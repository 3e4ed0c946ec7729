//! Arguments that take any text but have values worth offering: shells complete them, help does not list hundreds.

use crate::catalog;
use crate::report::{ReportShape, SHAPES};
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, Command};
use std::collections::BTreeSet;
use std::ffi::OsStr;

/// Accepts any text and offers what the function lists.
#[derive(Clone)]
pub(super) struct Hints(fn() -> BTreeSet<&'static str>);

impl TypedValueParser for Hints {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// The editions that have a published key.
pub(super) fn editions() -> Hints {
    Hints(|| {
        let keys = catalog::published().iter();
        keys.filter_map(catalog::PublishedKey::edition).collect()
    })
}

/// The activation settings, as Microsoft spells them. Those with a key in front are left out: shells take the backslash for their own.
pub(super) fn settings() -> Hints {
    Hints(|| {
        let names = catalog::settings::SETTINGS.iter().map(|setting| setting.name);
        names.filter(|name| !name.contains('\\')).collect()
    })
}

/// The shapes that have a schema.
pub(super) fn shapes() -> impl TypedValueParser<Value = &'static ReportShape> {
    let names = SHAPES
        .iter()
        .map(|shape| PossibleValue::new(shape.name).help(shape.of));
    PossibleValuesParser::new(names).try_map(|name| ReportShape::named(&name).ok_or("there is no such shape"))
}
