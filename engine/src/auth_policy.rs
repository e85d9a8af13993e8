//! What the difference between authenticated and other sources means to selection (`authselectmode`).

use ntp_clock::select::Flags;

use crate::options::AuthSelect;
use crate::source::Source;

/// The policy, with what there is for it to decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthPolicy {
    mode: AuthSelect,
    /// Whether there are servers of either kind. Those that are never selected count as neither, nor do reference
    /// clocks, which are treated like authenticated servers.
    has_authenticated: bool,
    has_others: bool,
}

impl AuthPolicy {
    pub(crate) fn of(mode: AuthSelect, sources: &[Source]) -> Self {
        let counts = || sources.iter().filter(|source| source.asked().is_some() && !source.flags().noselect);
        Self {
            mode,
            has_authenticated: counts().any(Source::is_authenticated),
            has_others: counts().any(|source| !source.is_authenticated()),
        }
    }

    /// The flags by which a source is selected: those of its options, and what the policy adds.
    pub(crate) fn flags(&self, source: &Source) -> Flags {
        self.added(source.flags(), source.is_authenticated())
    }

    fn added(&self, own: Flags, is_authenticated: bool) -> Flags {
        if own.noselect {
            return own;
        }
        match self.mode {
            AuthSelect::Require => Flags { noselect: !is_authenticated, ..own },
            AuthSelect::Prefer => Flags { noselect: self.has_authenticated && !is_authenticated, ..own },
            AuthSelect::Mix if self.has_authenticated && self.has_others && is_authenticated => {
                Flags { require: true, trust: true, ..own }
            }
            AuthSelect::Mix | AuthSelect::Ignore => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(mode: AuthSelect, kinds: (bool, bool), is_authenticated: bool) -> (bool, bool, bool) {
        let policy = AuthPolicy { mode, has_authenticated: kinds.0, has_others: kinds.1 };
        let flags = policy.added(Flags { prefer: true, ..Flags::default() }, is_authenticated);
        assert!(flags.prefer, "an own wish stays");
        (flags.noselect, flags.trust, flags.require)
    }

    const NOTHING: (bool, bool, bool) = (false, false, false);
    const NEVER: (bool, bool, bool) = (true, false, false);
    const TRUSTED: (bool, bool, bool) = (false, true, true);

    #[test]
    fn the_mode_says_who_may_be_selected() {
        let (both, none) = ((true, true), (false, true));
        assert_eq!(flags(AuthSelect::Require, both, true), NOTHING);
        assert_eq!(flags(AuthSelect::Require, none, false), NEVER);
        assert_eq!(flags(AuthSelect::Prefer, both, false), NEVER);
        assert_eq!(flags(AuthSelect::Prefer, none, false), NOTHING);
        assert_eq!(flags(AuthSelect::Mix, both, true), TRUSTED);
        assert_eq!(flags(AuthSelect::Mix, both, false), NOTHING);
        assert_eq!(flags(AuthSelect::Mix, (true, false), true), NOTHING);
        assert_eq!(flags(AuthSelect::Ignore, both, true), NOTHING);
    }

    #[test]
    fn what_is_never_selected_stays_so() {
        let policy = AuthPolicy { mode: AuthSelect::Mix, has_authenticated: true, has_others: true };
        let own = Flags { noselect: true, ..Flags::default() };
        assert_eq!(policy.added(own, true), own);
    }
}
