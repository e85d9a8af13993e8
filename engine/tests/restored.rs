//! An engine that is written down and read back, again and again, is the one that never was.

mod machine;

use machine::{Machine, options};
use ntp_engine::Engine;
use ntp_engine::record::Line;
use proptest::prelude::*;

fn written_and_read(engine: &Engine, machine: &Machine) -> Engine {
    let line = Line::State { now: machine.now, engine: Box::new(engine.clone()) };
    let text = serde_json::to_string(&line).expect("a state can be written");
    let read: Line<'_> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    read.engine().expect("it is a state").1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_lost(seed: u64, servers in 0u8..6, cuts in prop::collection::vec(1u32..400, 1..12)) {
        let mut cut = Machine::new(seed, options(servers));
        let mut whole = Machine::new(seed, options(servers));
        for wakeups in cuts {
            for _ in 0..wakeups {
                cut.wake();
                whole.wake();
            }
            cut.engine = written_and_read(&cut.engine, &cut);
            prop_assert!(cut.engine == whole.engine, "{:#?}\n{:#?}", cut.engine, whole.engine);
            prop_assert_eq!(cut.now, whole.now);
        }
    }
}
