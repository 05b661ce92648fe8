//! The mock portal over real HTTP on loopback: the rules of the protocol, its admin API, its database, its faults.

mod administration;
mod checkins;
mod durability;
mod enrollments;
mod images;
mod license_rules;
mod licenses;
mod misbehavior;
mod profiles;
mod robustness;
mod support;
mod waits;
