//! The integration tests.

#[cfg(test)]
mod hypervisor;
#[cfg(test)]
mod simulator;
