//! The loop: what happens goes to the engine, what it wants is done.

mod answers;
mod beginning;
mod reload;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use ntp_clock::{Reading, Stamp};
use ntp_config::Config;
use ntp_engine::record::Seed;
use ntp_engine::{
    Action, CertificateDates, ClockCommand, ClockOutcome, Drift, Event, Input, KeyExchange, KeyFailure,
    LookupId, Now, SourceId, StampQuality, TimeSnapshot,
};
use ntp_proto::client::TxToken;
use ntp_proto::time::{Monotonic, NtpDuration};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::Instant;

use self::beginning::{hardware_stamps, options, recall, recorder};
use self::reload::Errand;
use super::alarm::Alarm;
use super::clock::{Jump, MachineClock};
use super::endings::Endings;
use super::hwstamp::HwStamps;
use super::listener::Listener;
use super::nts::client::{KeyClient, Wanted};
use super::nts::saved;
use super::nts::server::KeyServer;
use super::problems::Problems;
use super::recorded::RecordedEngine;
use super::refclocks::{self, Refclocks};
use super::requests::Requests;
use super::serve::Serving;
use super::settings::{Settings, SettingsError};
use super::source_files::{self, Found};
use super::turns::Turns;
use super::{drift, head_start, history, libc_may_be_intercepted, log, lookup, notify};
use crate::control::server::{ControlServer, Question};
use crate::sys::clock;
use crate::sys::clock_watch::ClockWatch;
use crate::sys::descriptors::raise_limit;
use crate::sys::watched::watch;

/// What could not be opened is tried again this often.
const RETRY: Duration = Duration::from_secs(30);
/// What is open is looked after as often when the loop is awake anyway, and is not woken for it before this has passed
/// as well.
const UNDISTURBED: Duration = Duration::from_secs(270);
/// The clock that runs while the machine is off, on most boards.
const BOARD_CLOCK: &str = "/dev/rtc";
/// The longest sleep: beyond it timers of the runtime lose their meaning.
const LONGEST_SLEEP: NtpDuration = NtpDuration::from_secs(86_400);

/// Everything that can reach the loop from other tasks and threads.
#[derive(Debug)]
pub(super) enum Happening {
    Departed {
        source: SourceId,
        token: TxToken,
        at: Stamp,
        quality: StampQuality,
    },
    Datagram {
        source: SourceId,
        token: TxToken,
        at: Stamp,
        quality: StampQuality,
        bytes: Vec<u8>,
    },
    Reading {
        source: SourceId,
        at: Stamp,
        reading: Reading,
    },
    Refclock(refclocks::Turn),
    Resolved {
        lookup: LookupId,
        addresses: Vec<IpAddr>,
    },
    Asked(Question),
    SourcesRead(Found),
    ConfigurationRead(Box<Result<Config, SettingsError>>),
    KeysEstablished {
        source: SourceId,
        dates: CertificateDates,
        result: Result<Box<KeyExchange>, KeyFailure>,
    },
    KeysSaved {
        topic: String,
        result: io::Result<()>,
    },
}

/// Why the loop woke up.
enum Wake {
    Ending(&'static str),
    Happened(Happening),
    Jumped(bool),
    Reload,
    Timer,
}

/// Runs the daemon until it is told to end.
///
/// # Errors
/// Only if there is no event loop or no randomness to be had; anything else is a state that is retried.
pub fn run(settings: Settings) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async { Driver::new(settings)?.run().await })
}

struct Driver {
    settings: Settings,
    started: Monotonic,
    engine: RecordedEngine,
    clock: MachineClock,
    watch: Option<AsyncFd<ClockWatch>>,
    snapshot: Rc<Cell<TimeSnapshot>>,
    requests: Requests,
    refclocks: Refclocks,
    hardware: HwStamps,
    /// Whether those who serve wait for a snapshot.
    withdrawn: bool,
    /// What could not be asked, and what that is called among the problems.
    unsent: BTreeMap<SourceId, String>,
    serving: Serving,
    key_client: Arc<KeyClient>,
    key_server: Option<KeyServer>,
    listeners: Vec<Listener>,
    control: Option<ControlServer>,
    problems: Problems,
    turns: Turns,
    retry: Instant,
    tell: UnboundedSender<Happening>,
    hear: Option<UnboundedReceiver<Happening>>,
    /// Reading the files of sources again.
    source_files: Errand,
    /// Reading the configuration again.
    configuration: Errand,
    saved: (Sender<io::Result<()>>, Receiver<io::Result<()>>),
}

/// The moment so long after now, as far as timers reach.
fn after(wait: NtpDuration) -> Instant {
    let wait = wait.clamp(NtpDuration::ZERO, LONGEST_SLEEP);
    Instant::now() + Duration::from_nanos(wait.to_nanos().unsigned_abs())
}

impl Driver {
    fn new(settings: Settings) -> io::Result<Self> {
        let mut problems = Problems::default();
        problems.note("descriptor limit", raise_limit(), "few sources can be asked at once");
        let watch = if libc_may_be_intercepted() {
            tracing::info!(
                event = "clock_watch_left_out",
                "LD_PRELOAD is set: steps of the clock by others are noticed at the next poll only"
            );
            None
        } else {
            let watch = ClockWatch::open().and_then(|w| watch(w, Interest::READABLE));
            problems.note("clock watch", watch, "steps by others are noticed at the next poll")
        };
        let mut clock = MachineClock::open(settings.config.server.rtcsync, watch.is_some());
        if settings.head_start {
            let written = settings.drift_file.as_deref().and_then(drift::written);
            head_start::take(&mut clock, Path::new(BOARD_CLOCK), written, &mut problems);
        }
        let wanted = settings.refclocks(clock.tai());
        let (mut options, denied) = options(&settings, &mut clock, &mut problems);
        options.refclocks = wanted.iter().map(|wanted| wanted.options.clone()).collect();
        let (now, _) = clock.observe(false);
        let mut seed: Seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let recorder = recorder(&settings, &mut problems);
        let mut engine = RecordedEngine::start(options, seed, now, recorder);
        if denied {
            engine.handle(now, Input::Clock(ClockOutcome::Denied));
        }
        if settings.recall {
            recall(&mut engine, now, &settings, &mut problems);
        }
        let snapshot = Rc::new(Cell::new(*engine.snapshot()));
        let (tell, hear) = unbounded_channel();
        let listeners = settings.listen().into_iter();
        let hardware = hardware_stamps(&settings);
        Ok(Self {
            started: now.monotonic,
            engine,
            clock,
            watch,
            requests: Requests::new(tell.clone(), Rc::clone(&snapshot))
                .leaving(settings.client_options(), settings.config.sources.acquisitionport)
                .stamped_by(hardware.clone()),
            refclocks: Refclocks::start(wanted, &tell, &snapshot),
            hardware,
            withdrawn: false,
            unsent: BTreeMap::new(),
            serving: Serving::new(settings.serving(super::libc_may_be_intercepted()), &snapshot.get())?,
            snapshot,
            key_client: Arc::new(settings.key_client()),
            key_server: settings
                .key_server()
                .map(|options| KeyServer::new(options, now.monotonic, tell.clone())),
            listeners: listeners.map(Listener::new).collect(),
            control: None,
            problems,
            turns: Turns::new(!libc_may_be_intercepted()),
            retry: Instant::now(),
            tell,
            hear: Some(hear),
            source_files: Errand::default(),
            configuration: Errand::default(),
            saved: channel(),
            settings,
        })
    }

    async fn run(mut self) -> io::Result<()> {
        self.introduce();
        self.open_what_is_closed();
        self.look_after_keys();
        // Nobody is served yet who could be held up, and the first update of the clock waits for all sources.
        if !self.settings.source_directories().is_empty() {
            let found = source_files::read(self.settings.source_directories());
            self.take_sources(found);
        }
        self.carry_out();
        notify::ready();
        let mut hear = self.hear.take().ok_or_else(|| io::Error::other("the loop runs once"))?;
        let (mut ending, mut reload) = (Endings::new()?, signal(SignalKind::hangup())?);
        let mut alarm = self.alarm();
        let mut wakeup = self.next_wakeup();
        loop {
            let wake = tokio::select! {
                biased;
                name = ending.next() => Wake::Ending(name),
                Some(happening) = hear.recv() => Wake::Happened(happening),
                jumped = jumped(self.watch.as_ref()) => Wake::Jumped(jumped),
                _ = reload.recv() => Wake::Reload,
                () = alarm.wait_until(wakeup) => Wake::Timer,
            };
            if let Wake::Ending(name) = wake {
                tracing::info!(event = "ending", signal = name, "{name} received, ending");
                break;
            }
            let late = matches!(wake, Wake::Timer).then(|| wakeup.elapsed());
            let begin = self.turns.moment();
            self.turn(wake);
            wakeup = self.next_wakeup();
            self.turns.note(late, begin, self.turns.moment());
        }
        self.end();
        Ok(())
    }

    fn alarm(&mut self) -> Alarm {
        if libc_may_be_intercepted() {
            return Alarm::default();
        }
        self.problems.note("timer", Alarm::new(), "the event loop's is used").unwrap_or_default()
    }

    /// Does all that there is to do before the next sleep.
    fn turn(&mut self, wake: Wake) {
        match wake {
            Wake::Happened(happening) => self.happened(happening),
            Wake::Jumped(true) => {
                if let Some(server) = &mut self.key_server {
                    server.clock_was_set(clock::monotonic());
                }
                self.observe(true);
                self.carry_out();
            }
            Wake::Reload => {
                self.retry = Instant::now();
                // Nobody waits for an answer; the log says what came of it.
                self.reload_configuration(oneshot::channel().0);
            }
            Wake::Timer => self.tell(Input::Tick),
            Wake::Jumped(false) | Wake::Ending(_) => {}
        }
        self.look_after_keys();
        self.look_after_cards();
        self.hear_of_savings();
        self.hear_of_recording();
        if Instant::now() >= self.retry {
            self.open_what_is_closed();
            self.engine.record_again();
            self.carry_out();
        }
    }

    /// Keys that we give change.
    fn look_after_keys(&mut self) {
        let Some(server) = &mut self.key_server else { return };
        let (monotonic, unix) = (clock::monotonic(), clock::raw().to_unix().0);
        if server.next_look() <= monotonic {
            let serving = &mut self.serving;
            server.look(monotonic, unix, &mut self.problems, |keys| serving.accept_cookies(Some(keys)));
        }
    }

    /// The clocks of network cards are followed.
    fn look_after_cards(&mut self) {
        let now = clock::monotonic();
        if self.hardware.next_look().is_some_and(|next| next <= now) {
            self.hardware.look(now, &mut self.problems);
        }
    }

    fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Departed { source, token, at, quality } => {
                self.tell(Input::Departed { source, token, at, quality, local: None });
            }
            Happening::Datagram { source, token, at, quality, bytes } => {
                self.tell(Input::Datagram { source, token, at, quality, bytes: Cow::Owned(bytes) });
            }
            Happening::Reading { source, at, reading } => self.tell(Input::Reading { source, at, reading }),
            Happening::Refclock(turn) => self.refclock_turned(turn),
            Happening::Resolved { lookup, addresses } => self.tell(Input::Resolved { lookup, addresses }),
            Happening::SourcesRead(found) => self.sources_are_read(found),
            Happening::ConfigurationRead(result) => self.configuration_is_read(*result),
            Happening::KeysEstablished { source, dates, result } => {
                self.tell(Input::KeysEstablished { source, dates, result });
            }
            Happening::KeysSaved { topic, result } => {
                self.problems.note(&topic, result, "tried again when the keys change");
            }
            Happening::Asked(question) => self.answer(question),
        }
    }

    /// A device was opened, or is of no use.
    fn refclock_turned(&mut self, turn: refclocks::Turn) {
        let Some(topic) = self.refclocks.topic(turn.clock) else { return };
        self.problems.note(&topic, turn.result, "opened again when that is possible");
    }

    /// Hands an input to the engine and does what it wants.
    fn tell(&mut self, input: Input<'static>) {
        let now = self.observe(false);
        self.engine.handle(now, input);
        self.carry_out();
    }

    /// Reads the clocks; if somebody moved them, the engine hears of that first.
    fn observe(&mut self, announced: bool) -> Now {
        let (now, jump) = self.clock.observe(announced);
        let input = match jump {
            None => return now,
            Some(Jump::Stepped(by)) => Input::SteppedByOther { by },
            Some(Jump::Slept(asleep)) => Input::Resumed { asleep },
        };
        self.engine.handle(now, input);
        // In the middle of a command its outcome has to be heard first.
        if !self.withdrawn {
            self.publish();
        }
        now
    }

    /// Tells those who serve and those who ask what holds from now on.
    fn publish(&mut self) {
        let snapshot = *self.engine.snapshot();
        if snapshot != self.snapshot.replace(snapshot) || self.withdrawn {
            self.serving.publish(&snapshot);
            self.withdrawn = false;
        }
    }

    fn carry_out(&mut self) {
        loop {
            self.publish();
            if let Some(event) = self.engine.poll_event() {
                self.diary(&event);
            } else if let Some(action) = self.engine.poll_action() {
                self.act(action);
            } else {
                break;
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send { source, token, remote, bytes } => self.send(source, token, remote, &bytes),
            Action::Forget { source } => {
                self.requests.forget(source);
                // A source that is gone has no problems any more, and one that answers has none.
                if let Some(topic) = self.unsent.remove(&source) {
                    self.problems.solve(&topic);
                }
            }
            Action::Clock(command) => self.command(command),
            Action::Resolve { lookup, name, family: _ } => {
                let begun = lookup::start(lookup, name, self.tell.clone());
                let then = "tried again";
                if self.problems.note("look-ups", begun, then).is_none() {
                    let now = self.observe(false);
                    self.engine.handle(now, Input::Resolved { lookup, addresses: Vec::new() });
                }
            }
            Action::EstablishKeys { source, host, server, cert_set, dates } => {
                let wanted = Wanted { source, host, server, cert_set, dates };
                if let Err(error) = self.key_client.start(wanted, self.tell.clone()) {
                    let now = self.observe(false);
                    let result = Err(KeyFailure { is_refusal: false, words: error.to_string() });
                    self.engine.handle(now, Input::KeysEstablished { source, dates, result });
                }
            }
            Action::Save(drift) => self.save(drift),
        }
    }

    fn send(&mut self, source: SourceId, token: TxToken, remote: SocketAddr, bytes: &[u8]) {
        let topic = format!("requests to {remote}");
        let sent = self.requests.send(source, token, remote, bytes);
        if sent.is_err() {
            self.unsent.insert(source, topic.clone());
        }
        if let Some(departure) = self.problems.note(&topic, sent, "tried again at the next poll") {
            let now = self.observe(false);
            let (at, local) = (departure.at, departure.local);
            let quality = StampQuality::User;
            self.engine.handle(now, Input::Departed { source, token, at, quality, local });
        }
    }

    fn command(&mut self, command: ClockCommand) {
        let topic = match command {
            ClockCommand::SetRate(_) => "kernel clock",
            ClockCommand::Step(_) => "stepping the kernel clock",
            ClockCommand::SetStatus(_) => "status of the kernel clock",
        };
        // A clock that moves meets a snapshot that does not, until the engine has heard of it.
        self.serving.withdraw();
        self.withdrawn = true;
        let (outcome, result) = self.clock.execute(command);
        self.problems.note(topic, result, "measuring and serving only; tried again every minute");
        let now = self.observe(false);
        if let Some(outcome) = outcome {
            self.engine.handle(now, Input::Clock(outcome));
        } else if let Some(rate) = self.clock.foreign_rate() {
            self.engine.handle(now, Input::RateChangedByOther { rate });
        }
    }

    /// Keeps the drift, in a thread that ends with it: a slow disk must not hold up time service.
    fn save(&self, drift: Drift) {
        let (Some(path), done) = (self.settings.drift_file.clone(), self.saved.0.clone()) else { return };
        let work = move || {
            // Nobody is left to hear of it when the daemon has ended.
            let _ = done.send(drift::write(&path, drift));
        };
        if let Err(error) = thread::Builder::new().name("drift".to_owned()).spawn(work) {
            let _ = self.saved.0.send(Err(error));
        }
    }

    fn hear_of_savings(&mut self) {
        while let Ok(result) = self.saved.1.try_recv() {
            self.note_saving(result);
        }
    }

    fn hear_of_recording(&mut self) {
        let Some(outcome) = self.engine.hear_of_recording() else { return };
        let Some(recording) = &self.settings.recording else { return };
        let topic = format!("recording {}", recording.file.display());
        self.problems.note(&topic, outcome, "interrupted; begun anew when that is possible");
    }

    fn note_saving(&mut self, result: io::Result<()>) {
        let path = self.settings.drift_file.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
        self.problems.note(&format!("drift file {path}"), result, "tried again in an hour");
    }

    fn diary(&self, event: &Event) {
        log::diary(event);
        notify::status(&event.to_string());
    }

    /// Sockets to serve on and the control socket, as far as they can be had.
    fn open_what_is_closed(&mut self) {
        self.retry = Instant::now() + RETRY;
        for listener in &mut self.listeners {
            if !listener.is_open() {
                listener.open(&mut self.serving, &mut self.problems);
            }
        }
        self.hardware.open(clock::monotonic(), &mut self.problems);
        // Somebody may have cleared the directory.
        if self.control.as_ref().is_none_or(|control| !control.is_in_place()) {
            self.control = None;
            let tell = self.tell.clone();
            let ask = move |question| {
                // The loop only stops listening when the daemon ends.
                let _ = tell.send(Happening::Asked(question));
            };
            let opened = ControlServer::open(&self.settings.socket, ask);
            let topic = format!("control socket {}", self.settings.socket.display());
            self.control =
                self.problems.note(&topic, opened, "ntpctl cannot reach this daemon (see --socket)");
        }
    }

    fn next_wakeup(&self) -> Instant {
        let (monotonic, raw) = (clock::monotonic(), clock::raw());
        let wait = self.engine.next_wakeup(Now { monotonic, raw }) - monotonic;
        let wakeup = after(wait);
        let all_open = self.control.is_some() && self.listeners.iter().all(Listener::is_open);
        let all_well = all_open && self.hardware.are_all_open() && !self.engine.recording_is_interrupted();
        let keys = self.key_server.as_ref().map(|server| after(server.next_look() - monotonic));
        let cards = self.hardware.next_look().map(|next| after(next - monotonic));
        let wakeup = keys.into_iter().chain(cards).fold(wakeup, Instant::min);
        wakeup.min(if all_well { self.retry + UNDISTURBED } else { self.retry })
    }

    fn introduce(&self) {
        let Settings { file, config, adjust, .. } = &self.settings;
        let file = file.as_ref().map_or("the built-in default".to_owned(), |f| f.display().to_string());
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(event = "starting", version, file, "ntpd {version} starts with {file}");
        if !config.enabled {
            tracing::warn!(event = "switched_off", "`enabled = false`: doing nothing but answering ntpctl");
        }
        if !adjust && config.enabled {
            tracing::info!(
                event = "clock_left_alone",
                "the clock is left alone: time is measured and served, but not set. To let ntpd steer the \
                 clock, run it as root with a configuration whose [server] does not say control = \"none\""
            );
        }
        if let Some(recording) = &self.settings.recording {
            let file = recording.file.display().to_string();
            tracing::info!(
                event = "recording",
                file,
                "all that reaches the engine is recorded in {file}; who can read that file can predict requests"
            );
        }
        if self.listeners.is_empty() {
            tracing::info!(
                event = "serving_nobody",
                "nobody is served: security.access allows nobody, or server.port is 0"
            );
        }
    }

    /// What is left to ask with, for the next run.
    fn save_cookies(&mut self) {
        let keys = self.engine.saved_keys();
        if !keys.is_empty() {
            let result = saved::write(&self.settings.cookie_file, &keys);
            self.problems.note("cookie file", result, "the next run fetches new cookies");
        }
        if let Some(server) = &self.key_server {
            let result = server.save_at_end(clock::monotonic(), clock::raw().to_unix().0);
            self.problems.note("NTS key file", result, "clients have to fetch new cookies");
        }
    }

    fn end(mut self) {
        notify::stopping();
        let now = self.observe(false);
        self.engine.handle(now, Input::Shutdown);
        self.carry_out();
        if let (Some(path), Some(drift)) = (self.settings.drift_file.clone(), self.engine.drift()) {
            let result = drift::write(&path, drift);
            self.note_saving(result);
        }
        if self.settings.recall {
            let now = self.observe(false);
            let result = history::write(&self.settings.history_file, &self.engine.history(now));
            self.problems.note("history file", result, "the next run starts without it");
        }
        self.save_cookies();
        self.engine.end_recording();
        tracing::info!(event = "ended", "ntpd ended");
    }
}

/// Waits until the kernel says that the clock jumped; for ever, if nobody watches.
async fn jumped(watch: Option<&AsyncFd<ClockWatch>>) -> bool {
    let Some(watch) = watch else { return std::future::pending().await };
    let Ok(mut ready) = watch.readable().await else { return std::future::pending().await };
    let jumped = watch.get_ref().acknowledge().unwrap_or(false);
    ready.clear_ready();
    jumped
}
