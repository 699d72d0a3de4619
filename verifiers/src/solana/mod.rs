//! Solana: stake-weighted votes and certificates over blocks, transaction inclusion by shreds.
