//! The filter against clocks and paths whose truth is known.

use ntp_proto::time::Offset;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

use super::*;

struct World {
    rng: ChaCha8Rng,
    now: f64,
    base_delay: f64,
    jitter: f64,
}

impl World {
    fn new(jitter: f64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(5), now: 0.0, base_delay: 1e-3, jitter }
    }

    fn exponential(&mut self) -> f64 {
        -((f64::from(self.rng.next_u32()) + 1.0) / 4_294_967_297.0).ln() * self.jitter
    }

    fn at(&self) -> FreeTime {
        FreeTime::from_unix(1_000, 0) + NtpDuration::from_seconds(self.now)
    }

    /// A sample of a clock whose true offset is `offset`.
    fn sample(&mut self, offset: f64) -> Sample {
        let (out, back) = (self.exponential(), self.exponential());
        Sample {
            at: self.at(),
            offset: Offset::from_seconds(offset + (out - back) / 2.0),
            delay: NtpDuration::from_seconds(2.0 * self.base_delay + out + back),
            resolution: NtpDuration::from_nanos(100),
        }
    }
}

fn run(jitter: f64, ppm: f64, samples: usize, interval: f64) -> (SourceFilter, World, f64) {
    let mut world = World::new(jitter);
    let mut filter = SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW);
    let truth = |now: f64| 0.2 + ppm * 1e-6 * now;
    for _ in 0..samples {
        filter.update(&world.sample(truth(world.now)));
        world.now += interval;
    }
    world.now -= interval;
    let truth = truth(world.now);
    (filter, world, truth)
}

#[test]
fn the_first_sample_is_believed_with_modesty() {
    let (filter, world, truth) = run(1e-5, 10.0, 1, 64.0);
    let estimate = filter.estimate(world.at()).unwrap();
    assert!((estimate.offset.to_seconds() - truth).abs() < 1e-4);
    assert!(estimate.uncertainty().to_seconds() > 2e-5);
}

#[test]
fn offset_and_frequency_converge_far_below_the_jitter() {
    let (filter, world, truth) = run(1e-3, 25.0, 200, 64.0);
    let estimate = filter.estimate(world.at()).unwrap();
    let error = estimate.offset.to_seconds() - truth;
    assert!(error.abs() < 150e-6, "{error}");
    assert!((estimate.frequency.to_ppm() - 25.0).abs() < 0.3, "{}", estimate.frequency);
    assert!(error.abs() < 4.0 * estimate.uncertainty().to_seconds());
}

#[test]
fn a_change_of_frequency_is_followed() {
    let (mut filter, mut world, at_change) = run(1e-5, 10.0, 200, 64.0);
    let changed_at = world.now;
    for _ in 0..40 {
        world.now += 64.0;
        let truth = at_change + 11e-6 * (world.now - changed_at);
        filter.update(&world.sample(truth));
    }
    let estimate = filter.estimate(world.at()).unwrap();
    assert!((estimate.frequency.to_ppm() - 11.0).abs() < 0.05, "{}", estimate.frequency);
}

#[test]
fn a_detour_hardly_moves_the_estimate() {
    let (mut filter, mut world, truth) = run(1e-5, 0.0, 100, 64.0);
    world.now += 64.0;
    let mut sample = world.sample(truth);
    sample.delay += NtpDuration::from_millis(100);
    sample.offset = Offset::from_seconds(truth + 0.05);
    assert!(filter.surprise(world.at(), sample.delay).unwrap() > 100.0);
    filter.update(&sample);
    let moved = filter.estimate(world.at()).unwrap().offset.to_seconds() - truth;
    assert!(moved.abs() < 20e-6, "{moved}");
}

#[test]
fn samples_out_of_order_change_nothing_but_the_delays() {
    let (mut filter, mut world, truth) = run(1e-5, 0.0, 10, 64.0);
    let believed = |filter: &SourceFilter, at| filter.estimate(at).map(|e| (e.offset, e.frequency));
    let before = believed(&filter, world.at());
    world.now -= 100.0;
    let late = world.sample(truth + 1.0);
    world.now += 100.0;
    filter.update(&late);
    assert_eq!(believed(&filter, world.at()), before);
}

#[test]
fn a_clock_that_is_decades_off_loses_no_digits() {
    let mut world = World::new(1e-6);
    let mut filter = SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW);
    let decades = NtpDuration::from_secs(40 * 365 * 86_400);
    for _ in 0..50 {
        let mut sample = world.sample(0.0);
        sample.offset = Offset::reference_ahead_by(decades + sample.offset.as_duration());
        filter.update(&sample);
        world.now += 16.0;
    }
    let offset = filter.estimate(world.at()).unwrap().offset.as_duration() - decades;
    assert!(offset.abs() < NtpDuration::from_nanos(2_000), "{offset}");
}

#[test]
fn noisy_paths_are_worth_fewer_questions() {
    let (noisy, ..) = run(1e-3, 0.0, 300, 64.0);
    let (clean, ..) = run(1e-6, 0.0, 300, 64.0);
    let interval = |f: &SourceFilter| f.poll().interval(1);
    assert!(interval(&noisy) > 2.0 * interval(&clean), "{} {}", interval(&noisy), interval(&clean));
}

#[test]
fn a_lasting_detour_is_a_new_path_and_not_an_error_of_the_clock() {
    let (mut filter, mut world, truth) = run(1e-4, 0.0, 100, 64.0);
    let mut extra = 0.0;
    for i in 0..60 {
        world.now += 64.0;
        extra = if i < 40 { 20e-3 } else { 0.0 };
        // All of it on the way back: offsets are wrong by half of it.
        let mut sample = world.sample(truth - extra / 2.0);
        sample.delay += NtpDuration::from_seconds(extra);
        if filter.surprise(sample.at, sample.delay).is_some_and(|s| s > 10.0) && i < 8 {
            filter.suspect(sample.at, sample.delay);
        } else {
            filter.update(&sample);
        }
        let error = filter.estimate(world.at()).unwrap().offset.to_seconds() - truth;
        assert!(error.abs() < 300e-6, "sample {i}: off by {error}");
    }
    assert!(extra.abs() < f64::EPSILON);
}

#[test]
fn several_sources_know_more_together_than_each_alone() {
    let mut worlds: Vec<World> = (0..5).map(|_| World::new(1e-3)).collect();
    let mut filters: Vec<SourceFilter> =
        worlds.iter().map(|_| SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW)).collect();
    for (i, world) in worlds.iter_mut().enumerate() {
        world.rng = ChaCha8Rng::seed_from_u64(i as u64);
    }
    let mut ensemble: Option<Ensemble> = None;
    for _ in 0..200 {
        for i in 0..5 {
            worlds[i].now += 64.0;
            let observation = filters[i].update(&worlds[i].sample(0.0));
            let voices = voices(&filters);
            let ensemble = ensemble.get_or_insert_with(|| Ensemble::of(worlds[i].at(), &voices).unwrap());
            ensemble.listen_to(&voices);
            ensemble.update(i as u32, &observation);
        }
    }
    let ensemble = ensemble.unwrap();
    let together = ensemble.estimate(worlds[0].at()).uncertainty();
    let alone = filters[0].estimate(worlds[0].at()).unwrap().uncertainty();
    assert!(together.to_seconds() < 0.6 * alone.to_seconds(), "{together:?} {alone:?}");
    assert!(!ensemble.is_lost());
}

fn voices(filters: &[SourceFilter]) -> Vec<Voice<'_>> {
    let distance = NtpDuration::from_millis(1);
    let known = filters.iter().zip(0..).filter(|(filter, _)| filter.samples() > 0);
    known.map(|(filter, source)| Voice { source, filter, distance }).collect()
}

#[test]
fn sources_that_contradict_each_other_for_good_do_not_shake_the_clock() {
    let mut worlds: Vec<World> = (0..2).map(|_| World::new(5e-6)).collect();
    let mut filters = vec![SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW); 2];
    let mut ensemble: Option<Ensemble> = None;
    let mut said = Vec::new();
    for _ in 0..200 {
        for i in 0..2 {
            worlds[i].now += 64.0;
            let bias = if i == 0 { 2e-3 } else { -2e-3 };
            let observation = filters[i].update(&worlds[i].sample(bias));
            let voices = voices(&filters);
            let ensemble = ensemble.get_or_insert_with(|| Ensemble::of(worlds[i].at(), &voices).unwrap());
            ensemble.listen_to(&voices);
            ensemble.update(i as u32, &observation);
            said.push(ensemble.estimate(worlds[i].at()));
        }
    }
    let settled = &said[200..];
    let middle = settled.iter().map(|e| e.offset.to_seconds()).sum::<f64>() / settled.len() as f64;
    assert!(middle.abs() < 0.2e-3, "both count alike: {middle}");
    let ppm = settled.iter().map(|e| e.frequency.to_ppm().abs()).fold(0.0, f64::max);
    assert!(ppm < 0.05, "{ppm}");
}

/// What two sources say together, 200 samples on, each with a constant error of its own.
fn pair(errors: [f64; 2]) -> (Vec<World>, Vec<SourceFilter>, Ensemble) {
    let mut worlds: Vec<World> = (0..2).map(|_| World::new(1e-5)).collect();
    let mut filters = vec![SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW); 2];
    let mut ensemble = None;
    for _ in 0..200 {
        for i in 0..2 {
            worlds[i].now += 64.0;
            let observation = filters[i].update(&worlds[i].sample(errors[i]));
            let voices = voices(&filters);
            let ensemble = ensemble.get_or_insert_with(|| Ensemble::of(worlds[i].at(), &voices).unwrap());
            ensemble.listen_to(&voices);
            ensemble.update(i as u32, &observation);
        }
    }
    (worlds, filters, ensemble.unwrap())
}

#[test]
fn a_source_that_is_not_listened_to_changes_nothing() {
    let (mut worlds, mut filters, mut ensemble) = pair([0.0, 0.0]);
    worlds[1].now += 64.0;
    let observation = filters[1].update(&worlds[1].sample(1.0));
    let before = ensemble.clone();
    assert!(ensemble.update(7, &observation).is_none());
    assert_eq!(ensemble, before);
}

#[test]
fn a_source_that_comes_back_to_a_path_that_nobody_knew_does_not_shake_the_clock() {
    let (mut worlds, mut filters, _) = pair([0.0, 2e-3]);
    // The second one takes a detour of 20 ms, and is heard for the first time while it does.
    let ask_second = |worlds: &mut [World], filters: &mut [SourceFilter], detour: f64| {
        worlds[1].now += 64.0;
        let mut sample = worlds[1].sample(2e-3 - detour / 2.0);
        sample.delay += NtpDuration::from_seconds(detour);
        filters[1].update(&sample)
    };
    for _ in 0..20 {
        ask_second(&mut worlds, &mut filters, 20e-3);
    }
    // Biases are relative to the first one, which knows more.
    for _ in 0..40 {
        worlds[0].now += 64.0;
        filters[0].update(&worlds[0].sample(0.0));
    }
    let mut ensemble = Ensemble::of(worlds[0].at(), &voices(&filters)).unwrap();
    worlds[1].now = worlds[0].now;
    let before = ensemble.estimate(worlds[0].at()).offset.to_seconds();
    let back = ask_second(&mut worlds, &mut filters, 0.0);
    assert_eq!(back.turn, Turn::Back);
    ensemble.listen_to(&voices(&filters));
    ensemble.update(1, &back);
    let moved = ensemble.estimate(worlds[1].at()).offset.to_seconds() - before;
    assert!(moved.abs() < 20e-6, "moved by {moved}");
}

#[test]
fn knowledge_survives_a_move_to_another_free_running_clock() {
    let (filter, world, _) = run(1e-5, 20.0, 50, 64.0);
    let later = NtpDuration::from_secs(1_000);
    let before = filter.estimate(world.at()).unwrap();
    let after = filter.moved(later).unwrap().estimate(world.at() + later).unwrap();
    let apart = before.offset.as_duration() - later - after.offset.as_duration();
    assert!(apart.abs() <= NtpDuration::from_nanos(1), "{apart}");
    assert_eq!((before.frequency, before.uncertainty()), (after.frequency, after.uncertainty()));
}

#[test]
fn first_samples_that_turn_out_to_be_detours_are_not_held_on_to() {
    let mut world = World::new(5e-6);
    let mut filter = SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW);
    for i in 0..30 {
        let mut sample = world.sample(0.0);
        if i < 2 {
            sample.delay += NtpDuration::from_millis(3);
            sample.offset = Offset::from_seconds(sample.offset.to_seconds() - 1.5e-3);
        }
        filter.update(&sample);
        let estimate = filter.estimate(world.at()).unwrap();
        let (error, sigma) = (estimate.offset.to_seconds().abs(), estimate.uncertainty().to_seconds());
        assert!(i < 2 || error < 5.0 * sigma + 20e-6, "sample {i}: off by {error}, sigma {sigma}");
        assert!(i < 4 || error < 100e-6, "sample {i}: off by {error}");
        world.now += 1.0;
    }
    assert!(filter.estimate(world.at()).unwrap().frequency.to_ppm().abs() < 5.0);
}
