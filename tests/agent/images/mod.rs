//! Golden images, from the portal's policy to a virtual machine in a user's list.

mod crashes;
mod install;
pub(crate) mod stage;
mod transfer;
