//! Golden images, from the portal's policy to a virtual machine in a user's list.

mod crashes;
mod install;
mod orders;
pub(crate) mod stage;
mod transfer;
mod troubles;
