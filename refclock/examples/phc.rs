//! Shows a hardware clock as the driver sees it: `phc DEVICE [LOOKS]`.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ntp_proto::time::RawTime;
use ntp_refclock::phc::{HardwareClock, Options};
use ntp_refclock::{Driver, Wait};

fn clock() -> RawTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    RawTime::from_unix(now.as_secs() as i64, now.subsec_nanos())
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().unwrap_or("/dev/ptp0".to_owned());
    let looks = arguments.next().and_then(|looks| looks.parse().ok()).unwrap_or(10);
    let mut clock_of_card = HardwareClock::open(Options { device, ..Options::default() })?;
    for _ in 0..looks {
        let mut readings = Vec::new();
        clock_of_card.look(clock, &mut readings)?;
        for reading in readings {
            println!("{:?} at {:?} within {}", reading.shows, reading.at, reading.resolution);
        }
        println!("  {}", clock_of_card.status().gait);
        if let Wait::For(interval) = clock_of_card.wait() {
            thread::sleep(interval.min(Duration::from_secs(1)));
        }
    }
    println!("{:#?}", clock_of_card.status());
    Ok(())
}
