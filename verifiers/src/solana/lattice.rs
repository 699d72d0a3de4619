//! The lattice hash of accounts: 1,024 sums of 16 bits, so that accounts can be added and taken away in any order.
//!
//! Source: SIMD-0215, Agave `solana-lattice-hash`. Blake3 in its extendable-output mode gives 2,048 bytes per account.

use alloy_primitives::B256;

/// Bytes of a lattice hash.
pub const LATTICE_LENGTH: usize = 2_048;

/// A sum of hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lattice([u16; LATTICE_LENGTH / 2]);

/// What of an account is hashed.
#[derive(Clone, Copy, Debug)]
pub struct AccountView<'a> {
    /// Its address.
    pub address: B256,
    /// Its balance; an account without one does not exist.
    pub lamports: u64,
    /// Its data.
    pub data: &'a [u8],
    /// Whether it is a program.
    pub executable: bool,
    /// The program that owns it.
    pub owner: B256,
}

impl Lattice {
    /// The sum of nothing.
    pub const ZERO: Self = Self([0; LATTICE_LENGTH / 2]);

    /// The hash of a message.
    pub fn of(message: &[u8]) -> Self {
        Self::finish(blake3::Hasher::new().update(message))
    }

    /// The hash of an account: zero when it has no lamports.
    pub fn of_account(account: &AccountView<'_>) -> Self {
        if account.lamports == 0 {
            return Self::ZERO;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&account.lamports.to_le_bytes()).update(account.data).update(&[account.executable.into()]);
        Self::finish(hasher.update(account.owner.as_slice()).update(account.address.as_slice()))
    }

    /// The lattice that is written as these bytes.
    pub fn from_bytes(bytes: &[u8; LATTICE_LENGTH]) -> Self {
        let mut sums = [0; LATTICE_LENGTH / 2];
        for (sum, pair) in sums.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *sum = u16::from_le_bytes(*pair);
        }
        Self(sums)
    }

    /// The bytes that enter the bank hash.
    pub fn to_bytes(&self) -> [u8; LATTICE_LENGTH] {
        let mut bytes = [0; LATTICE_LENGTH];
        for (pair, sum) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(&self.0) {
            *pair = sum.to_le_bytes();
        }
        bytes
    }

    /// Adds another, each sum modulo 2^16.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, other)| *sum = sum.wrapping_add(*other));
    }

    /// Takes another away.
    pub fn subtract(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, other)| *sum = sum.wrapping_sub(*other));
    }

    fn finish(hasher: &blake3::Hasher) -> Self {
        let mut bytes = [0; LATTICE_LENGTH];
        hasher.finalize_xof().fill(&mut bytes);
        Self::from_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_order_and_can_be_undone() {
        let (a, b) = (Lattice::of(b"a"), Lattice::of(b"b"));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.add(&b);
        ba.add(&a);
        assert_eq!(ab, ba);
        ab.subtract(&a);
        assert_eq!(ab, b);
        assert_eq!(Lattice::from_bytes(&ba.to_bytes()), ba);
    }

    /// Agave `lattice-hash/src/lt_hash.rs`, `test_hello_world`: the first sums, and Blake3 of all 2,048 bytes, in which
    /// each sum counts.
    #[test]
    fn hashes_are_the_known_answers_of_agave() {
        let known: [(&[u8], [u16; 4], [u8; 32]); 2] = [
            (
                b"hello",
                [0x8fea, 0x3d16, 0x86b3, 0x9282],
                [
                    79, 156, 26, 184, 156, 205, 94, 208, 182, 235, 33, 147, 111, 153, 229, 152, 207, 133, 75, 109, 182,
                    198, 119, 61, 11, 81, 41, 70, 24, 87, 100, 85,
                ],
            ),
            (
                b"world!",
                [0x56dc, 0x1d98, 0x5420, 0x810d],
                [
                    171, 53, 185, 10, 179, 49, 48, 151, 87, 43, 141, 13, 43, 152, 121, 1, 144, 7, 120, 188, 115, 248,
                    214, 220, 229, 210, 175, 134, 215, 231, 18, 245,
                ],
            ),
        ];
        for (message, first, checksum) in known {
            let lattice = Lattice::of(message);
            assert_eq!(lattice.0[..4], first);
            assert_eq!(*blake3::hash(&lattice.to_bytes()).as_bytes(), checksum);
        }
    }

    /// The same, of a message that is an account's preimage (SIMD-0215: lamports, data, executable, owner, address).
    #[test]
    fn an_account_is_hashed_as_its_fields_in_order_and_is_nothing_without_lamports() {
        let fields = AccountView {
            address: B256::repeat_byte(1),
            lamports: 0x0102_0304_0506_0708,
            data: b"data",
            executable: true,
            owner: B256::repeat_byte(2),
        };
        let mut preimage = vec![8, 7, 6, 5, 4, 3, 2, 1];
        preimage.extend(b"data\x01");
        preimage.extend([2; 32]);
        preimage.extend([1; 32]);
        assert_eq!(Lattice::of_account(&fields), Lattice::of(&preimage));
        let (address, owner) = (B256::ZERO, B256::ZERO);
        let account = AccountView { address, lamports: 0, data: b"data", executable: false, owner };
        assert_eq!(Lattice::of_account(&account), Lattice::ZERO);
        let rich = Lattice::of_account(&AccountView { lamports: 1, ..account });
        assert_ne!(rich, Lattice::ZERO);
        assert_ne!(rich, Lattice::of_account(&AccountView { lamports: 1, executable: true, ..account }));
    }
}
