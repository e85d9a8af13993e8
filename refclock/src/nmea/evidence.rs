//! What the sentences of a burst say of the fix, taken together. [`super::burst`] asks whether there is one,
//! [`super::sky`] shows it.

use ::nmea::sentences::FixType;

use super::sentence::{Body, Gga, Gsa, Rmc};
use super::status::{Fix, Position};

/// Of one burst.
#[derive(Clone, Default)]
pub(super) struct Evidence {
    /// Some sentence says V, N, quality 0 or the like.
    denied: bool,
    /// Some sentence says that there is a fix.
    affirmed: bool,
    quality: Option<Fix>,
    mode: Option<Fix>,
    /// The best of what the sentences for each system say.
    dimensions: Option<u8>,
    used: usize,
    satellites: Option<u32>,
    pub(super) hdop: Option<f32>,
    pub(super) position: Option<Position>,
}

impl Evidence {
    pub(super) fn add(&mut self, body: &Body) {
        match body {
            Body::Rmc(rmc) => self.add_rmc(rmc),
            Body::Gga(gga) => self.add_gga(gga),
            Body::Gsa(gsa) => self.add_gsa(gsa),
            Body::Zda(_) | Body::Gsv(_) | Body::Vendor | Body::Other => {}
        }
    }

    /// Status V still carries a time, but that of the receiver's own clock.
    fn add_rmc(&mut self, rmc: &Rmc) {
        let mode = rmc.mode.and_then(mode);
        self.mode =
            if rmc.valid { mode } else { Some(mode.filter(|mode| !mode.gives_time()).unwrap_or(Fix::None)) };
        self.judge(rmc.valid && mode.is_none_or(Fix::gives_time));
    }

    fn add_gga(&mut self, gga: &Gga) {
        let fix = quality(gga.quality);
        self.quality = Some(fix);
        self.satellites = gga.satellites.or(self.satellites);
        self.hdop = gga.hdop.or(self.hdop);
        self.position = gga.position.map(|(latitude_deg, longitude_deg, altitude_m)| Position {
            latitude_deg,
            longitude_deg,
            altitude_m,
        });
        self.judge(fix.gives_time());
    }

    fn add_gsa(&mut self, gsa: &Gsa) {
        self.dimensions = self.dimensions.max(Some(gsa.dimensions));
        self.used += gsa.satellites;
        self.hdop = self.hdop.or(gsa.hdop);
    }

    fn judge(&mut self, fixed: bool) {
        self.affirmed |= fixed;
        self.denied |= !fixed;
    }

    /// Whether the time can be relied on; `None`: nothing was said about it.
    pub(super) fn has_fix(&self) -> Option<bool> {
        if self.denied || self.dimensions == Some(1) {
            return Some(false);
        }
        (self.affirmed || self.dimensions.is_some()).then_some(true)
    }

    /// `None`: nothing was said about it.
    pub(super) fn fix(&self) -> Option<Fix> {
        let fixed = self.has_fix()?;
        let mut said = self.quality.into_iter().chain(self.mode);
        if !fixed {
            return Some(said.find(|fix| !fix.gives_time()).unwrap_or(Fix::None));
        }
        // Plain, with or without height, is the least that can be said.
        let special = said.find(|fix| *fix != Fix::Autonomous);
        Some(special.unwrap_or(match self.dimensions {
            Some(2) => Fix::TwoD,
            Some(3) => Fix::ThreeD,
            _ => Fix::Autonomous,
        }))
    }

    /// Satellites used. The one field has often at most 12, the list at most 12 for each system.
    pub(super) fn used(&self) -> Option<u16> {
        let listed = self.dimensions.map(|_| u32::try_from(self.used).unwrap_or(u32::MAX));
        listed.max(self.satellites).map(|count| u16::try_from(count).unwrap_or(u16::MAX))
    }
}

/// Without the position.
impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence")
            .field("fix", &self.fix())
            .field("used", &self.used())
            .finish_non_exhaustive()
    }
}

/// The mode indicator of NMEA 2.3 and later; `None`: one that is not known.
const fn mode(letter: u8) -> Option<Fix> {
    Some(match letter {
        b'A' => Fix::Autonomous,
        b'D' => Fix::Differential,
        b'P' => Fix::Precise,
        b'R' => Fix::Rtk,
        b'F' => Fix::RtkFloat,
        b'E' => Fix::Estimated,
        b'M' => Fix::Manual,
        b'S' => Fix::Simulated,
        b'N' => Fix::None,
        _ => return None,
    })
}

const fn quality(quality: FixType) -> Fix {
    match quality {
        FixType::Invalid => Fix::None,
        FixType::Gps => Fix::Autonomous,
        FixType::DGps => Fix::Differential,
        FixType::Pps => Fix::Precise,
        FixType::Rtk => Fix::Rtk,
        FixType::FloatRtk => Fix::RtkFloat,
        FixType::Estimated => Fix::Estimated,
        FixType::Manual => Fix::Manual,
        FixType::Simulation => Fix::Simulated,
    }
}

#[cfg(test)]
mod tests;
