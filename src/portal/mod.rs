//! The mock portal.

pub mod rows;
