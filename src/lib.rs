//! Meridian: the endpoint agent for Macs that run Parallels Desktop.
//!
//! ```text
//!  local    ─┐
//!  profile  ─┼─> layers ──resolve──> effective ──plan──> actions ──apply──> outcomes ─┬─> status, explain  (local socket)
//!  policy   ─┘           (pure)      settings   (pure)            (IO)                ├─> check-in         (portal)
//!                                                 ▲                                   └─> log
//!                           observed state ───────┘   prlctl, prlsrvctl
//! ```
//!
//! Everything between the first and the last arrow is plain synchronous code: no runtime, no clock, no file and no
//! log is needed to test it. Waiting and failing live in [`daemon`], `checkin::http`, `updates::fetch`, `hypervisor::runner`, [`state`]
//! and [`control`].
//!
//! # Dependencies run one way
//!
//! `domain ← catalog ← {sources, wire} ← resolve ← plan ← enforce ← daemon ← bin`; [`hypervisor`] and [`inventory`]
//! stand on [`domain`] and [`catalog`]; [`updates`] on [`resolve`], and [`enforce`] on it; [`license`] on [`wire`], [`hypervisor`] and [`state`]; [`checkin`] on [`wire`]; [`state`] and [`control`] on [`domain`]; [`cli`] knows
//! `control::proto`, and gives a license back without the daemon; `portal` knows [`wire`], [`catalog`], [`domain`], [`resolve`] and [`plan`], and its demo looks at the agent
//! through [`control`], with the screens of [`cli`]; `simulator` knows
//! nobody. Nothing imports [`daemon`].

pub mod catalog;
pub mod checkin;
pub mod cli;
pub mod clock;
pub mod control;
pub mod daemon;
pub mod domain;
pub mod enforce;
pub mod error;
pub mod hypervisor;
pub mod inventory;
pub mod license;
pub mod paths;
pub mod plan;
pub mod platform;
#[cfg(feature = "portal")]
pub mod portal;
pub mod resolve;
#[cfg(feature = "portal")]
pub mod simulator;
pub mod sources;
pub mod state;
pub mod updates;
pub mod wire;
