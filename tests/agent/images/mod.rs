//! Golden images, from the portal's policy to a virtual machine in a user's list.

mod crashes;
mod install;
mod stage;
mod transfer;
