//! Any bytes as a file of cookie keys, of ours or chrony's, and as secrets of a fleet.
//!
//! Oracle: whatever is read reads back the same and seals cookies that it opens.

#![no_main]

use std::num::NonZeroU32;

use libfuzzer_sys::fuzz_target;
use ntp_proto::nts::{Aead, CookieKeys, SessionKeys};
use ntp_proto::time::{Monotonic, NtpDuration};
use nts_ke::UnixTime;
use nts_ke::cookie_keys::{Fleet, Rotation, Slots, read, read_chrony, write};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

fuzz_target!(|bytes: &[u8]| {
    for slots in [read(bytes), read_chrony(bytes)].into_iter().flatten() {
        // The file has whole seconds.
        let whole = NtpDuration::from_secs(slots.age.to_seconds() as i64);
        let slots = Slots { age: whole, ..slots };
        assert_eq!(read(write(&slots).as_bytes()).as_ref(), Ok(&slots));
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let now = Monotonic::default() + NtpDuration::from_secs(7);
        let mut rotation = Rotation::restored(slots, NtpDuration::from_secs(604_800), now);
        rotation.advance(now, &mut rng);
        pass(rotation.cookie_keys().expect("there are keys"));
    }
    if let Ok(fleet) = Fleet::read(bytes, NonZeroU32::new(604_800).expect("not 0")) {
        pass(fleet.cookie_keys(UnixTime(1_800_000_000)).expect("there are keys"));
    }
});

fn pass(keys: CookieKeys) {
    let session = SessionKeys::new(Aead::Aes128GcmSiv, &[1; 16], &[2; 16]).expect("16 bytes");
    let cookie = keys.seal(&session, &mut ChaCha8Rng::seed_from_u64(2));
    assert_eq!(keys.open(cookie.as_ref()), Ok(session));
}
