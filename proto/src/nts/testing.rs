//! What the tests of this module share: hex digits, and an exchange between chrony 4.3 as client and as server.

/// The bytes that hex digits stand for.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digit = |c: u8| char::from(c).to_digit(16).expect("a hex digit") as u8;
    digits.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The number of the key that the server sealed its cookies with.
pub(super) const CHRONY_KEY_ID: u32 = 0x45ce_d2bb;
/// That key, of AES-SIV-CMAC-256.
pub(super) const CHRONY_KEY: &str = "9ba787ce9724b7463e9af696fce98eca31390817934581f9631ae8a6361220cb";
/// The session's key of requests.
pub(super) const CHRONY_C2S: &str = "87680b23df134989fef55bb1b8589d957bfc761d40dfa8037240b9fcc64da8db";
/// The session's key of replies.
pub(super) const CHRONY_S2C: &str = "963dfb4bf9d98d9a345d2a3b6f5d849e6adc89d8c7640cb4851ba08590556a86";
/// A request, with a cookie of that session.
pub(super) const CHRONY_REQUEST: &str = "23000020000000000000000000000000000000000000000000000000000000000000000000000000ed5fe8d1a1b602dd\
    01040024ec18333212561ea71847da0a1bd0244009244d9ced5446939f3811a1aa80e5450204006845ced2bbe93ed054\
    b2004076edb28eb120376c03fb094cfab02fe670cfcd49eb7333003d44a6fe3e61bc7f9247dc45a6bf0a970c4d7b3022\
    042b7c4f3fbe387c022cca7f602da2a4284963bbad054e173b4b58e8cc42ce7e456bdc9afb79c56326323e1704040028\
    00100010b0a2143b51b14b588f5000c346caa83377308956429279ca40e3442957988311";
/// Its reply.
pub(super) const CHRONY_REPLY: &str = "240300e600000000000000007f7f0101eeac01d24197b68ced5fe8d1a1b602ddeeac01d36457a68beeac01d3646016f0\
    01040024ec18333212561ea71847da0a1bd0244009244d9ced5446939f3811a1aa80e5450404009000100078125fc09c\
    74a5740b8b6f82cfc32f5907095bf62f84c49c9fc2619440d715a0463523883b9efaabdebe7a424f6ee28796df8fceb7\
    8dcb4a128d4457028768b1564a59cf92b390c2b930162ca04930ef9aaab8a7f093827f40111fa9ae7e58629ae6dab15c\
    1aa6c36d64bbdf22e114ecbc7c7426a730b4c7c5a33e66548cb2d2d388945a1fc604b09b";
