//! The mock portal: everything behind the Cargo feature `portal`.
//!
//! In go devices, administrators and their browsers; out come signed assignments, and pages. [`model`] knows and
//! decides, in memory and without waiting; [`store`] keeps it on disk before anyone is answered; [`device`], [`admin`]
//! and [`pages`] are the three ways in; [`faults`] misbehaves on demand; [`server`] ties them together. It is made for
//! tests and demonstrations: it keeps the organization's root key on the same disk.

pub mod admin;
pub mod app;
pub mod demo;
pub mod device;
pub mod faults;
pub mod model;
pub mod pages;
pub mod rows;
pub mod serve;
pub mod server;
pub mod store;
