//! wim - WIM containers.
