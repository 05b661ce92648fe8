//! Update control: which version of Parallels Desktop this Mac may go to, and which is held back.
//!
//! In go the bytes of an update server's feed, the installed version and what the settings `updates.*` say; out come a
//! [`decision::Decision`] and, once a version is installed that is held back, a violation. [`feed`] takes the bytes for
//! hostile, [`decision`] and [`book`] are pure, and [`fetch`] alone waits. What may change is what a feed can say; that a
//! feed can never allow what a setting holds back may not.

pub mod book;
pub mod decision;
pub mod feed;
pub mod fetch;
mod xml;

#[cfg(test)]
mod fuzz;
