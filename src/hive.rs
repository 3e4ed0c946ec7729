//! hive - registry hives.
