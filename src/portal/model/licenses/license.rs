//! Licenses, the lessees that hold their seats, and people: the records.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::GivenKey;
use super::seats::{Pool, Seat, Seats};
use crate::domain::digest::Digest;
use crate::domain::ids::{DeviceId, LicenseId, PolicyId, UserId};
use crate::domain::license::MaskedKey;
use crate::portal::model::policy::{Mistake, text_mistakes};
use crate::wire::codes::DenialReason;
use crate::wire::lease::{Product, WhenUnverified};

/// The most seats that a license may have.
pub const MOST_SEATS: u32 = 1_000_000;

/// A license of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// The license.
    pub id: LicenseId,
    /// Its name.
    pub name: String,
    /// What is licensed.
    pub product: Product,
    /// What takes its seats.
    pub activation: Activation,
    /// How many seats were bought.
    pub seats: u32,
    /// Its primary key.
    pub primary: PrimaryKey,
    /// What became of it.
    pub state: LicenseState,
    /// When it ends; none for one without an end.
    pub ends_at: Option<Timestamp>,
    /// The policies that were assigned while it was a trial; none for a license that was bought.
    #[serde(default)]
    pub kept_policies: Option<BTreeSet<PolicyId>>,
    /// What follows on a Mac that does not verify it in time.
    #[serde(default)]
    pub when_unverified: WhenUnverified,
}

/// A license's primary key, from which draws who is in none of its groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimaryKey {
    /// The key, masked; none where everyone signs in.
    pub key: Option<MaskedKey>,
    /// Its policy.
    pub policy: Option<PolicyId>,
    /// The identity provider's groups that are mapped to it.
    pub idp_groups: Vec<String>,
}

/// What takes the seats of a license.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// A Mac that is activated with a key.
    #[default]
    PerDevice,
    /// A person who signs in.
    PerUser,
    /// Either (facts: mixed licensing, since December 2024).
    Mixed,
}

impl Activation {
    /// Whether it gives seats to Macs with a key.
    #[must_use]
    pub const fn takes_keys(self) -> bool {
        matches!(self, Self::PerDevice | Self::Mixed)
    }

    /// Whether it gives seats to people who sign in.
    #[must_use]
    pub const fn takes_users(self) -> bool {
        matches!(self, Self::PerUser | Self::Mixed)
    }
}

/// What became of a license. That it expired follows from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum LicenseState {
    /// In use.
    Active,
    /// Out of use for now, as a trial is once a license was bought.
    Suspended,
    /// Another one is in its place.
    Replaced {
        /// Which.
        by: LicenseId,
    },
}

impl License {
    /// Whether its end is past.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| now >= end)
    }

    /// Whether it is a Business license with seats for people who sign in.
    #[must_use]
    pub const fn is_per_user_business(&self) -> bool {
        matches!(self.product, Product::Business) && self.activation.takes_users()
    }

    /// Whether another one is in its place.
    #[must_use]
    pub const fn is_replaced(&self) -> bool {
        matches!(self.state, LicenseState::Replaced { .. })
    }

    /// Whether policies go with it: they come with Enterprise alone, its trial included (facts: policies belong to
    /// the sublicense keys of an Enterprise license).
    #[must_use]
    pub const fn has_policies(&self) -> bool {
        !matches!(self.product, Product::Business)
    }

    /// The pool of its primary key.
    #[must_use]
    pub const fn pool(&self) -> Pool {
        Pool { license: self.id, group: None }
    }
}

/// A sublicense: what makes a user group of a license's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sublicense {
    /// The license.
    pub license: LicenseId,
    /// Its seats.
    pub seats: Seats,
    /// The identity provider's groups that are mapped to it.
    pub idp_groups: Vec<String>,
}

/// A person in the organization's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The record.
    pub id: UserId,
    /// The name to sign in with, lower case.
    pub name: String,
    /// The groups that the identity provider names; none where its answer has no such claim at all.
    pub idp_groups: Option<Vec<String>>,
    /// Whether the person may sign in.
    pub active: bool,
}

/// What puts a Mac into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The key that it reports.
    Key,
    /// The user whom it reports.
    User,
    /// The group of its enrollment token, as long as it reports neither.
    Group,
}

/// Where a Mac has its seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The key.
    pub pool: Pool,
    /// The seat.
    pub seat: Seat,
    /// Why there.
    pub by: Basis,
}

/// Whether a Mac has its seat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It never had one.
    #[default]
    Never,
    /// It has.
    Held,
    /// It gave it back.
    Released,
    /// It was taken away.
    Revoked,
}

/// A lease as it was last signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLease {
    /// Its number.
    pub seq: u64,
    /// The digest of what it says, without claims.
    pub content: Digest,
    /// The token.
    pub token: String,
}

/// Why a Mac was last denied a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Why.
    pub reason: DenialReason,
    /// When.
    pub at: Timestamp,
}

/// A Mac as one that has, had or wants a license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lessee {
    /// The Mac.
    pub device: DeviceId,
    /// Its place; it stays known after the seat is free.
    pub place: Option<Place>,
    /// Whether it has its seat.
    pub hold: Hold,
    /// When it last verified.
    pub verified: Option<Timestamp>,
    /// Its lease.
    pub lease: Option<SignedLease>,
    /// Why it was last denied one.
    pub denied: Option<Denied>,
    /// Whether an administrator wants it to have none.
    pub barred: bool,
    /// Whether it is to activate with another key, since its license was split.
    pub reactivate: bool,
}

impl Lessee {
    /// A Mac that never had a license.
    #[must_use]
    pub const fn new(device: DeviceId) -> Self {
        Self {
            device,
            place: None,
            hold: Hold::Never,
            verified: None,
            lease: None,
            denied: None,
            barred: false,
            reactivate: false,
        }
    }

    /// The place whose seat it takes.
    #[must_use]
    pub fn held(&self) -> Option<&Place> {
        self.place.as_ref().filter(|_| self.hold == Hold::Held)
    }
}

/// What an administrator writes of a license.
#[derive(Debug, Clone)]
pub struct LicenseDraft {
    /// Its name.
    pub name: String,
    /// How many seats were bought.
    pub seats: u32,
    /// What takes them.
    pub activation: Activation,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
    /// The identity provider's groups that are mapped to its primary key.
    pub idp_groups: Vec<String>,
    /// What follows on a Mac that does not verify it in time.
    pub when_unverified: WhenUnverified,
}

/// What an administrator changes of a license. What is not named stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenseChange {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// How many seats were bought.
    #[serde(default)]
    pub seats: Option<u32>,
    /// What takes them.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// When it ends; null for never.
    #[serde(default, deserialize_with = "named_time")]
    pub ends_at: Option<Option<Timestamp>>,
    /// The identity provider's groups that are mapped to its primary key.
    #[serde(default)]
    pub idp_groups: Option<Vec<String>>,
    /// What follows on a Mac that does not verify it in time.
    #[serde(default, deserialize_with = "named_word")]
    pub when_unverified: Option<WhenUnverified>,
}

impl LicenseChange {
    /// All of the license, with what is changed.
    #[must_use]
    pub fn of(self, license: &License) -> LicenseDraft {
        LicenseDraft {
            name: self.name.unwrap_or_else(|| license.name.clone()),
            seats: self.seats.unwrap_or(license.seats),
            activation: self.activation.unwrap_or(license.activation),
            ends_at: self.ends_at.unwrap_or(license.ends_at),
            idp_groups: self.idp_groups.unwrap_or_else(|| license.primary.idp_groups.clone()),
            when_unverified: self.when_unverified.unwrap_or(license.when_unverified),
        }
    }
}

fn named_time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<Timestamp>>, D::Error> {
    crate::wire::time::optional::deserialize(from).map(Some)
}

fn named_word<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<WhenUnverified>, D::Error> {
    known_word(from).map(Some)
}

/// An administrator's word: unlike a signed one, one that is not known is a mistake.
///
/// # Errors
/// Those of the deserializer, and one for every other word.
pub fn known_word<'de, D: serde::Deserializer<'de>>(from: D) -> Result<WhenUnverified, D::Error> {
    let word = String::deserialize(from)?;
    [WhenUnverified::Report, WhenUnverified::LiftPolicy]
        .into_iter()
        .find(|known| serde_json::to_value(known).is_ok_and(|name| name == word))
        .ok_or_else(|| serde::de::Error::custom("`when_unverified` is neither `report` nor `lift_policy`"))
}

/// What an administrator writes of a new license.
#[derive(Debug, Clone)]
pub struct NewLicense {
    /// What can be changed later, too.
    pub draft: LicenseDraft,
    /// What is licensed.
    pub product: Product,
    /// Its key; none for one that is made, or where everyone signs in.
    pub key: Option<GivenKey>,
    /// Whether the active trial is to be suspended, without which no license is added beside it.
    pub suspend_trial: bool,
}

impl LicenseDraft {
    /// All that is wrong with it.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = text_mistakes("name", &self.name, true);
        if self.seats > MOST_SEATS {
            mistakes.push(Mistake::at("/seats".to_owned(), format!("may not be more than {MOST_SEATS}")));
        }
        mistakes.extend(idp_mistakes(&self.idp_groups));
        mistakes
    }
}

/// All that is wrong with the names of the identity provider's groups.
#[must_use]
pub fn idp_mistakes(groups: &[String]) -> Vec<Mistake> {
    let place = |(place, name): (usize, &String)| text_mistakes(&format!("idp_groups/{place}"), name, true);
    groups.iter().enumerate().flat_map(place).collect()
}

/// What is wrong with a key.
#[must_use]
pub fn key_mistakes(key: Option<&GivenKey>) -> Vec<Mistake> {
    let bad = key.filter(|key| !key.is_valid());
    bad.map(|_| Mistake::at("/key".to_owned(), "is not five groups of six letters and digits"))
        .into_iter()
        .collect()
}
