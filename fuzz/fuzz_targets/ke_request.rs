//! Any bytes as a request for keys, and what a server answers.
//!
//! Oracle: bytes in pieces are whole when they are whole at once; what is read reads back the same; the answer can
//! be read by a client, and both sides come to the same agreement.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp_proto::nts::Aead;
use nts_ke::message::{Request, Response, negotiate};
use nts_ke::record::{Inbox, MESSAGE_MAX, Malformed, Records};

fuzz_target!(|bytes: &[u8]| {
    let mut inbox = Inbox::default();
    let whole = bytes.chunks(7).map(|piece| inbox.take(piece)).find(|taken| *taken != Ok(false));
    assert!(inbox.message().len() <= MESSAGE_MAX);
    match Records::parse(bytes) {
        Ok(_) => assert_eq!(whole, Some(Ok(true))),
        Err(Malformed::Truncated | Malformed::NoEnd) => assert!(matches!(whole, None | Some(Err(_)))),
        Err(_) => {}
    }
    let Ok(request) = Request::parse(bytes) else { return };
    assert_eq!(Request::parse(&request.write()).as_ref(), Ok(&request));
    let (mut response, agreed) = negotiate(&request, &Aead::ALL);
    if agreed.is_some() {
        response.cookies = vec![vec![1; 100]; 8];
    }
    let heard = Response::parse(&response.write()).expect("our own answer");
    assert_eq!(heard, response);
    assert_eq!(heard.agree(&request).ok(), agreed);
});
