//! ntpctl
fn main() {}
