//! activation - activation settings.
