//! The mock portal: everything behind the Cargo feature `portal`.
pub mod admin;
pub mod app;
pub mod device;
pub mod faults;
pub mod model;
pub mod serve;
pub mod server;
pub mod store;
