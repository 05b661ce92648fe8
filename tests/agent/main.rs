//! The integration tests.

#[cfg(test)]
mod hypervisor;
#[cfg(test)]
mod pages;
mod portal;
#[cfg(test)]
mod simulator;
