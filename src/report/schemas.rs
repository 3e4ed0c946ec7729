//! schemas - JSON schemas of plan files and of what the commands tell, drawn from the structs that are read and written.

use super::{
    Applied, Explanation, Findings, HiveChange, HiveCheck, HiveExport, HiveKey, HiveShow, HiveValue,
    ImageList, ImageScrub, ImageSet, ImageShow, KeyList, KmsDiscovery, UnattendClear, UnattendSet,
    UnattendShow, key,
};
use crate::apply::Plan;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// A shape that has a schema.
#[derive(Debug)]
pub struct Shape {
    /// Its name on the command line.
    pub name: &'static str,
    /// What has this shape.
    pub of: &'static str,
    make: fn() -> Schema,
}

impl Shape {
    /// The schema.
    pub fn schema(&self) -> Schema {
        (self.make)()
    }

    /// The shape of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| shape.name == name)
    }
}

/// The schema of something that is written: fields that are left out when there is nothing to tell are not required.
fn written<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}

/// Gives each shape its name, what has it, and its schema.
macro_rules! shapes {
    ($($name:literal, $of:literal, $make:expr;)*) => {
        /// Every shape that has a schema.
        pub static SHAPES: &[Shape] = &[$(Shape { name: $name, of: $of, make: $make }),*];
    };
}

shapes! {
    "plan", "plan files, as apply reads them", Plan::schema;
    "report", "apply", written::<Applied<'static>>;
    "image-list", "image list", written::<ImageList>;
    "image-show", "image show", written::<ImageShow>;
    "image-set", "image set", written::<ImageSet<'static>>;
    "image-scrub", "image scrub", written::<ImageScrub<'static>>;
    "findings", "image audit, unattend lint", written::<Findings<'static>>;
    "key-check", "key check", written::<key::KeyCheck>;
    "key-list", "key list, key lookup", written::<KeyList>;
    "unattend-show", "unattend show", written::<UnattendShow>;
    "unattend-set", "unattend set", written::<UnattendSet<'static>>;
    "unattend-clear", "unattend clear", written::<UnattendClear>;
    "hive-check", "hive check", written::<HiveCheck>;
    "hive-show", "hive show", written::<HiveShow>;
    "hive-value", "hive get of a value", written::<HiveValue>;
    "hive-key", "hive get of a key", written::<HiveKey>;
    "hive-change", "hive set, delete, import, scrub, compact, recover", written::<HiveChange>;
    "hive-export", "hive export", written::<HiveExport>;
    "kms-discovery", "kms discover", written::<KmsDiscovery>;
    "explanation", "explain", written::<Explanation>;
}
