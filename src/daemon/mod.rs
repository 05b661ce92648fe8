//! The shell: where waiting happens. One loop drives every task; the board is the level they look at.

pub mod ticker;
