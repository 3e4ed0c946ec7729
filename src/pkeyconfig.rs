//! pkeyconfig - key configurations.
