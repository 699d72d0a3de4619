//! Cosmos verification against recorded and official vectors, other implementations, and attacks.
