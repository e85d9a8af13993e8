//! ntpd
fn main() {}
