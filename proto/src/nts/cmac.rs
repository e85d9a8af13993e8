//! AES-CMAC (RFC 4493), the hash within AES-SIV: called by `aead.rs` through the crate `aes-siv`.
//!
//! The crate `cmac` makes the subkeys anew for each message and calls the cipher once for each block. Here the
//! subkeys are made with the key, and whole runs of blocks go through the cipher in one call; a packet costs half.

use aes::cipher::consts::U16;
use aes::cipher::{
    BlockBackend, BlockClosure, BlockEncrypt, BlockSizeUser, Key, KeyInit, KeySizeUser, Unsigned,
};
use aes::{Aes128Enc, Block};
use digest::{FixedOutput, FixedOutputReset, MacMarker, Output, OutputSizeUser, Reset, Update};
use zeroize::Zeroize;

const BLOCK: usize = U16::USIZE;
/// What a bit that leaves the block on the left comes back as (RFC 4493 §2.3, `const_Rb`).
const POLYNOMIAL: u128 = 0x87;

/// A message authentication code with a key of 128 bits, fed piece by piece.
pub(super) struct Cmac {
    cipher: Aes128Enc,
    /// K1; K2 is its double.
    subkey: u128,
    /// All blocks so far, but for the last.
    state: u128,
    /// The last one so far, which is treated in its own way at the end.
    last: [u8; BLOCK],
    /// How much of it there is; 0 only before the first byte.
    len: usize,
}

impl KeySizeUser for Cmac {
    type KeySize = U16;
}

impl KeyInit for Cmac {
    fn new(key: &Key<Self>) -> Self {
        let cipher = Aes128Enc::new(key);
        let mut zero = Block::default();
        cipher.encrypt_block(&mut zero);
        let subkey = double(u128::from_be_bytes(zero.into()));
        Self { cipher, subkey, state: 0, last: [0; BLOCK], len: 0 }
    }
}

impl Cmac {
    fn absorb(&mut self, blocks: &[[u8; BLOCK]]) {
        self.cipher.encrypt_with_backend(Chain { state: &mut self.state, blocks });
    }
}

impl Update for Cmac {
    fn update(&mut self, data: &[u8]) {
        let (head, rest) = data.split_at(data.len().min(BLOCK - self.len));
        self.last[self.len..][..head.len()].copy_from_slice(head);
        self.len += head.len();
        if rest.is_empty() {
            return;
        }
        // More follows, so that neither the full block nor any but the last of the rest is the last.
        self.absorb(&[self.last]);
        let (whole, last) = rest.split_at((rest.len() - 1) / BLOCK * BLOCK);
        self.absorb(whole.as_chunks().0);
        self.last[..last.len()].copy_from_slice(last);
        self.len = last.len();
    }
}

impl OutputSizeUser for Cmac {
    type OutputSize = U16;
}

impl FixedOutput for Cmac {
    fn finalize_into(mut self, out: &mut Output<Self>) {
        self.finalize_into_reset(out);
    }
}

impl FixedOutputReset for Cmac {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        let subkey = if self.len == BLOCK {
            self.subkey
        } else {
            self.last[self.len] = 0x80;
            self.last[self.len + 1..].fill(0);
            double(self.subkey)
        };
        *out = (self.state ^ u128::from_be_bytes(self.last) ^ subkey).to_be_bytes().into();
        self.cipher.encrypt_block(out);
        self.reset();
    }
}

impl Reset for Cmac {
    fn reset(&mut self) {
        (self.state, self.len) = (0, 0);
    }
}

impl MacMarker for Cmac {}

impl Drop for Cmac {
    fn drop(&mut self) {
        self.subkey.zeroize();
        self.state.zeroize();
    }
}

/// Times x in the field of 2¹²⁸ elements (RFC 4493 §2.3), in the same time for all values.
const fn double(value: u128) -> u128 {
    value << 1 ^ (value >> 127).wrapping_neg() & POLYNOMIAL
}

/// Blocks that are chained one after the other within one call of the cipher.
struct Chain<'a> {
    state: &'a mut u128,
    blocks: &'a [[u8; BLOCK]],
}

impl BlockSizeUser for Chain<'_> {
    type BlockSize = U16;
}

impl BlockClosure for Chain<'_> {
    #[inline(always)]
    fn call<B: BlockBackend<BlockSize = U16>>(self, backend: &mut B) {
        let mut state = *self.state;
        for block in self.blocks {
            let mut sum: Block = (state ^ u128::from_be_bytes(*block)).to_be_bytes().into();
            backend.proc_block((&mut sum).into());
            state = u128::from_be_bytes(sum.into());
        }
        *self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use digest::Mac;
    use proptest::prelude::*;

    use super::*;
    use crate::nts::testing::hex;

    fn mac(pieces: &[&[u8]]) -> [u8; BLOCK] {
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        let mut mac = <Cmac as KeyInit>::new_from_slice(&key).unwrap();
        pieces.iter().for_each(|piece| Mac::update(&mut mac, piece));
        mac.finalize_reset().into_bytes().into()
    }

    #[test]
    fn the_examples_of_rfc_4493() {
        let message = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
        for (len, expected) in [
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ] {
            assert_eq!(mac(&[&message[..len]]).to_vec(), hex(expected), "{len}");
        }
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(data in prop::collection::vec(any::<u8>(), 0..100), cuts in any::<[prop::sample::Index; 2]>()) {
            let mut cuts = cuts.map(|cut| cut.index(data.len() + 1));
            cuts.sort_unstable();
            let pieces = [&data[..cuts[0]], &data[cuts[0]..cuts[1]], &data[cuts[1]..]];
            prop_assert_eq!(mac(&pieces), mac(&[&data]));
        }
    }
}
