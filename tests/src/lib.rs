//! End-to-end, simulation, crash and vector tests
