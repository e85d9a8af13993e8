//! One filter for phase and frequency of the free-running clock.

use std::f64::consts::PI;

use crate::estimate::Covariance;

/// Phase (s, relative to the bank's anchor), frequency, and what is uncertain about them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Kalman {
    pub(super) x: f64,
    pub(super) f: f64,
    pub(super) p: Covariance,
}

impl Kalman {
    /// `h` seconds pass, in which the frequency wanders by `w` per √s.
    pub(super) fn predict(&mut self, h: f64, w: f64) {
        self.x += h * self.f;
        self.p = self.p.advanced(h, w);
    }

    /// Learns from an offset `z` with variance `r`; returns the logarithm of how likely it was.
    pub(super) fn update(&mut self, z: f64, r: f64) -> f64 {
        let s = self.p.xx + r;
        let innovation = z - self.x;
        let (gx, gf) = (self.p.xx / s, self.p.xf / s);
        self.x += gx * innovation;
        self.f += gf * innovation;
        self.p = Covariance { xx: self.p.xx * r / s, xf: self.p.xf * r / s, ff: self.p.ff - gf * self.p.xf };
        -0.5 * (innovation * innovation / s + libm::log(2.0 * PI * s))
    }
}
