//! What entries must not say together: the checks that look at more than one entry of the file.
//!
//! What a single table can contradict in itself is told by its section
//! ([`reject`](crate::schema::Visitor::reject)). Here each complaint is about the later of two entries and
//! names the line of the earlier one. Values that are wrong by themselves are left out: they have been told
//! already.

mod refclocks;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::document::Document;
use crate::error::Complaint;
use crate::origin::Places;
use crate::{Config, ConfigError, Family, Host, Permission, SourceOptions};

/// All disagreements of the entries that were read.
pub(crate) fn check(config: &Config, places: &Places, document: &Document<'_>) -> Vec<ConfigError> {
    let mut check = Check { places, document, errors: Vec::new() };
    check.servers(config);
    check.pools(config);
    check.listen(config);
    check.bind_addresses(config);
    check.acquisition_port(config);
    check.refclocks(config);
    check.stamped_interfaces(config);
    check.errors
}

/// What makes two entries ask the same server: name or address, and port.
type Asked = (String, u16);
/// An entry that was seen: the family that it is pinned to, and where it stands.
type Seen = (Option<Family>, Range<usize>);

struct Check<'a> {
    places: &'a Places,
    document: &'a Document<'a>,
    errors: Vec<ConfigError>,
}

impl Check<'_> {
    fn servers(&mut self, config: &Config) {
        let servers = config.sources.servers.iter().enumerate();
        let entries = servers.map(|(index, server)| {
            let host = match &server.address {
                Host::Address(address) => address.to_canonical().to_string(),
                Host::Name(name) => plain(name.as_str()),
            };
            (format!("sources.servers[{index}]"), "address", host, &server.options)
        });
        self.unlike(entries, "server");
    }

    fn pools(&mut self, config: &Config) {
        let pools = config.sources.pools.iter().enumerate();
        let entries = pools.map(|(index, pool)| {
            (format!("sources.pools[{index}]"), "name", plain(pool.name.as_str()), &pool.options)
        });
        self.unlike(entries, "pool");
    }

    /// No two entries ask the same `what`. Entries that are pinned to different families do not.
    fn unlike<'c>(
        &mut self,
        entries: impl Iterator<Item = (String, &'static str, String, &'c SourceOptions)>,
        what: &str,
    ) {
        let mut seen: BTreeMap<Asked, Vec<Seen>> = BTreeMap::new();
        for (entry, key, host, options) in entries {
            let path = format!("{entry}.{key}");
            let is_wrong = |key: &&str| self.places.is_wrong(&format!("{entry}.{key}"));
            let Some(span) = self.places.of(&path) else { continue };
            if ["port", "ipv4", "ipv6"].iter().any(is_wrong) {
                continue;
            }
            let earlier = seen.entry((host, options.port)).or_default();
            let overlaps = |family: Option<Family>| {
                family.zip(options.family).is_none_or(|(theirs, ours)| theirs == ours)
            };
            if let Some((_, first)) = earlier.iter().find(|(family, _)| overlaps(*family)) {
                let complaint = self.again(&span, first, &format!("the same {what}"));
                let help =
                    format!("remove one of the two; a {what} counts once, however often it is written");
                self.complain(path, span.clone(), complaint.help(help));
            }
            earlier.push((options.family, span));
        }
    }

    /// A socket of each address must be possible beside those of the others.
    fn listen(&mut self, config: &Config) {
        let mut seen: BTreeMap<IpAddr, Range<usize>> = BTreeMap::new();
        let written: Vec<_> = self.list("server.listen", &config.server.listen);
        let everywhere = written.iter().filter(|(_, _, address)| address.is_unspecified());
        let everywhere: Vec<_> = everywhere.map(|(_, span, address)| (span.clone(), *address)).collect();
        for (path, span, address) in written {
            if let Some(first) = seen.get(&address) {
                let complaint = self.again(&span, first, "the same address");
                self.complain(path, span, complaint.help("remove one of the two"));
                continue;
            }
            let covered_by = everywhere.iter().find(|(_, any)| any.is_ipv4() == address.is_ipv4());
            if let Some((all, any)) = covered_by.filter(|_| !address.is_unspecified()) {
                let line = self.document.line(all.start);
                let problem = format!("{any} on line {line} takes all addresses, {address} among them");
                let complaint = Complaint::new(problem)
                    .expected(format!("either {any} or single addresses of its family"))
                    .help(format!("remove {address} to serve on all addresses, or {any} to serve on some"));
                self.complain(path, span.clone(), complaint);
            }
            seen.insert(address, span);
        }
    }

    /// One address for each family.
    fn bind_addresses(&mut self, config: &Config) {
        let mut seen: BTreeMap<IpAddr, Range<usize>> = BTreeMap::new();
        for (path, span, address) in self.list("sources.bindaddress", &config.sources.bindaddress) {
            let (family, name) = match address {
                IpAddr::V4(_) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), "IPv4"),
                IpAddr::V6(_) => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), "IPv6"),
            };
            if let Some(first) = seen.get(&family) {
                let line = self.document.line(first.start);
                let problem = format!("is the second {name} address, after the one on line {line}");
                let complaint = Complaint::new(problem)
                    .expected("at most one address of each family")
                    .help("remove one of the two");
                self.complain(path, span, complaint);
            } else {
                seen.insert(family, span);
            }
        }
    }

    /// Requests cannot leave from the port that is served on.
    fn acquisition_port(&mut self, config: &Config) {
        let port = config.server.port;
        let path = "sources.acquisitionport";
        let is_served = config.security.access.iter().any(|access| access.permission != Permission::Deny);
        let Some(span) = self.places.of(path) else { return };
        if is_served && port != 0 && config.sources.acquisitionport == Some(port) {
            let complaint = Complaint::new(format!("{port} is the port that is served on (server.port)"))
                .expected("a port of its own for requests")
                .help("remove it: each request then leaves from a random port, which is safer")
                .help("choose another port, or set server.port to 0 to serve nobody");
            self.complain(path.to_owned(), span, complaint);
        }
    }

    /// The elements of an array with their paths and places.
    fn list(&self, path: &str, addresses: &[IpAddr]) -> Vec<(String, Range<usize>, IpAddr)> {
        let elements = addresses.iter().enumerate();
        let placed = elements.filter_map(|(index, address)| {
            let path = format!("{path}[{index}]");
            self.places.of(&path).map(|span| (path, span, *address))
        });
        placed.collect()
    }

    fn again(&self, here: &Range<usize>, first: &Range<usize>, what: &str) -> Complaint {
        let written = self.document.text.get(here.clone()).unwrap_or_default();
        Complaint::new(format!("{written} is {what} as on line {}", self.document.line(first.start)))
    }

    fn complain(&mut self, key: String, span: Range<usize>, complaint: Complaint) {
        self.errors.push(self.document.error(span, key, complaint));
    }
}

/// A name without what makes no difference to DNS (RFC 4343): case, and the dot of the root.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_lowercase()
}
