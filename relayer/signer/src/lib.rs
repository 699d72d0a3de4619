//! Keys and attestations: encrypted keystore, m-of-n collection
