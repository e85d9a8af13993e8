//! Names of network interfaces.

use std::ffi::CStr;
use std::os::raw::c_char;

/// The name of the interface with this index, in our network namespace; `None` if there is none.
#[must_use]
pub fn name(index: u32) -> Option<String> {
    let mut name: [c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
    // SAFETY: the pointer is to IFNAMSIZ bytes of ours, which is what the call may write.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    if found.is_null() {
        return None;
    }
    let bytes = name.map(|byte| byte as u8);
    CStr::from_bytes_until_nul(&bytes).ok().map(|name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_have_names() {
        assert_eq!(name(1).as_deref(), Some("lo"));
        assert_eq!(name(u32::MAX), None);
    }
}
