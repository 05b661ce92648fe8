//! The agent's memory: the only code that writes durable files.
//!
//! In go values of a [`Kept`] type; out come the same values at the next start, or the generation before them, and a
//! [`Damage`] that says what became of the rest. Whoever changes a value persists it first and publishes it then: what
//! others act on must survive a crash. A save that failed left what was there, and the next one tries afresh: no
//! failure is remembered, so a disk that has room again is simply used.
//!
//! [`atomic`] replaces a file whole, [`document`] keeps two generations in a digested envelope, [`migrate`] reads what
//! earlier releases wrote, [`store`] guards the private folder, [`apart`] what must work beside it. What they write is frozen with the first release.

pub mod apart;
pub mod atomic;
pub mod document;
mod error;
pub mod migrate;
pub mod store;

pub use apart::Apart;
pub use document::{Damage, Exposed, Flaw, Kept, Loaded};
pub use error::StateError;
pub use store::Store;
