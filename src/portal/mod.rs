//! The mock portal.

pub mod pages;
pub mod rows;
