//! Cuts the bytes of a line into sentences. [`super::receiver`] feeds it.

/// The standard allows 82 with `$` and the end; some receivers write more.
const LONGEST: usize = 128;

/// The sentence that is coming in.
pub(super) struct Framer {
    line: [u8; LONGEST],
    length: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No sentence has begun.
    Outside,
    Inside,
    /// In a sentence longer than any.
    Overlong,
}

/// What came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// All between `$` and the end of the line, neither included.
    Line(&'a [u8]),
    Overlong,
}

impl Framer {
    pub(super) const fn new() -> Self {
        Self { line: [0; LONGEST], length: 0, state: State::Outside }
    }

    /// What `byte` ends, if it ends something; to be asked before [`push`](Self::push). The beginning of the next
    /// sentence is the end of one that lacks its own.
    pub(super) fn ended_by(&self, byte: u8) -> Option<Frame<'_>> {
        if !matches!(byte, b'\r' | b'\n' | b'$') {
            return None;
        }
        match self.state {
            State::Outside => None,
            State::Inside => self.line.get(..self.length).map(Frame::Line),
            State::Overlong => Some(Frame::Overlong),
        }
    }

    /// Takes the byte; true: a sentence begins with it.
    pub(super) fn push(&mut self, byte: u8) -> bool {
        match (byte, self.state) {
            (b'$', _) => {
                (self.length, self.state) = (0, State::Inside);
                return true;
            }
            (b'\r' | b'\n', _) => self.state = State::Outside,
            (_, State::Inside) => self.keep(byte),
            (_, State::Outside | State::Overlong) => {}
        }
        false
    }

    fn keep(&mut self, byte: u8) {
        match self.line.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
            }
            None => self.state = State::Overlong,
        }
    }
}

/// The line itself is left out: it says where the receiver is.
impl std::fmt::Debug for Framer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer")
            .field("length", &self.length)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Vec<String> {
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for &byte in bytes {
            match framer.ended_by(byte) {
                Some(Frame::Line(line)) => found.push(String::from_utf8_lossy(line).into_owned()),
                Some(Frame::Overlong) => found.push("overlong".to_owned()),
                None => {}
            }
            framer.push(byte);
        }
        found
    }

    #[test]
    fn any_end_of_line_will_do_and_none() {
        assert_eq!(frames(b"$A\r\n$B\n$C\r$D$E\n"), ["A", "B", "C", "D", "E"]);
    }

    #[test]
    fn what_stands_outside_is_passed_over() {
        assert_eq!(frames(b"\n\rtail*00\r\nnoise$A\r\n\r\n!AIVDM\r\n$B\n"), ["A", "B"]);
    }

    #[test]
    fn what_is_too_long_is_said_once_and_ends_with_the_line() {
        let mut bytes = b"$".to_vec();
        bytes.extend([b'x'; LONGEST]);
        bytes.extend(b"\n$");
        bytes.extend([b'y'; LONGEST * 3]);
        bytes.extend(b"\n$A\n");
        assert_eq!(frames(&bytes), ["x".repeat(LONGEST), "overlong".to_owned(), "A".to_owned()]);
    }

    #[test]
    fn a_sentence_is_not_shown() {
        let mut framer = Framer::new();
        b"$GPGGA,4807.038".iter().for_each(|&byte| {
            framer.push(byte);
        });
        assert!(!format!("{framer:?}").contains("52"), "{framer:?}");
    }
}
