//! What the server tells has a name, and the name is documented.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

use std::fs;
use std::path::Path;

#[test]
fn whatever_is_told_has_a_name_that_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documented = fs::read_to_string(root.join("../docs/log-events.md")).unwrap();
    let mut names = 0;
    for entry in fs::read_dir(root.join("src/server")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for level in ["error", "warn", "info", "debug"] {
            for call in text.split(&format!("tracing::{level}!(")).skip(1) {
                let named =
                    call.trim_start().strip_prefix("event = \"").and_then(|rest| rest.split('"').next());
                let name = named.unwrap_or_else(|| panic!("without a name: {call}"));
                assert!(documented.contains(&format!("| `{name}` | {level} |")), "{name} at level {level}");
                names += 1;
            }
        }
    }
    assert_eq!(names, 6);
}
