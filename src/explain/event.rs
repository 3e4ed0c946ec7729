//! The data of an event: items with commas between, each by its place in the table of events.

use crate::catalog;
use crate::catalog::topics::{EVENTS, LICENSING_STATES, error, error_code};

/// The data of one event, item by item.
#[derive(Debug, PartialEq, Eq)]
pub struct DecodedEvent {
    /// The number of the event.
    pub id: u16,
    /// Its items in order.
    pub fields: Vec<DecodedField>,
    /// Names of items that the data does not have.
    pub missing: Vec<&'static str>,
}

/// One item.
#[derive(Debug, PartialEq, Eq)]
pub struct DecodedField {
    /// Its name; `None` for items behind the last that is known.
    pub name: Option<&'static str>,
    /// The item as it stands there, made printable.
    pub value: String,
    /// What it says.
    pub meaning: String,
}

/// Items of more data than any event has are not looked at.
const MOST_FIELDS: usize = 32;

/// The event in a question such as `12288 0xC004F074, 0x0, kms:1688, …`; `None` if it holds no data of a known event.
pub(super) fn in_question(question: &str) -> Option<DecodedEvent> {
    let question = question.trim();
    let question = match question.get(..6) {
        Some(word) if word.eq_ignore_ascii_case("event ") => question.get(6..)?.trim_start(),
        _ => question,
    };
    let end = question.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, data) = question.split_at_checked(end)?;
    let id = number.parse().ok()?;
    // In front of the data an event's message has a sentence that ends so.
    let data = data.rsplit_once("Info:").map_or(data, |(_, data)| data);
    let data = data.trim_start_matches([':', ',']).trim();
    if data.is_empty() {
        return None;
    }
    decode(id, data)
}

/// Reads the data of event `id`; `None` if the table has no such event with data.
pub fn decode(id: u16, data: &str) -> Option<DecodedEvent> {
    let event = EVENTS
        .iter()
        .find(|event| event.id == id && !event.fields.is_empty())?;
    let mut fields = Vec::new();
    for (place, item) in data.split(',').map(str::trim).take(MOST_FIELDS).enumerate() {
        let known = event.fields.get(place);
        fields.push(DecodedField {
            name: known.map(|(name, _)| *name),
            value: crate::text::printable(item),
            meaning: known.map_or_else(
                || "not an item of this event".to_owned(),
                |(name, meaning)| read(name, meaning, item),
            ),
        });
    }
    let missing = event
        .fields
        .iter()
        .skip(fields.len())
        .map(|(name, _)| *name)
        .collect();
    Some(DecodedEvent { id, fields, missing })
}

/// What the item of this name says.
fn read(name: &str, meaning: &str, item: &str) -> String {
    let number: Option<u32> = item.parse().ok();
    match name {
        "HRESULT" | "hr" => result(item),
        "Licensing Status" => number
            .and_then(|number| LICENSING_STATES.get(number as usize))
            .map_or_else(
                || "not a licensing state".to_owned(),
                |(name, meaning)| format!("{name}: {meaning}"),
            ),
        "fBound" => match item {
            "1" => "the client is activated".to_owned(),
            "0" => "the client is not activated".to_owned(),
            _ => "neither 0 nor 1".to_owned(),
        },
        "VM Info" if meaning.contains("virtual") => match item {
            "1" => "the client is a virtual machine".to_owned(),
            "0" => "the client is not known to be a virtual machine".to_owned(),
            _ => meaning.to_owned(),
        },
        "ActID" => product(item).unwrap_or_else(|| format!("{meaning}; no published key has it")),
        "Time to Expiration" | "Activation Interval" | "Renewal Interval" => number.map_or_else(
            || meaning.to_owned(),
            |number| format!("{meaning}: {}", span(number)),
        ),
        _ => meaning.to_owned(),
    }
}

/// What a result code says.
fn result(item: &str) -> String {
    let code = error_code(item).or_else(|| item.parse().ok());
    match code {
        Some(0) => "success".to_owned(),
        Some(code) => error(code).map_or_else(
            || format!("0x{code:08X} is not in the table of error codes"),
            |topic| {
                format!(
                    "{} See wimkey explain {}.",
                    topic.meaning.trim_end_matches('.').to_owned() + ".",
                    topic.name
                )
            },
        ),
        None => "not a result code".to_owned(),
    }
}

/// The product of an activation ID.
fn product(item: &str) -> Option<String> {
    let id = item.trim_matches(['{', '}']).to_ascii_lowercase();
    catalog::by_activation_id(&id)
        .next()
        .map(|row| row.product.to_owned())
}

/// Minutes in days, hours and minutes.
fn span(minutes: u32) -> String {
    const HOUR: u32 = 60;
    const DAY: u32 = 24 * HOUR;
    let parts = [
        (minutes / DAY, "days"),
        (minutes % DAY / HOUR, "hours"),
        (minutes % HOUR, "minutes"),
    ];
    let told: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| {
            format!(
                "{count} {}",
                if *count == 1 {
                    unit.trim_end_matches('s')
                } else {
                    unit
                }
            )
        })
        .collect();
    if told.is_empty() {
        "0 minutes".to_owned()
    } else {
        told.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_of_a_client_request_is_told() {
        let data = "0xC004F074, 0x0, kms01.example.com:1688, 08c3bda0-c556-4b61-9e4e-7bf6d4df80be, 2026/1/14 2:30, 1, 2, 40123, ae2ee509-1b34-41c0-acb7-6d4650168915, 25";
        let event = in_question(&format!("event 12288 {data}")).unwrap();
        assert_eq!(event.fields.len(), 10);
        assert!(event.missing.is_empty());
        let of = |name: &str| {
            &event
                .fields
                .iter()
                .find(|field| field.name == Some(name))
                .unwrap()
                .meaning
        };
        assert!(of("HRESULT").contains("No KMS host"), "{}", of("HRESULT"));
        assert!(of("Licensing Status").starts_with("OOBGrace"));
        assert!(of("Time to Expiration").contains("27 days, 20 hours, 43 minutes"));
        assert_eq!(of("ActID"), "Windows 7 Enterprise");
    }

    #[test]
    fn messages_copied_whole_short_data_and_long_data_are_read() {
        let event =
            in_question("12289 The client has processed an activation response.  Info: 0x0, 0x4000008, 1, 0")
                .unwrap();
        assert_eq!(event.fields[0].meaning, "success");
        assert_eq!(event.fields[2].meaning, "the client is activated");
        assert_eq!(event.missing.len(), 4);
        let event = decode(12293, "0x8007232B,example.com,more").unwrap();
        assert_eq!(event.fields[2].name, None);
    }

    #[test]
    fn what_is_no_event_data_is_not_read_as_such() {
        for question in ["12288", "event 12288", "0xC004F074", "99999 a,b", "4711 0x0", ""] {
            assert_eq!(in_question(question), None, "{question}");
        }
    }
}
