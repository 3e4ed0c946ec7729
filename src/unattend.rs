//! unattend - answer files.
