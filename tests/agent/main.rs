//! The integration tests.

#[cfg(test)]
mod hypervisor;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod portal;
#[cfg(test)]
mod simulator;
