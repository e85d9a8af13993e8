//! A place to serve at, which may be open, taken by somebody else or not there yet. The driver has one for each
//! address of `server.listen`.

use std::io;
use std::net::SocketAddr;

use super::problems::Problems;
use super::serve::Serving;
use crate::control::SocketReport;
use crate::sys::udp::StampSource;

#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    stamps: Option<StampSource>,
    problem: Option<String>,
}

impl Listener {
    /// One that is not open yet.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address, stamps: None, problem: None }
    }

    /// Where it is.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn is_open(&self) -> bool {
        self.stamps.is_some()
    }

    /// Tries to serve there.
    pub(super) fn open(&mut self, serving: &mut Serving, problems: &mut Problems) {
        let opened = serving.open(self.address);
        self.problem = opened.as_ref().err().map(ToString::to_string);
        if let Some(stamps) = problems.note(&self.topic(), opened, "tried again every 30 s") {
            self.stamps = Some(stamps);
            let (address, stamper) = (self.address, stamper(stamps));
            tracing::info!(event = "serving", %address, stamper, "serving on {address}, receive stamps by the {stamper}");
        }
    }

    /// Nobody is served there any more.
    pub(super) fn close(self, serving: &mut Serving, problems: &mut Problems) {
        serving.close(self.address);
        problems.solve(&self.topic());
        tracing::info!(event = "serving_ended", address = %self.address, "serving on {} no more", self.address);
    }

    fn topic(&self) -> String {
        format!("serving on {}", self.address)
    }

    /// A socket may be open at an address that no interface has: a typing error, or one that is yet to come.
    pub(super) fn absence(&self) -> Option<String> {
        let probe = std::net::UdpSocket::bind((self.address.ip(), 0));
        let absent = probe.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable);
        (absent && self.is_open()).then(|| {
            format!(
                "serving on {}: no interface has this address yet; served as soon as one has",
                self.address
            )
        })
    }

    pub(super) fn report(&self) -> SocketReport {
        SocketReport {
            address: self.address.to_string(),
            open: self.is_open(),
            receive_stamps: self.stamps.map_or("none", stamper).to_owned(),
            problem: self.problem.clone(),
        }
    }
}

fn stamper(stamps: StampSource) -> &'static str {
    match stamps {
        StampSource::Kernel => "kernel",
        StampSource::User => "user",
    }
}
