//! catalog - the tables of keydata.
