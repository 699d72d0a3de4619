//! The transaction engine: build, simulate, journal, sign, broadcast, follow
