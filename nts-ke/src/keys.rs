//! The keys of a session, as both sides take them from TLS (RFC 8915 §5.1).

use ntp_proto::nts::{Aead, SessionKeys};
use rustls::ConnectionCommon;
use zeroize::Zeroizing;

use crate::message::{Agreement, NTPV4};

/// RFC 8915 §5.1.
const LABEL: &[u8] = b"EXPORTER-network-time-security";
/// The last byte of the context: the direction that a key is for.
const C2S: u8 = 0;
const S2C: u8 = 1;

/// Which algorithm the context names.
///
/// chrony before 4.6.1 names AES-SIV-CMAC-256 whatever was agreed on, and newer ones still do so with everybody
/// who does not say that he knows better ([`crate::record::RecordType::COMPLIANT_GCM_SIV`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The one that was agreed on.
    Compliant,
    /// Always AES-SIV-CMAC-256.
    OldChrony,
}

impl Export {
    /// What a server holds to with this client.
    #[must_use]
    pub const fn of(agreement: Agreement) -> Self {
        match agreement.aead {
            Aead::Aes128GcmSiv if !agreement.compliant_gcm_siv => Self::OldChrony,
            _ => Self::Compliant,
        }
    }
}

/// What the exporter is asked with for one direction.
fn context(aead: Aead, export: Export, direction: u8) -> [u8; 5] {
    let named = match export {
        Export::Compliant => aead,
        Export::OldChrony => Aead::AesSivCmac256,
    };
    let ([p0, p1], [a0, a1]) = (NTPV4.to_be_bytes(), named.id().to_be_bytes());
    [p0, p1, a0, a1, direction]
}

/// Takes the keys from a connection whose handshake is done.
///
/// # Errors
/// The handshake is not done.
pub fn export<D>(
    connection: &ConnectionCommon<D>,
    aead: Aead,
    export: Export,
) -> Result<SessionKeys, rustls::Error> {
    let mut keys = [C2S, S2C].map(|direction| (direction, Zeroizing::new([0; Aead::MAX_KEY_LEN])));
    for (direction, key) in &mut keys {
        // A shorter key is not the beginning of a longer one: TLS puts the length into it (RFC 8446 §7.1).
        let key = &mut key[..aead.key_len()];
        connection.export_keying_material(key, LABEL, Some(&context(aead, export, *direction)))?;
    }
    let [c2s, s2c] = keys.each_ref().map(|(_, key)| &key[..aead.key_len()]);
    SessionKeys::new(aead, c2s, s2c).map_err(|error| rustls::Error::General(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_those_of_the_standard() {
        use Aead::{Aes128GcmSiv, AesSivCmac256};
        assert_eq!(context(AesSivCmac256, Export::Compliant, C2S), [0, 0, 0, 15, 0]);
        assert_eq!(context(Aes128GcmSiv, Export::Compliant, S2C), [0, 0, 0, 30, 1]);
        assert_eq!(context(Aes128GcmSiv, Export::OldChrony, S2C), [0, 0, 0, 15, 1]);
    }

    #[test]
    fn only_short_keys_for_those_who_do_not_know_better_are_exported_in_the_old_way() {
        let of = |aead, compliant_gcm_siv| Export::of(Agreement { aead, compliant_gcm_siv });
        assert_eq!(of(Aead::Aes128GcmSiv, false), Export::OldChrony);
        assert_eq!(of(Aead::Aes128GcmSiv, true), Export::Compliant);
        assert_eq!(of(Aead::AesSivCmac256, false), Export::Compliant);
    }
}
