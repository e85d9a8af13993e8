//! The task that keeps one device open and reads it.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use ntp_clock::Stamp;
use ntp_engine::{SourceId, TimeSnapshot};
use ntp_proto::time::RawTime;
use ntp_refclock::{Driver, Wait};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep};

use super::Turn;
use super::device::Device;
use super::report::DeviceReport;
use super::wanted::{DeviceOptions, Wanted};
use crate::daemon::alarm::Alarm;
use crate::daemon::driver::Happening;
use crate::sys::clock;
use crate::sys::watched::watch;

/// What could not be opened, or broke, is opened again after this …
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// … which doubles up to this.
const LAST_RETRY: Duration = Duration::from_secs(30);
/// A device that worked for so long has earned a quick retry.
const WORKED: Duration = Duration::from_secs(60);

/// A device that is kept open.
#[derive(Debug)]
pub(super) struct Keeper {
    source: SourceId,
    table: String,
    options: DeviceOptions,
    state: Rc<RefCell<State>>,
    task: JoinHandle<()>,
}

/// How it is.
#[derive(Debug)]
enum State {
    Closed(Option<String>),
    Open(Box<Device>),
}

impl Keeper {
    pub(super) fn start(
        clock: usize,
        source: SourceId,
        wanted: Wanted,
        tell: UnboundedSender<Happening>,
        snapshot: Rc<Cell<TimeSnapshot>>,
    ) -> Self {
        let Wanted { table, device: options, .. } = wanted;
        let state = Rc::new(RefCell::new(State::Closed(None)));
        let task = Task { clock, source, options: options.clone(), state: Rc::clone(&state), tell, snapshot };
        Self { source, table, options, state, task: spawn_local(task.run()) }
    }

    pub(super) fn topic(&self) -> String {
        format!("reference clock {} {}", self.options.driver(), self.options.name())
    }

    pub(super) fn report(&self, now: RawTime) -> DeviceReport {
        let (trouble, status) = match &*self.state.borrow() {
            State::Closed(trouble) => (trouble.clone(), None),
            State::Open(device) => (None, Some(device.status(now))),
        };
        DeviceReport {
            source: self.source.number(),
            table: self.table.clone(),
            driver: self.options.driver().to_owned(),
            device: self.options.name(),
            open: status.is_some(),
            trouble,
            status,
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task {
    clock: usize,
    source: SourceId,
    options: DeviceOptions,
    state: Rc<RefCell<State>>,
    tell: UnboundedSender<Happening>,
    snapshot: Rc<Cell<TimeSnapshot>>,
}

impl Task {
    async fn run(self) {
        let mut retry = FIRST_RETRY;
        loop {
            let begun = clock::monotonic();
            let Err(error) = self.follow().await;
            *self.state.borrow_mut() = State::Closed(Some(error.to_string()));
            self.turned(Err(error));
            let worked = (clock::monotonic() - begun).to_seconds() > WORKED.as_secs_f64();
            retry = if worked { FIRST_RETRY } else { retry };
            sleep(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    /// Opens the device and reads it until it breaks.
    async fn follow(&self) -> io::Result<Infallible> {
        let device = self.options.open()?;
        let mut watch = Watch::of(device.driver())?;
        *self.state.borrow_mut() = State::Open(Box::new(device));
        self.turned(Ok(()));
        let mut readings = Vec::new();
        loop {
            let wait = match &*self.state.borrow() {
                State::Open(device) => device.driver().wait(),
                State::Closed(_) => return Err(io::ErrorKind::NotConnected.into()),
            };
            watch.wait(wait).await?;
            match &mut *self.state.borrow_mut() {
                State::Open(device) => device.driver_mut().look(clock::raw, &mut readings)?,
                State::Closed(_) => return Err(io::ErrorKind::NotConnected.into()),
            }
            let epoch = self.snapshot.get().epoch;
            for reading in readings.drain(..) {
                let (source, at) = (self.source, Stamp { time: reading.at, epoch });
                // The loop only stops listening when the daemon ends.
                let _ = self.tell.send(Happening::Reading { source, at, reading });
            }
        }
    }

    fn turned(&self, result: io::Result<()>) {
        let _ = self.tell.send(Happening::Refclock(Turn { clock: self.clock, result }));
    }
}

/// The wait for a device.
struct Watch {
    line: Line,
    alarm: Alarm,
}

/// What may become readable. It is the device's descriptor, doubled.
enum Line {
    /// There is nothing to wait for but time.
    Nothing,
    /// Who is not watched wakes nobody.
    Asleep(OwnedFd),
    Awake(AsyncFd<OwnedFd>),
}

impl Watch {
    fn of(driver: &dyn Driver) -> io::Result<Self> {
        let doubled = driver.descriptor().map(|descriptor| descriptor.try_clone_to_owned()).transpose()?;
        Ok(Self { line: doubled.map_or(Line::Nothing, Line::Asleep), alarm: Alarm::best() })
    }

    async fn wait(&mut self, wait: Wait) -> io::Result<()> {
        let Self { line, alarm } = self;
        match wait {
            Wait::For(span) => {
                line.rest();
                alarm.wait_until(Instant::now() + span).await;
                Ok(())
            }
            Wait::Readable => line.readable().await,
            Wait::ReadableOr(span) => tokio::select! {
                readable = line.readable() => readable,
                () = alarm.wait_until(Instant::now() + span) => Ok(()),
            },
        }
    }
}

impl Line {
    fn rest(&mut self) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Awake(watched) => Self::Asleep(watched.into_inner()),
            other => other,
        };
    }

    async fn readable(&mut self) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Asleep(descriptor) => Self::Awake(watch(descriptor, Interest::READABLE)?),
            other => other,
        };
        match self {
            Self::Awake(watched) => watched.readable().await?.clear_ready(),
            Self::Asleep(_) | Self::Nothing => sleep(FIRST_RETRY).await,
        }
        Ok(())
    }
}
