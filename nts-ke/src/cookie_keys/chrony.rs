//! chrony's file of server keys, `ntskeys`, so that cookies outlive the change from chrony to us.
//!
//! ```text
//! NKS1                        NKS0 (chrony 4.0 to 4.3)
//! 3600.0                      15 3600.0
//! C702DE4E F428…709F 30       8D2887AA B40C…9652
//! ```
//!
//! The number is the age of the current key in seconds. Four lines follow: two previous keys, the older first, the
//! current and the next one; each with its number and secret and, in the newer form, its algorithm.

use ntp_proto::time::NtpDuration;

use super::format::{checked, key};
use super::{FormatError, SealingKey, Slots};

/// Reads chrony's file.
///
/// # Errors
/// [`FormatError`].
pub fn read_chrony(file: &[u8]) -> Result<Slots, FormatError> {
    let text = core::str::from_utf8(file).map_err(|_| FormatError::Unknown)?;
    let mut lines = text.lines();
    let head = (lines.next(), lines.next());
    let (aead, age) = match head {
        (Some("NKS1"), Some(age)) => (None, age),
        (Some("NKS0"), Some(line)) => {
            let (aead, age) = line.split_once(' ').ok_or(FormatError::Line(2))?;
            (Some(aead), age)
        }
        _ => return Err(FormatError::Unknown),
    };
    let age = age.parse().ok().filter(|age| (0.0..2e9).contains(age)).ok_or(FormatError::Line(2))?;
    let key = |(line, number): (&str, usize)| key_line(line, aead).ok_or(FormatError::Line(number));
    let keys: Vec<SealingKey> = lines.zip(3..).map(key).take(5).collect::<Result<_, _>>()?;
    let [oldest, old, current, next] = keys.try_into().map_err(|_| FormatError::Number)?;
    checked(Slots { age: NtpDuration::from_seconds(age), next, current, previous: vec![old, oldest] })
}

fn key_line(line: &str, common_aead: Option<&str>) -> Option<SealingKey> {
    let mut fields = line.split(' ');
    let (id, secret) = (fields.next()?, fields.next()?);
    let aead = common_aead.or_else(|| fields.next())?;
    if fields.next().is_some() { None } else { key(id, aead, secret) }
}

#[cfg(test)]
mod tests {
    use ntp_proto::nts::Aead;

    use super::*;

    /// Written by chronyd 4.3 of Debian 12.
    const NKS0: &str = "NKS0\n15 1.0\n\
        8D2887AA B40C9F0D371CC2D93B62F92E149B11E719FADDC9F2BB187EC2D242BAE1D68952\n\
        B513EE3F 1ECE0649BBA6305AF87B6A453CABC4EEA82A0AAB998CBA431031E57C43A95C4F\n\
        372C79A4 EDCB14AA87CFA52EC9B40A221E0623FE98148DD5337CDA19D13DD207C521CA0C\n\
        E2C7FFFD 511F39455894E86F11BF2EA00B05E6C3C825F505132350CCD6F8A54BAB4A985A\n";
    /// Written by chronyd 4.6.1 of Debian 13.
    const NKS1: &str = "NKS1\n61.5\n\
        C702DE4E F428AC6888DE9F1A61EA854D3D16709F 30\n\
        08FD8063 9AAF18D61CFBD9899902F9859B2BCDD7 30\n\
        8052B2E4 4001F89F39AE98E57BE2410B7561EAE5 30\n\
        7BB94161 7B8E39A6E062310BE20DF8D1F2E351CE 30\n";

    #[test]
    fn both_forms_are_read() {
        let old = read_chrony(NKS0.as_bytes()).unwrap();
        assert_eq!((old.current.id(), old.next.id()), (0x372c_79a4, 0xe2c7_fffd));
        assert_eq!(old.current.aead(), Aead::AesSivCmac256);
        assert_eq!(old.previous.iter().map(SealingKey::id).collect::<Vec<_>>(), [0xb513_ee3f, 0x8d28_87aa]);
        let new = read_chrony(NKS1.as_bytes()).unwrap();
        assert_eq!((new.current.id(), new.current.aead()), (0x8052_b2e4, Aead::Aes128GcmSiv));
        assert_eq!(new.age, NtpDuration::from_millis(61_500));
        assert_eq!(new.current.secret()[..4], [0x40, 0x01, 0xf8, 0x9f]);
    }

    #[test]
    fn each_fault_has_its_reason() {
        let of = |text: &str| read_chrony(text.as_bytes()).unwrap_err();
        assert_eq!(of("NKS2\n1\n"), FormatError::Unknown);
        assert_eq!(of("NKS1"), FormatError::Unknown);
        assert_eq!(of(&NKS1.replace("61.5", "inf")), FormatError::Line(2));
        assert_eq!(of(&NKS1.replace(" 30\n7", " 31\n7")), FormatError::Line(5));
        assert_eq!(of(&NKS1.replace("7BB94161", "8052B2E4")), FormatError::Repeated);
        assert_eq!(of(&NKS0.replace("15 1.0", "15")), FormatError::Line(2));
        let three: Vec<&str> = NKS1.lines().take(5).collect();
        assert_eq!(of(&three.join("\n")), FormatError::Number);
        let five = NKS1.to_owned() + "7BB94162 7B8E39A6E062310BE20DF8D1F2E351CE 30\n";
        assert_eq!(of(&five), FormatError::Number);
    }
}
