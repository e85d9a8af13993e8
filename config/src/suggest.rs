//! "Did you mean …?": the nearest of the words that would have been right.

/// The candidate nearest to what was written, if one is near enough to have been meant.
///
/// Upper case, `-` and `_` do not count, so the resource's `clientsOnly` finds `clients_only`.
pub(crate) fn nearest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let written = plain(written);
    candidates
        .into_iter()
        .map(|candidate| (distance(&written, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The number of insertions, deletions and replacements that make one word the other (Levenshtein).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.iter().zip(&mut row[1..]) {
            left = (left + 1).min(*above + 1).min(diagonal + usize::from(x != y));
            diagonal = std::mem::replace(above, left);
        }
        row[0] = i + 1;
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        let distance = |a: &str, b: &str| distance(&plain(a), &plain(b));
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("minpoll", "minpoll"), 0);
    }

    #[test]
    fn nearest_is_silent_when_nothing_is_near() {
        let keys = ["minpoll", "maxpoll", "port", "clients_only"];
        assert_eq!(nearest("minpol", keys), Some("minpoll"));
        assert_eq!(nearest("clientsOnly", keys), Some("clients_only"));
        assert_eq!(nearest("colour", keys), None);
    }
}
