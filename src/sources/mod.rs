//! Bytes and facts about the Mac become [`layer::Layer`]s.
//!
//! In go managed preferences, what `prlsrvctl info` shows, and the verified assignment; out comes one [`layer::Layer`] each, in
//! which every item is a value or a problem, so that one bad value harms itself only. Nothing here waits or writes; [`profile::read_managed`]
//! alone opens files.

pub mod assignment;
pub mod layer;
pub mod local;
pub mod profile;
