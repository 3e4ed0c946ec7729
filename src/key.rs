//! key - product keys.
