//! cli - the command line.
