//! Parallels Desktop and the Mac, as their tools tell them.
//!
//! What goes in: bytes that `prlctl`, `prlsrvctl` and a few system tools print, and orders as argument vectors. What
//! comes out: typed facts, each of them shown or not shown, and outcomes. Everything here is pure but [`runner`], the
//! only door to a process. Nothing here decides what should be; nothing else in the agent knows a flag or an output
//! format of Parallels' tools, so what changes with a version of them changes here.

pub mod defaults;
pub mod host;
pub mod images;
pub mod inquiry;
pub mod invocation;
pub mod json;
pub mod license;
pub mod management;
pub mod observation;
pub mod outcome;
pub mod runner;
mod scalar;
pub mod server_info;
pub mod users;
pub mod vm_list;

/// Output that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Nothing was printed.
    #[error("the output is empty")]
    Empty,
    /// Neither JSON nor what can be repaired to JSON.
    #[error("the output is not the JSON that was expected")]
    Json(#[source] serde_json::Error),
    /// No property list, or one of another shape.
    #[error("the output is not the property list that was expected")]
    Plist(#[source] crate::property_list::Malformed),
    /// Read, but without what it is read for.
    #[error("the output shows no {0}")]
    Missing(&'static str),
}
