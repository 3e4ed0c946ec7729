//! report - results as text and JSON.
