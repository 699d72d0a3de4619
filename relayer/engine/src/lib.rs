//! The loops of each role, generic over clock, store, bus and chains
