//! Any bytes as the answer to a request for keys, and as a certificate.
//!
//! Oracle: what is read is within its bounds and reads back the same; who agrees has a cookie.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nts_ke::certificate::Certificate;
use nts_ke::message::{COOKIE_MAX, COOKIES, Request, Response};

fuzz_target!(|bytes: &[u8]| {
    if let Some(certificate) = Certificate::read(&bytes.into()) {
        assert!(certificate.subject.len() <= 256 && certificate.issuer.len() <= 256);
        assert!(!certificate.subject.contains(char::is_control));
    }
    let Ok(response) = Response::parse(bytes) else { return };
    assert!(response.cookies.len() <= COOKIES);
    assert!(response.cookies.iter().all(|cookie| (1..=COOKIE_MAX).contains(&cookie.len())));
    assert_eq!(Response::parse(&response.write()).as_ref(), Ok(&response));
    if response.agree(&Request::ntpv4(&[30, 15])).is_ok() {
        assert!(!response.cookies.is_empty() && response.error.is_none());
    }
});
