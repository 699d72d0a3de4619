//! Cosmos: CometBFT headers, ICS-23 proofs through IAVL and the multistore, IBC v2 packet commitments.
