//! The walk through an image's hives, in the order of Microsoft's guide: product, application, all, last answer, DNS.

use super::{DEFAULT_PORT, Ranked, Record, SERVICE, rank};
use crate::activation::{StoredKey, control_set, settings_key, text_of};
use crate::bytes;
use crate::catalog;
use crate::hive::{self, Hive};

/// The application ID of Windows (slmgr.vbs).
const WINDOWS: &str = "55c92734-d682-4d71-983e-d6ec3f16059f";
/// The key of a network's names, below the control set.
const TCPIP: &str = r"Services\Tcpip\Parameters";

/// What a walk looks at.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The SOFTWARE hive.
    pub software: &'a Hive,
    /// The SYSTEM hive, for the machine's DNS domain.
    pub system: Option<Hive>,
    /// The hive of the `NetworkService` account, for the host that answered last.
    pub network_service: Option<Hive>,
    /// The key in the SOFTWARE hive.
    pub key: Option<&'a StoredKey>,
    /// EditionID.
    pub edition: &'a str,
    /// Build.
    pub build: u32,
}

/// Where a step looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `VLActivationType`, which may rule KMS out.
    ActivationType,
    /// The host named for the product.
    Product,
    /// The host named for the application.
    Application,
    /// The host named for everything.
    Global,
    /// The host that answered last.
    Cached,
    /// DNS.
    Dns,
}

impl Source {
    /// The step in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActivationType => "activation type",
            Self::Product => "product",
            Self::Application => "application",
            Self::Global => "global",
            Self::Cached => "cached",
            Self::Dns => "dns",
        }
    }
}

/// What the client makes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It asks here.
    Asks,
    /// There is nothing here: it goes on.
    Nothing,
    /// It does not come this far, or passes over.
    Skipped,
    /// It asks no KMS host at all.
    Stops,
}

impl Outcome {
    /// The outcome in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asks => "asks",
            Self::Nothing => "nothing",
            Self::Skipped => "skipped",
            Self::Stops => "stops",
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it looks.
    pub source: Source,
    /// The registry key, or the name that is asked in DNS.
    pub place: String,
    /// The host found.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// What the client makes of it.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub why: String,
}

/// The whole walk.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// The activation ID of the product, if it is known.
    pub activation_id: Option<String>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The hosts that DNS names, in the order of asking; empty without a zone file, or where DNS is not asked.
    pub hosts: Vec<Ranked>,
    /// What else to know.
    pub notes: Vec<String>,
}

/// Walks the discovery order. `zone` has the records that DNS would answer with.
///
/// # Errors
/// A hive that cannot be walked.
pub fn walk(ground: &Ground<'_>, zone: Option<&[Record]>) -> Result<Walk, hive::Error> {
    let mut notes = Vec::new();
    let activation_id = activation_id(ground, &mut notes);
    let root = settings_key(ground.build);
    let application = format!(r"{root}\{WINDOWS}");
    let mut places = vec![
        (Source::Application, application.clone()),
        (Source::Global, root.clone()),
    ];
    if let Some(id) = &activation_id {
        places.insert(0, (Source::Product, format!(r"{application}\{id}")));
    }
    let mut walk = Walk {
        activation_id,
        steps: Vec::new(),
        hosts: Vec::new(),
        notes,
    };
    if let Some(step) = activation_type(ground, &places)? {
        walk.steps.push(step);
        return Ok(walk);
    }
    let mut asked = false;
    for (source, key) in &places {
        let host = text(ground.software, key, "KeyManagementServiceName")?;
        let port =
            text(ground.software, key, "KeyManagementServicePort")?.and_then(|port| port.trim().parse().ok());
        let (outcome, why) = match (&host, asked) {
            (None, _) => (Outcome::Nothing, "no KeyManagementServiceName".to_owned()),
            (Some(_), true) => (Outcome::Skipped, "a host named before this one counts".to_owned()),
            (Some(_), false) => (
                Outcome::Asks,
                "a named host is the only one that is asked: no other host and not DNS".to_owned(),
            ),
        };
        asked |= outcome == Outcome::Asks;
        walk.steps.push(Step {
            source: *source,
            place: format!(r"SOFTWARE\{key}"),
            port: host.as_ref().map(|_| port.unwrap_or(DEFAULT_PORT)),
            host,
            outcome,
            why,
        });
    }
    walk.steps
        .push(cached(ground, &root, walk.activation_id.as_deref(), asked)?);
    dns(ground, &root, zone, asked, &mut walk)?;
    Ok(walk)
}

/// The activation ID that the licensing service goes by: that of the key in the image, else that of the edition's client setup key.
fn activation_id(ground: &Ground<'_>, notes: &mut Vec<String>) -> Option<String> {
    let Some(key) = ground.key else {
        let row = catalog::gvlk_for(ground.edition, ground.build).ok();
        notes.push(
            "the image holds no product key: this is what a client with the edition's client setup key does"
                .to_owned(),
        );
        return row.and_then(|row| row.activation_id).map(str::to_owned);
    };
    let row = catalog::row_of(&key.key);
    let channel = key
        .key_type
        .as_deref()
        .or_else(|| row.map(|row| row.kind.channel()));
    if channel.is_some_and(|channel| channel != catalog::KeyKind::Gvlk.channel()) {
        notes.push(format!(
            "the key in the image is {} and no client setup key: with it Windows asks no KMS host",
            channel.unwrap_or_default()
        ));
    }
    let stored = key.activation_id.as_deref().filter(|id| !id.is_empty());
    stored
        .or_else(|| row.and_then(|row| row.activation_id))
        .map(str::to_ascii_lowercase)
}

/// The step that `VLActivationType` makes, if it rules KMS out: the nearest key that has the value counts.
fn activation_type(ground: &Ground<'_>, places: &[(Source, String)]) -> Result<Option<Step>, hive::Error> {
    for (_, key) in places {
        let Some(kind) = number(ground.software, key, "VLActivationType")? else {
            continue;
        };
        let why = match kind {
            1 => "VLActivationType is 1: only Active Directory is asked",
            3 => "VLActivationType is 3: only a token activates",
            _ => return Ok(None),
        };
        return Ok(Some(Step {
            source: Source::ActivationType,
            place: format!(r"SOFTWARE\{key}"),
            host: None,
            port: None,
            outcome: Outcome::Stops,
            why: why.to_owned(),
        }));
    }
    Ok(None)
}

/// The host that answered last, which the licensing service keeps in its own account's hive.
fn cached(ground: &Ground<'_>, root: &str, id: Option<&str>, asked: bool) -> Result<Step, hive::Error> {
    let mut step = Step {
        source: Source::Cached,
        place: format!(r"NetworkService: Software\{root}"),
        host: None,
        port: None,
        outcome: Outcome::Nothing,
        why: String::new(),
    };
    let disabled = number(ground.software, root, "DisableKeyManagementServiceHostCaching")?;
    let product = id.map(|id| format!(r"Software\{root}\{WINDOWS}\{id}"));
    let keys = product
        .into_iter()
        .chain([format!(r"Software\{root}\{WINDOWS}"), format!(r"Software\{root}")]);
    if let Some(hive) = &ground.network_service {
        for key in keys {
            for name in [
                "DiscoveredKeyManagementServiceName",
                "DiscoveredKeyManagementServiceIpAddress",
            ] {
                if step.host.is_none() {
                    step.host = text(hive, &key, name)?;
                }
            }
            if step.host.is_some() {
                let port = text(hive, &key, "DiscoveredKeyManagementServicePort")?;
                step.port = Some(
                    port.and_then(|port| port.trim().parse().ok())
                        .unwrap_or(DEFAULT_PORT),
                );
                step.place = format!("NetworkService: {key}");
                break;
            }
        }
    }
    let (outcome, why) = if disabled.is_some_and(|flag| flag != 0) {
        (
            Outcome::Skipped,
            "DisableKeyManagementServiceHostCaching is on: the client keeps no host",
        )
    } else if asked {
        (Outcome::Skipped, "a host is named")
    } else if step.host.is_some() {
        (Outcome::Asks, "it answered last; if it fails, DNS is asked")
    } else {
        (Outcome::Nothing, "no host has answered yet")
    };
    Ok(Step {
        outcome,
        why: why.to_owned(),
        ..step
    })
}

/// The names asked in DNS and, with a zone, the hosts.
fn dns(
    ground: &Ground<'_>,
    root: &str,
    zone: Option<&[Record]>,
    asked: bool,
    walk: &mut Walk,
) -> Result<(), hive::Error> {
    let step = |place: String, outcome, why: String| Step {
        source: Source::Dns,
        place,
        host: None,
        port: None,
        outcome,
        why,
    };
    if asked {
        let why = "a host is named, and DNS is not asked".to_owned();
        walk.steps.push(step(SERVICE.to_owned(), Outcome::Skipped, why));
        return Ok(());
    }
    let mut domains: Vec<(String, &str)> = Vec::new();
    match text(ground.software, root, "KeyManagementServiceLookupDomain")? {
        Some(domain) => domains.push((domain, "KeyManagementServiceLookupDomain names this domain")),
        None => {
            if let Some(system) = &ground.system {
                let set = control_set(system)?;
                let key = format!(r"{set}\{TCPIP}");
                for (name, why) in [
                    ("NV Domain", "the machine's own DNS domain"),
                    ("Domain", "the machine's own DNS domain"),
                    ("SearchList", "in the list of DNS suffixes"),
                ] {
                    let list = text(system, &key, name)?.unwrap_or_default();
                    let found = list.split([',', ' ']).filter(|domain| !domain.is_empty());
                    domains.extend(found.map(|domain| (domain.to_owned(), why)));
                }
            }
        }
    }
    let mut seen: Vec<String> = Vec::new();
    for (domain, why) in domains {
        let domain = domain.trim_matches('.').to_ascii_lowercase();
        if seen.contains(&domain) {
            continue;
        }
        walk.steps
            .push(step(format!("{SERVICE}.{domain}"), Outcome::Asks, why.to_owned()));
        seen.push(domain);
    }
    if seen.is_empty() {
        let why =
            "the image names no DNS domain: the one that the machine joins or DHCP gives counts".to_owned();
        walk.steps.push(step(SERVICE.to_owned(), Outcome::Asks, why));
    }
    let Some(zone) = zone else { return Ok(()) };
    // The first domain with records counts; where the image names none, the zone stands for the machine's.
    let answers = |domain: &str| -> Vec<Record> {
        zone.iter()
            .filter(|record| record.domain == domain)
            .cloned()
            .collect()
    };
    let first = seen
        .iter()
        .map(|domain| answers(domain))
        .find(|records| !records.is_empty());
    walk.hosts = rank(&match first {
        Some(records) => records,
        None if seen.is_empty() => zone.to_vec(),
        None => Vec::new(),
    });
    if walk.hosts.is_empty() {
        walk.notes.push(
            "the zone file has no KMS host for these names: activation fails with 0x8007232B".to_owned(),
        );
    }
    Ok(())
}

/// A text that is there and not empty.
fn text(hive: &Hive, key: &str, name: &str) -> Result<Option<String>, hive::Error> {
    let Some(value) = hive.find(key)?.map(|key| key.value(name)).transpose()?.flatten() else {
        return Ok(None);
    };
    let text = text_of(&value.data()?);
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// A number that is there.
fn number(hive: &Hive, key: &str, name: &str) -> Result<Option<u32>, hive::Error> {
    let Some(value) = hive.find(key)?.map(|key| key.value(name)).transpose()?.flatten() else {
        return Ok(None);
    };
    Ok(bytes::u32_at(&value.data()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::string_data;
    use crate::hive::ValueKind;
    use crate::sample;

    struct Hives {
        software: Hive,
        system: Hive,
        network_service: Option<Hive>,
    }

    fn hives(values: &[(&str, &str, &str)]) -> Hives {
        let mut software = Hive::open(sample::software_hive(sample::IMAGES[3]).unwrap()).unwrap();
        let root = settings_key(22621);
        for (below, name, text) in values {
            let key = if below.is_empty() {
                root.clone()
            } else {
                format!(r"{root}\{below}")
            };
            let (kind, data) = match text.parse::<u32>() {
                Ok(number) if !name.ends_with("Port") => (ValueKind::Dword, number.to_le_bytes().to_vec()),
                _ => (ValueKind::String, string_data(text).to_vec()),
            };
            software.set_value(&key, name, kind, &data).unwrap();
        }
        Hives {
            software,
            system: Hive::open(sample::system_hive().unwrap()).unwrap(),
            network_service: None,
        }
    }

    fn asks(hives: Hives) -> Vec<(Source, String)> {
        let ground = Ground {
            software: &hives.software,
            system: Some(hives.system),
            network_service: hives.network_service,
            key: None,
            edition: "Enterprise",
            build: 22621,
        };
        walk(&ground, None)
            .unwrap()
            .steps
            .into_iter()
            .filter(|step| step.outcome == Outcome::Asks)
            .map(|step| (step.source, step.host.unwrap_or(step.place)))
            .collect()
    }

    #[test]
    fn the_nearest_named_host_counts_and_then_dns_is_not_asked() {
        let id = catalog::gvlk_for("Enterprise", 22621)
            .unwrap()
            .activation_id
            .unwrap();
        let product = format!(r"{WINDOWS}\{id}");
        let name = "KeyManagementServiceName";
        let all = [
            (product.as_str(), name, "p"),
            (WINDOWS, name, "a"),
            ("", name, "g"),
        ];
        for (from, source, host) in [
            (0, Source::Product, "p"),
            (1, Source::Application, "a"),
            (2, Source::Global, "g"),
        ] {
            assert_eq!(asks(hives(&all[from..])), [(source, host.to_owned())]);
        }
    }

    #[test]
    fn without_a_named_host_the_last_answer_and_then_dns_are_asked() {
        assert_eq!(asks(hives(&[])), [(Source::Dns, SERVICE.to_owned())]);
        let answered = |values: &[(&str, &str, &str)]| {
            let mut hives = hives(values);
            let mut hive = Hive::create(5).unwrap();
            let key = format!(r"Software\{}\{WINDOWS}", settings_key(22621));
            let address = string_data("192.0.2.7");
            let name = "DiscoveredKeyManagementServiceIpAddress";
            hive.set_value(&key, name, ValueKind::String, &address).unwrap();
            hives.network_service = Some(hive);
            hives
        };
        assert_eq!(asks(answered(&[]))[0], (Source::Cached, "192.0.2.7".to_owned()));
        let off = [("", "DisableKeyManagementServiceHostCaching", "1")];
        assert_eq!(asks(answered(&off)), [(Source::Dns, SERVICE.to_owned())]);
    }

    #[test]
    fn a_lookup_domain_and_the_machines_own_are_asked_by_name() {
        let lookup = hives(&[("", "KeyManagementServiceLookupDomain", "corp.example.com")]);
        assert_eq!(
            asks(lookup),
            [(Source::Dns, "_vlmcs._tcp.corp.example.com".to_owned())]
        );
        let mut own = hives(&[]);
        let key = format!(r"ControlSet002\{TCPIP}");
        let system = &mut own.system;
        system
            .set_value(
                &key,
                "NV Domain",
                ValueKind::String,
                &string_data("east.example.com"),
            )
            .unwrap();
        system
            .set_value(
                &key,
                "SearchList",
                ValueKind::String,
                &string_data("east.example.com,west.example.com"),
            )
            .unwrap();
        let names: Vec<_> = asks(own).into_iter().map(|(_, name)| name).collect();
        assert_eq!(
            names,
            ["_vlmcs._tcp.east.example.com", "_vlmcs._tcp.west.example.com"]
        );
    }

    #[test]
    fn another_activation_type_asks_no_kms_host() {
        for kind in ["1", "3"] {
            let hives = hives(&[
                ("", "VLActivationType", kind),
                ("", "KeyManagementServiceName", "kms"),
            ]);
            assert!(asks(hives).is_empty());
        }
        assert!(!asks(hives(&[("", "VLActivationType", "2")])).is_empty());
    }
}
