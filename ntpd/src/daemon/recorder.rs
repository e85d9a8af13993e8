//! The thread that writes recordings, so that nobody waits for a disk.
//!
//! ```text
//!  main loop ──▶ bounded queue ──▶ thread ──▶ files (`segments`)
//!      ▲                             │ errors; "the segment is nearly full"
//!      └─────────────────────────────┘
//! ```
//!
//! What finds the queue full or cannot be written interrupts the recording. It begins anew with a fresh segment,
//! which needs the state of the engine, when the main loop tries again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread;
use std::time::Duration;

use ntp_engine::record::Line;

use super::segments::Segments;

/// So many lines wait for the disk; a thousand sources make as many in a second when they start.
const QUEUE: usize = 4_096;
/// A disk is given so long at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

enum Message {
    /// The first line of a segment.
    Begin(Line<'static>),
    /// One of the others.
    Line(Line<'static>),
}

/// The main loop's end of the queue.
#[derive(Debug)]
pub(super) struct Recorder {
    queue: SyncSender<Message>,
    outcomes: Receiver<io::Result<()>>,
    is_nearly_full: Arc<AtomicBool>,
    is_going: bool,
    /// Whether a segment was asked for that has not begun yet.
    is_beginning: bool,
    /// Whether a segment has begun that nobody heard of yet.
    has_begun: bool,
    /// Whether to begin anew at the next opportunity.
    may_begin: bool,
    /// Why it was interrupted, if nobody heard of it yet.
    interruption: Option<io::Error>,
}

impl Recorder {
    /// Nothing is recorded before it is begun.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(segments: Segments) -> io::Result<Self> {
        Self::with_queue(segments, QUEUE)
    }

    fn with_queue(segments: Segments, length: usize) -> io::Result<Self> {
        let (queue, messages) = sync_channel(length);
        let (tell, outcomes) = channel();
        let is_nearly_full = Arc::new(AtomicBool::new(false));
        let writer = Writer { segments, tell, is_nearly_full: Arc::clone(&is_nearly_full), is_torn: true };
        thread::Builder::new().name("recorder".to_owned()).spawn(move || writer.work(&messages))?;
        let (is_going, is_beginning, has_begun, may_begin, interruption) = (false, false, false, false, None);
        Ok(Self {
            queue,
            outcomes,
            is_nearly_full,
            is_going,
            is_beginning,
            has_begun,
            may_begin,
            interruption,
        })
    }

    /// Whether lines are wanted.
    pub(super) const fn is_going(&self) -> bool {
        self.is_going
    }

    /// Whether a fresh segment should begin, if nothing waits to be done.
    pub(super) fn wants_to_begin(&self) -> bool {
        if self.is_going {
            !self.is_beginning && self.is_nearly_full.load(Ordering::Relaxed)
        } else {
            self.may_begin
        }
    }

    /// An interrupted recording may begin anew.
    pub(super) const fn try_again(&mut self) {
        self.may_begin = true;
    }

    /// A segment begins with this line, which brings an engine.
    pub(super) fn begin(&mut self, line: Line<'static>) {
        (self.is_going, self.is_beginning, self.may_begin) = (true, true, false);
        self.send(Message::Begin(line));
    }

    /// One more line.
    pub(super) fn add(&mut self, line: Line<'static>) {
        self.send(Message::Line(line));
    }

    /// What became of the recording since this was asked last: an error interrupted it, or a segment was begun. The
    /// one that comes last is told last.
    pub(super) fn hear(&mut self) -> Option<io::Result<()>> {
        while let Ok(outcome) = self.outcomes.try_recv() {
            match outcome {
                Ok(()) => (self.is_beginning, self.has_begun) = (false, true),
                Err(error) => self.interrupt(error),
            }
        }
        match self.interruption.take() {
            Some(error) => Some(Err(error)),
            None => (std::mem::take(&mut self.has_begun) && self.is_going).then_some(Ok(())),
        }
    }

    /// Writes what still waits, as far as the disk is quick enough.
    pub(super) fn end(self) {
        drop(self.queue);
        // The thread's end of this channel ends with it.
        while self.outcomes.recv_timeout(LAST_WORDS).is_ok() {}
    }

    fn send(&mut self, message: Message) {
        if self.is_going && self.queue.try_send(message).is_err() {
            self.interrupt(io::Error::other("the disk does not keep up"));
        }
    }

    fn interrupt(&mut self, error: io::Error) {
        (self.is_going, self.has_begun, self.interruption) = (false, false, Some(error));
    }
}

/// The thread's end.
struct Writer {
    segments: Segments,
    tell: Sender<io::Result<()>>,
    is_nearly_full: Arc<AtomicBool>,
    /// Whether lines are missing, so that more of them would be of no use.
    is_torn: bool,
}

impl Writer {
    fn work(mut self, messages: &Receiver<Message>) {
        loop {
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    let flushed = self.segments.flush();
                    self.note(flushed);
                    let Ok(message) = messages.recv() else { break };
                    message
                }
            };
            self.take(message);
        }
        let flushed = self.segments.flush();
        self.note(flushed);
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Begin(line) => {
                let begun = self.segments.begin(&line);
                self.is_torn = begun.is_err();
                self.is_nearly_full.store(false, Ordering::Relaxed);
                // Nobody is left to hear of it when the daemon has ended.
                let _ = self.tell.send(begun);
            }
            Message::Line(line) if !self.is_torn => {
                let written = self.segments.write(&line);
                self.note(written);
                if self.segments.is_nearly_full() {
                    self.is_nearly_full.store(true, Ordering::Relaxed);
                }
            }
            Message::Line(_) => {}
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if result.is_err() {
            self.is_torn = true;
            let _ = self.tell.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::super::segments::tests::{lines, state, tick};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn outcome(recorder: &mut Recorder) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(outcome) = recorder.hear() {
                return outcome;
            }
            assert!(Instant::now() < end, "nothing is heard of the recording");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn all_that_was_recorded_is_there_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::start(Segments::new(path.clone(), 1 << 20)).unwrap();
        recorder.begin(state());
        (0..100).for_each(|_| recorder.add(tick()));
        outcome(&mut recorder).unwrap();
        assert!(recorder.is_going() && !recorder.wants_to_begin());
        recorder.end();
        assert_eq!(lines(&path), 101);
    }

    #[test]
    fn a_segment_that_is_nearly_full_is_followed_by_one_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::start(Segments::new(path.clone(), 100_000)).unwrap();
        let (mut begun, end) = (0, Instant::now() + PATIENCE);
        recorder.begin(state());
        while begun < 3 {
            recorder.add(tick());
            match recorder.hear() {
                Some(outcome) => begun += outcome.map(|()| 1).unwrap(),
                // The thread is given time, or what is written before it says so would exceed the limit.
                None => thread::sleep(Duration::from_micros(100)),
            }
            if recorder.wants_to_begin() {
                recorder.begin(state());
            }
            assert!(Instant::now() < end, "{begun} segments");
        }
        recorder.end();
        assert!(lines(&folder.path().join("recording.1")) > 200, "the segment before is kept whole");
    }

    #[test]
    fn a_queue_that_is_full_interrupts_the_recording_until_it_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut recorder = Recorder::with_queue(Segments::new(path.clone(), 1 << 30), 1).unwrap();
        recorder.begin(state());
        let end = Instant::now() + PATIENCE;
        while recorder.is_going() {
            recorder.add(tick());
            assert!(Instant::now() < end, "a queue of one is never full");
        }
        assert!(outcome(&mut recorder).unwrap_err().to_string().contains("keep up"));
        assert!(!recorder.wants_to_begin(), "not at once");
        recorder.try_again();
        assert!(recorder.wants_to_begin());
        while !recorder.is_going() {
            recorder.begin(state());
            assert!(Instant::now() < end, "a disk that is quick enough is not used");
        }
        while outcome(&mut recorder).is_err() {}
        recorder.end();
        assert_eq!(lines(&path), 1, "a fresh segment");
    }

    #[test]
    fn what_cannot_be_written_interrupts_it_and_time_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("recording");
        let mut recorder = Recorder::start(Segments::new(path.clone(), 1 << 20)).unwrap();
        recorder.begin(state());
        assert_eq!(outcome(&mut recorder).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!recorder.is_going());
        recorder.add(tick());
        fs::create_dir(path.parent().unwrap()).unwrap();
        recorder.try_again();
        recorder.begin(state());
        outcome(&mut recorder).unwrap();
        recorder.end();
        assert_eq!(lines(&path), 1);
    }
}
