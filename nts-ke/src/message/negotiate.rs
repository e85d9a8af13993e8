//! What the two sides agree on.

use core::fmt;

use ntp_proto::nts::Aead;

use super::{ErrorCode, NTPV4, Request, Response};

/// What both sides hold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The algorithm.
    pub aead: Aead,
    /// Both said that they export keys for AES-128-GCM-SIV as RFC 8915 §5.1 has it.
    pub compliant_gcm_siv: bool,
}

/// Why there is no agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The server answered with an error.
    Error(ErrorCode),
    /// The server warned of something that we do not know (RFC 8915 §4.1.4: as bad as an error).
    Warning(u16),
    /// No protocol in common.
    NoProtocol,
    /// No algorithm in common.
    NoAead,
    /// The server chose an algorithm that was not offered.
    AeadNotOffered(u16),
    /// The server gave no cookie that could be used.
    NoCookies,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(code) => write!(f, "server answers: {code}"),
            Self::Warning(code) => write!(f, "server gives unknown warning {code}"),
            Self::NoProtocol => f.write_str("server does not offer NTPv4"),
            Self::NoAead => f.write_str("server shares no algorithm"),
            Self::AeadNotOffered(aead) => write!(f, "server chose algorithm {aead}, which was not offered"),
            Self::NoCookies => f.write_str("server gave no usable cookie"),
        }
    }
}

impl std::error::Error for Refused {}

/// The server's choice: the first algorithm of the client's that is among `own` (RFC 8915 §4.1.5). What the
/// answer says about it is in the [`Response`], to which cookies are added only if there is an agreement.
#[must_use]
pub fn negotiate(request: &Request, own: &[Aead]) -> (Response, Option<Agreement>) {
    if !request.protocols.contains(&NTPV4) {
        return (Response { protocols: Some(Vec::new()), ..Response::default() }, None);
    }
    let known = request.aeads.iter().filter_map(|id| Aead::from_id(*id));
    let aead = known.into_iter().find(|aead| own.contains(aead));
    let compliant_gcm_siv = request.compliant_gcm_siv && aead.is_some();
    let response = Response {
        protocols: Some(vec![NTPV4]),
        aead: Some(aead.map(Aead::id)),
        compliant_gcm_siv,
        ..Response::default()
    };
    (response, aead.map(|aead| Agreement { aead, compliant_gcm_siv }))
}

impl Response {
    /// The client's view: does the response agree to what was asked?
    ///
    /// # Errors
    /// [`Refused`].
    pub fn agree(&self, request: &Request) -> Result<Agreement, Refused> {
        if let Some(code) = self.error {
            return Err(Refused::Error(code));
        }
        if let Some(code) = self.warning {
            return Err(Refused::Warning(code));
        }
        if self.protocols.as_deref() != Some(&[NTPV4]) {
            return Err(Refused::NoProtocol);
        }
        let aead = self.aead.flatten().ok_or(Refused::NoAead)?;
        if !request.aeads.contains(&aead) {
            return Err(Refused::AeadNotOffered(aead));
        }
        if self.cookies.is_empty() {
            return Err(Refused::NoCookies);
        }
        let aead = Aead::from_id(aead).ok_or(Refused::NoAead)?;
        let compliant_gcm_siv = request.compliant_gcm_siv && self.compliant_gcm_siv;
        Ok(Agreement { aead, compliant_gcm_siv })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIV: Aead = Aead::AesSivCmac256;
    const GCM_SIV: Aead = Aead::Aes128GcmSiv;

    #[test]
    fn the_clients_order_decides() {
        let choice = |offered: &[u16]| negotiate(&Request::ntpv4(offered), &Aead::ALL).1.map(|a| a.aead.id());
        assert_eq!(choice(&[30, 15]), Some(30));
        assert_eq!(choice(&[17, 15, 30]), Some(15));
        assert_eq!(choice(&[17]), None);
    }

    #[test]
    fn both_sides_come_to_the_same() {
        let request = Request::ntpv4(&[30, 15]);
        let (mut response, agreed) = negotiate(&request, &[SIV]);
        assert_eq!(response.agree(&request), Err(Refused::NoCookies));
        response.cookies.push(vec![1; 64]);
        assert_eq!(response.agree(&request).ok(), agreed);
        assert_eq!(agreed, Some(Agreement { aead: SIV, compliant_gcm_siv: true }));
    }

    #[test]
    fn a_client_that_does_not_speak_of_compliance_is_not_told_of_it() {
        let request = Request { compliant_gcm_siv: false, ..Request::ntpv4(&[30]) };
        let (response, agreed) = negotiate(&request, &[GCM_SIV]);
        assert!(!response.compliant_gcm_siv);
        assert_eq!(agreed, Some(Agreement { aead: GCM_SIV, compliant_gcm_siv: false }));
    }

    #[test]
    fn nothing_in_common_is_said_by_empty_records() {
        let foreign = Request { protocols: vec![0x7777], ..Request::ntpv4(&[15]) };
        let (response, agreed) = negotiate(&foreign, &[SIV]);
        assert_eq!((response.write(), agreed), (vec![0x80, 1, 0, 0, 0x80, 0, 0, 0], None));
        assert_eq!(response.agree(&foreign), Err(Refused::NoProtocol));
        let (response, agreed) = negotiate(&Request::ntpv4(&[17]), &[SIV]);
        assert_eq!((response.aead, agreed), (Some(None), None));
        assert_eq!(response.agree(&foreign), Err(Refused::NoAead));
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let request = Request::ntpv4(&[15]);
        let good = Response { cookies: vec![vec![0; 100]], ..negotiate(&request, &[SIV]).0 };
        let of = |response: Response| response.agree(&request).unwrap_err();
        assert_eq!(
            of(Response { error: Some(ErrorCode(1)), ..good.clone() }),
            Refused::Error(ErrorCode::BAD_REQUEST)
        );
        assert_eq!(of(Response { warning: Some(7), ..good.clone() }), Refused::Warning(7));
        assert_eq!(of(Response { aead: Some(Some(30)), ..good.clone() }), Refused::AeadNotOffered(30));
        assert_eq!(of(Response { protocols: Some(vec![0, 1]), ..good }), Refused::NoProtocol);
    }
}
