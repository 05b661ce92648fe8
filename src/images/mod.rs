//! Golden images: what is offered to whom, and how a virtual machine is made from one.
//!
//! In go the verified assignment, what was observed and the orders of users and of the portal; out come [`offer`]s, files
//! that are what was signed ([`transfer`]), and virtual machines in the lists of those who asked for them ([`install`]).
//! Decisions ([`offer`], [`power`], [`book`], [`trouble`]) are pure. Nothing below a home folder is written by root: a child of the
//! agent does it as the user ([`place`]). What may change is how images travel; that a digest decides does not.

mod added;
pub mod book;
pub mod install;
pub mod keeper;
pub mod offer;
pub mod place;
pub mod power;
pub mod space;
pub mod transfer;
pub mod trouble;
