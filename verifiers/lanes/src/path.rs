//! Which way to hash.

use std::sync::atomic::{AtomicU8, Ordering};

/// A way of hashing many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Path {
    /// One message after another.
    Plain = 1,
    /// 256-bit words.
    Avx2,
    /// SHA instructions.
    ShaNi,
    /// 512-bit words.
    Avx512,
}

/// 0: all that the processor has.
static ONLY: AtomicU8 = AtomicU8::new(0);

impl Path {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Avx2, Self::ShaNi, Self::Avx512];

    /// Whether this processor can go it, and this build may.
    pub fn is_available(self) -> bool {
        #[cfg(all(target_arch = "x86_64", not(feature = "plain")))]
        return match self {
            Self::Plain => true,
            Self::Avx2 => crate::words::Avx2::detect().is_some(),
            Self::ShaNi => crate::sha256::ShaNi::detect().is_some(),
            Self::Avx512 => crate::words::Avx512::detect().is_some(),
        };
        #[cfg(not(all(target_arch = "x86_64", not(feature = "plain"))))]
        return self == Self::Plain;
    }

    /// Whether it is available and not excluded by [`restrict_to`].
    pub(crate) fn is_open(self) -> bool {
        let only = ONLY.load(Ordering::Relaxed);
        (only == 0 || only == self as u8) && self.is_available()
    }
}

/// From now on this process hashes by `path` alone, or plainly where `path` is not available or has no such hash; None
/// undoes that. Hashes stay the same, only their speed changes: for measuring one way against another.
pub fn restrict_to(path: Option<Path>) {
    ONLY.store(path.map_or(0, |path| path as u8), Ordering::Relaxed);
}

/// The way that many SHA-256 go.
pub fn sha256_path() -> Path {
    [Path::Avx512, Path::ShaNi, Path::Avx2].into_iter().find(|path| path.is_open()).unwrap_or(Path::Plain)
}

/// The way that many Keccak-256 go.
pub fn keccak256_path() -> Path {
    [Path::Avx512, Path::Avx2].into_iter().find(|path| path.is_open()).unwrap_or(Path::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_that_go_untried_here_are_named() {
        for path in Path::ALL.into_iter().filter(|path| !path.is_available()) {
            println!("skipped: {path:?}: this processor has no such way, or this build is plain");
        }
        assert!(Path::Plain.is_available());
    }

    #[cfg(feature = "plain")]
    #[test]
    fn a_plain_build_goes_no_other_way() {
        assert_eq!(Path::ALL.into_iter().filter(|path| path.is_available()).collect::<Vec<_>>(), [Path::Plain]);
        assert_eq!((sha256_path(), keccak256_path()), (Path::Plain, Path::Plain));
    }
}
