//! plan - what to do to which image.
