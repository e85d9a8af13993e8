//! Counts with what was counted.

/// How many, of what.
pub(super) type Counted<'a> = (u64, &'a str);

/// Those that are not zero, the most frequent first.
pub(super) fn counts(all: &[Counted<'_>]) -> String {
    let mut some: Vec<&Counted<'_>> = all.iter().filter(|(count, _)| *count > 0).collect();
    some.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    match some.as_slice() {
        [] => "none".to_owned(),
        some => some.iter().map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_happened_is_left_out() {
        assert_eq!(counts(&[(0, "torn"), (2, "late"), (7, "early")]), "7 early, 2 late");
        assert_eq!(counts(&[(0, "torn")]), "none");
    }
}
