//! A server of ours with its certificates, and counterparts that say what they are told to.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use ntp_proto::nts::{Aead, CookieKey, CookieKeys};
use nts_ke::client::{Dates, KeError, Outcome, Places, Question, Trust, establish};
use nts_ke::server::{CertificateFiles, Config, Count, Handle, Limits, Listening, start};
use nts_ke::{ALPN, UnixTime, selfsign};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// A moment in which the certificates of these tests are valid.
pub const NOW: UnixTime = UnixTime(1_800_000_000);

pub fn cookie_keys(id: u32) -> Arc<CookieKeys> {
    let key = CookieKey::new(id, Aead::AesSivCmac256, &[id as u8; 32]).unwrap();
    Arc::new(CookieKeys::new(key, []))
}

/// Files in a folder that is gone afterwards.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A certificate for these names.
    pub fn certificate(&self, file: &str, names: &[&str]) -> CertificateFiles {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = selfsign::make(&names).unwrap();
        self.write(file, &made.certificate, &made.key)
    }

    pub fn write(&self, file: &str, certificate: &str, key: &str) -> CertificateFiles {
        let place = |end: &str| self.path(&format!("{file}.{end}"));
        let files = CertificateFiles { certificate: place("crt"), key: place("key") };
        // As programs that renew certificates do it.
        for (path, text) in [(&files.key, key), (&files.certificate, certificate)] {
            let draft = path.with_extension("draft");
            fs::write(&draft, text).unwrap();
            fs::rename(&draft, path).unwrap();
        }
        files
    }
}

pub fn config(files: &[CertificateFiles]) -> Config {
    Config {
        addresses: vec!["127.0.0.1:0".parse().unwrap()],
        certificates: files.to_vec(),
        aeads: Aead::ALL.to_vec(),
        ntp_server: None,
        ntp_port: None,
        limits: Limits::default(),
        access: Arc::new(|_| true),
    }
}

/// A server of ours.
pub struct Server {
    pub folder: Folder,
    pub files: CertificateFiles,
    pub handle: Handle,
    pub address: SocketAddr,
    pub keys: Arc<CookieKeys>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = Folder::new();
        let files = folder.certificate("first", &["localhost", "127.0.0.1"]);
        let mut config = config(std::slice::from_ref(&files));
        change(&mut config);
        let keys = cookie_keys(7);
        let handle = start(config, Arc::clone(&keys)).unwrap();
        let address = open_port(&handle);
        Self { folder, files, handle, address, keys }
    }

    pub fn trust(&self) -> Trust {
        trust(&[&self.files.certificate])
    }

    pub fn ask(&self) -> Result<Outcome, KeError> {
        establish(&self.trust(), &question("localhost"), &[self.address])
    }

    pub fn count(&self, count: Count) -> u64 {
        self.handle.counters().get(count)
    }

    pub fn wait_for_count(&self, count: Count, value: u64) {
        wait_for(&format!("{value} of {count:?}"), || self.count(count) >= value);
    }
}

pub fn open_port(handle: &Handle) -> SocketAddr {
    let mut found = None;
    wait_for("an open port", || {
        found = handle.ports().iter().find_map(|port| match port.state {
            Listening::At(address) => Some(address),
            _ => None,
        });
        found.is_some()
    });
    found.unwrap()
}

pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        sleep(Duration::from_millis(10));
    }
}

pub fn trust(files: &[&Path]) -> Trust {
    let extra = files.iter().map(|file| file.to_path_buf()).collect();
    let (trust, problems) = Trust::load(&Places { system: false, extra });
    assert!(problems.is_empty(), "{problems:?}");
    trust
}

pub fn question(server: &str) -> Question<'_> {
    Question {
        server,
        aeads: &[Aead::Aes128GcmSiv, Aead::AesSivCmac256],
        wanted_server: None,
        wanted_port: None,
        now: NOW,
        dates: Dates::Check,
        patience: Duration::from_secs(10),
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A client that says anything.
pub fn raw_client(
    server: &Server,
    alpn: Option<&[u8]>,
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(
        CertificateDer::pem_file_iter(&server.files.certificate).unwrap().flatten(),
    );
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.into_iter().map(<[u8]>::to_vec).collect();
    let tls = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let stream = TcpStream::connect(server.address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = StreamOwned::new(tls, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// What the server answers to these bytes.
pub fn say(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = raw_client(server, Some(ALPN)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.flush().unwrap();
    let mut answer = Vec::new();
    // It may end the connection without a farewell.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// A server that does anything with the first connection, after the handshake.
pub fn strange_server(
    files: &CertificateFiles,
    alpn: Option<&[u8]>,
    act: impl FnOnce(&mut StreamOwned<ServerConnection, TcpStream>) -> std::io::Result<()> + Send + 'static,
) -> SocketAddr {
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate).unwrap().flatten().collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = alpn.into_iter().map(<[u8]>::to_vec).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        act(&mut stream)?;
        // What it did not read would reset the connection, and what it said would be lost.
        stream.sock.shutdown(std::net::Shutdown::Write)?;
        std::io::copy(&mut stream.sock, &mut std::io::sink())
    });
    address
}
