//! schemas - JSON schemas of plan files and of what the commands tell, drawn from the structs that are read and written.

use super::{
    Applied, Explanation, Findings, HiveChange, HiveCheck, HiveExport, HiveKey, HiveShow, HiveValue,
    ImageList, ImageScrub, ImageSet, ImageShow, KeyList, KmsDiscovery, UnattendClear, UnattendSet,
    UnattendShow, key,
};
use crate::apply::Plan;
use schemars::{Schema, schema_for};

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

/// Gives each shape its name, what has it, and its schema.
macro_rules! shapes {
    ($($name:literal, $of:literal, $make:expr;)*) => {
        /// Every shape that has a schema.
        pub static SHAPES: &[Shape] = &[$(Shape { name: $name, of: $of, make: $make }),*];
    };
}

shapes! {
    "plan", "plan files, as apply reads them", Plan::schema;
    "report", "apply", || schema_for!(Applied<'static>);
    "image-list", "image list", || schema_for!(ImageList);
    "image-show", "image show", || schema_for!(ImageShow);
    "image-set", "image set", || schema_for!(ImageSet<'static>);
    "image-scrub", "image scrub", || schema_for!(ImageScrub<'static>);
    "findings", "image audit, unattend lint", || schema_for!(Findings<'static>);
    "key-check", "key check", || schema_for!(key::KeyCheck);
    "key-list", "key list, key lookup", || schema_for!(KeyList);
    "unattend-show", "unattend show", || schema_for!(UnattendShow);
    "unattend-set", "unattend set", || schema_for!(UnattendSet<'static>);
    "unattend-clear", "unattend clear", || schema_for!(UnattendClear);
    "hive-check", "hive check", || schema_for!(HiveCheck);
    "hive-show", "hive show", || schema_for!(HiveShow);
    "hive-value", "hive get of a value", || schema_for!(HiveValue);
    "hive-key", "hive get of a key", || schema_for!(HiveKey);
    "hive-change", "hive set, delete, import, scrub, compact, recover", || schema_for!(HiveChange);
    "hive-export", "hive export", || schema_for!(HiveExport);
    "kms-discovery", "kms discover", || schema_for!(KmsDiscovery);
    "explanation", "explain", || schema_for!(Explanation);
}
