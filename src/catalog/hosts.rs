//! hosts - KMS host keys: what each activates and where it is installed.

use super::PublishedKey;
use super::tables::{HOST_KEYS, HOST_UPDATES, THRESHOLDS};

/// A kind of KMS host key. No host key itself is in the tables.
#[derive(Debug, PartialEq, Eq)]
pub struct HostKey {
    /// How Microsoft names the kind.
    pub name: &'static str,
    /// Systems it may be installed on.
    pub installed_on: &'static [&'static str],
    /// Systems that look as if they could be hosts and cannot.
    pub not_on: &'static [&'static str],
    /// What it activates, in the names of [`PublishedKey::served_as`].
    pub activates: &'static [&'static str],
    /// Activation ids of the host key itself.
    pub activation_ids: &'static [&'static str],
    /// Where the row comes from.
    pub sources: &'static [&'static str],
    /// Whether only the activation id is documented.
    pub incomplete: bool,
}

/// An update that an older host system needs before it serves newer clients.
#[derive(Debug, PartialEq, Eq)]
pub struct HostUpdate {
    /// The host system.
    pub host: &'static str,
    /// The clients it then serves.
    pub for_clients: &'static [&'static str],
    /// The updates, by their numbers.
    pub updates: &'static [&'static str],
    /// Whether later cumulative updates do as well.
    pub or_later: bool,
    /// What else is worth knowing; may be empty.
    pub note: &'static str,
}

/// The numbers KMS works with.
#[derive(Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Client machines that must have asked before clients are activated.
    pub clients: u32,
    /// Machines that must have asked before servers are activated.
    pub servers: u32,
    /// Machines that must have asked before Office is activated.
    pub office: u32,
    /// KMS hosts that one host key may make.
    pub hosts_for_each_key: u32,
    /// Times one host may be activated with it.
    pub activations_for_each_host: u32,
}

/// Every kind of host key.
pub fn host_keys() -> &'static [HostKey] {
    HOST_KEYS
}

/// The host keys that activate what a published key installs; none for guest keys.
pub fn host_keys_for(key: &PublishedKey) -> impl Iterator<Item = &'static HostKey> {
    let served_as = key.served_as;
    HOST_KEYS
        .iter()
        .filter(move |host| served_as.iter().any(|name| host.activates.contains(name)))
}

/// The updates that host systems need.
pub fn host_updates() -> &'static [HostUpdate] {
    HOST_UPDATES
}

/// The updates without which an older host system does not serve what a published key installs.
pub fn host_updates_for(key: &PublishedKey) -> impl Iterator<Item = &'static HostUpdate> {
    let served_as = key.served_as;
    HOST_UPDATES.iter().filter(move |update| {
        let mut clients = update.for_clients.iter();
        clients.any(|client| served_as.iter().any(|name| is_served(name, client)))
    })
}

/// Whether what is served as `name` belongs to `client`: the keys of Windows Server 2008 and 2008 R2 have groups.
fn is_served(name: &str, client: &str) -> bool {
    name.strip_prefix(client)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(" group "))
}

/// The numbers KMS works with.
pub fn thresholds() -> &'static Thresholds {
    &THRESHOLDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_7_is_activated_by_its_own_host_key_and_by_newer_ones() {
        let key = crate::catalog::gvlk_for("Enterprise", 7601).unwrap();
        let names: Vec<&str> = host_keys_for(key).map(|host| host.name).collect();
        assert!(names.contains(&"Windows 7"));
        assert!(names.contains(&"Volume License for Windows Server 2025"));
        assert!(!names.contains(&"Windows Vista"));
    }

    #[test]
    fn older_hosts_need_updates_for_newer_clients() {
        let key = crate::catalog::gvlk_for("ServerStandard", 20348).unwrap();
        let needed: Vec<_> = host_updates_for(key)
            .map(|update| (update.host, update.updates))
            .collect();
        assert!(
            needed.contains(&("Windows Server 2016", &["KB5003638"][..])),
            "{needed:?}"
        );
        let key = crate::catalog::gvlk_for("ServerEnterprise", 7601).unwrap();
        let needed: Vec<_> = host_updates_for(key).map(|update| update.host).collect();
        assert!(
            needed
                .iter()
                .all(|host| host.contains("2003") || host.contains("2008")),
            "{needed:?}"
        );
        assert!(!needed.is_empty());
    }

    #[test]
    fn every_name_in_the_updates_is_one_that_keys_are_served_as() {
        for name in host_updates().iter().flat_map(|update| update.for_clients) {
            // Office hosts need updates for clients by the Windows they run on.
            if name.starts_with("Office") {
                continue;
            }
            let mut served = crate::catalog::published().iter().flat_map(|key| key.served_as);
            let known = served.any(|own| is_served(own, name));
            assert!(known, "{name}");
        }
    }

    #[test]
    fn the_thresholds_are_those_of_the_documents() {
        assert_eq!(
            (thresholds().clients, thresholds().servers, thresholds().office),
            (25, 5, 5)
        );
    }
}
