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
//! What stands further down stands on what is further up, and nothing on [`daemon`]. A test reads this table and every
//! `crate::` path outside of tests: they name the same.
//!
//! | module | stands on | why, where it surprises |
//! |---|---|---|
//! | `domain` | | |
//! | `error` | | |
//! | `file` | | |
//! | `paths` | | |
//! | `property_list` | | |
//! | `simulator` | | it must not share a mistake with the agent |
//! | `catalog` | domain | |
//! | `platform` | domain | |
//! | `clock` | platform | it asks for how long the system has run |
//! | `wire` | domain | |
//! | `state` | domain, file, paths, platform | |
//! | `hypervisor` | catalog, domain, error, file, paths, property_list | |
//! | `sources` | catalog, domain, file, paths, property_list, wire | an assignment is a source |
//! | `resolve` | catalog, sources | |
//! | `payload` | catalog, domain, paths, property_list, sources | a profile that is made is judged by the agent's own reader |
//! | `plan` | catalog, domain, resolve | |
//! | `updates` | catalog, domain, error, resolve | what is allowed depends on what holds |
//! | `enforce` | catalog, domain, error, hypervisor, plan, resolve, updates, wire | compliance has the words that travel |
//! | `inventory` | catalog, domain, hypervisor, wire | its records are those that travel |
//! | `license` | clock, domain, error, hypervisor, state, wire | `deactivate-license` works without the daemon |
//! | `checkin` | domain, error, wire | |
//! | `images` | checkin, clock, domain, error, hypervisor, inventory, paths, platform, state, wire | a download trusts whom the check-in trusts |
//! | `control` | domain, error, license, paths, platform, updates, wire | a view of the license has the license's own words, as one of updates has those of the decision |
//! | `cli` | catalog, checkin, clock, control, domain, error, file, hypervisor, images, license, paths, payload, platform, property_list, sources, state, updates, wire | `doctor` looks for itself, `deactivate-license` acts for itself, and a child of the daemon places an image as its user |
//! | `daemon` | catalog, checkin, clock, control, domain, enforce, error, file, hypervisor, images, inventory, license, paths, plan, platform, resolve, sources, state, updates, wire | |
//! | `portal` | catalog, cli, clock, control, domain, error, paths, platform, simulator, sources, state, wire | its demo lays out a Mac, asks the agent and draws like it; it names faults of settings as the agent does |

pub mod catalog;
pub mod checkin;
pub mod cli;
pub mod clock;
pub mod control;
pub mod daemon;
pub mod domain;
pub mod enforce;
pub mod error;
pub mod file;
pub mod hypervisor;
pub mod images;
pub mod inventory;
pub mod license;
pub mod paths;
pub mod payload;
pub mod plan;
pub mod platform;
#[cfg(feature = "portal")]
pub mod portal;
pub mod property_list;
pub mod resolve;
#[cfg(feature = "portal")]
pub mod simulator;
pub mod sources;
pub mod state;
pub mod updates;
pub mod wire;
