//! explain - what the tables tell of a topic, and what the data of an event says.
//!
//! Promise: every sentence comes from a row of `keydata/`; what is unknown is called unknown.

mod event;

pub use event::{DecodedEvent, DecodedField, decode};

use crate::catalog::topics::{self, Topic};

/// What there is to say about a question.
#[derive(Debug)]
pub struct Answer {
    /// The topics that the question names, or could mean.
    pub topics: Vec<&'static Topic>,
    /// The data of the event that the question holds.
    pub event: Option<DecodedEvent>,
}

/// Answers a question: a name, a number, part of a word; or the number of an event with the data of one.
///
/// # Errors
/// The names nearest to the question, if nothing answers it.
pub fn answer(question: &str) -> Result<Answer, Vec<&'static str>> {
    if let Some(event) = event::in_question(question) {
        let topics = topics::find(&event.id.to_string());
        return Ok(Answer {
            topics,
            event: Some(event),
        });
    }
    let topics = topics::find(question);
    if topics.is_empty() {
        return Err(topics::near(question));
    }
    Ok(Answer { topics, event: None })
}
