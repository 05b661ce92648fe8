//! The nouns of the field: types only, no IO, no async.

pub mod address;
pub mod character;
pub mod compliance;
pub mod digest;
pub mod host;
pub mod ids;
pub mod keyed;
pub mod license;
pub mod nearest;
pub mod subject;
pub mod version;
pub mod vm;
