//! trace - finding product keys in bytes of any kind: known keys in all their forms, unknown ones by their shape.
//!
//! Promise: a form stands for the whole key, so a hit is never by chance; what is found depends on the bytes alone, never on how
//! they were cut into pieces. Nothing found is shown by `Debug`, and everything that holds a key is wiped when dropped.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `forms` | every way in which a key is written: text, stored bytes, their hash, base64, hexadecimal digits |
//! | `known` | [`Traces`]: many forms of many keys looked for at once |
//! | `shape` | text of the shape of a key, in ASCII and UTF-16 |
//! | `stored` | `DigitalProductId` and `DigitalProductId4` values wherever they lie |
//! | `scanner` | [`Scanner`]: all three over bytes that come in pieces |

mod forms;
mod known;
mod scanner;
mod shape;
mod stored;

pub use forms::Form;
pub use known::{Place, Traces};
pub use scanner::{Hit, Scanner, What};
pub use shape::{Shape, shapes};
pub use stored::{Blob, blobs};
