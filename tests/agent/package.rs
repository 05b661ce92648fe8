//! The package: what is in it, what its scripts do, and the agent that comes out of it.

mod archive;
mod files;
mod made;
mod scripts;
mod stand_ins;
mod whole;
