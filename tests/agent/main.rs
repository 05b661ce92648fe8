//! The integration tests.

#[cfg(test)]
mod demo;
#[cfg(test)]
mod diagnosis;
#[cfg(test)]
mod hypervisor;
#[cfg(test)]
mod images;
#[cfg(test)]
mod launchd;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod licenses;
#[cfg(test)]
mod made;
#[cfg(test)]
mod mdm;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod package;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod portal;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod spine;
#[cfg(test)]
mod support;
#[cfg(test)]
mod updates;
