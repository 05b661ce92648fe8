//! The integration tests.

#[cfg(test)]
mod simulator;
