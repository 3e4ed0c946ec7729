//! image - a Windows image.
