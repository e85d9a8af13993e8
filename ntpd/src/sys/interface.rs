//! Names and numbers of network interfaces.

use std::ffi::CStr;
use std::io;
use std::os::raw::c_char;

use nix::net::if_::{if_nameindex, if_nametoindex};

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

/// The index of the interface with this name, in our network namespace.
pub fn index(name: &str) -> io::Result<u32> {
    Ok(if_nametoindex(name)?)
}

/// The names of all interfaces of our network namespace.
pub fn names() -> io::Result<Vec<String>> {
    let all = if_nameindex()?;
    Ok(all.iter().map(|interface| interface.name().to_string_lossy().into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_have_names() {
        assert_eq!(name(1).as_deref(), Some("lo"));
        assert_eq!(name(u32::MAX), None);
        assert_eq!(index("lo").unwrap(), 1);
        assert!(index("no-such-device").is_err());
        assert!(names().unwrap().contains(&"lo".to_owned()));
    }
}
