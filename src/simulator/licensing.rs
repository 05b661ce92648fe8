//! The license on the Mac and the licensing server that it comes from. In: orders of the tools, and what a test or
//! the demo changes at the server; out: the license as the Mac then knows it, or a [`LicenseRefusal`].
//!
//! The Mac keeps what the server said when it was last asked: a conversion, a suspension or a new group at the server
//! is without effect until `update-license`. The real Parallels Desktop asks by itself at random intervals; here
//! nothing happens by itself. What is refused, and in which words, is inferred: no failure of these verbs is public.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::state::State;

/// The license of the Mac, and the licensing server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Licensing {
    /// What is installed on the Mac.
    #[serde(default)]
    pub installed: Option<Installed>,
    /// Whether the server can be reached.
    pub network: bool,
    /// `info --license --json` fails as it does when a license is broken (vagrant-parallels issue 326), until one is
    /// installed or deactivated.
    pub bad_state: bool,
    /// The keys that the server knows, by key.
    pub keys: BTreeMap<String, Key>,
    /// The keys that users draw on who sign in with SSO, by e-mail address.
    pub users: BTreeMap<String, String>,
}

impl Default for Licensing {
    fn default() -> Self {
        Self {
            installed: None,
            network: true,
            bad_state: false,
            keys: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }
}

/// A key, as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    /// Whether the server accepts it; otherwise it says that there is no such key.
    pub valid: bool,
    /// How many more copies may be activated with it; without end when absent.
    #[serde(default)]
    pub seats_left: Option<u32>,
    /// What an activated copy is told.
    #[serde(flatten)]
    pub terms: Terms,
}

impl Default for Key {
    fn default() -> Self {
        Self { valid: true, seats_left: None, terms: Terms::default() }
    }
}

/// What a license says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// `standard`, `pro`, `business` or `enterprise` (prlctl-scripts, `get-edition.xml`).
    pub edition: String,
    /// How it stands.
    pub standing: Standing,
    /// Whether it is a trial.
    pub trial: bool,
    /// Whether it is suspended, as a trial is once a license was bought.
    pub suspended: bool,
    /// The key that this one is a sublicense of.
    #[serde(default)]
    pub sublicense_of: Option<String>,
    /// When the paid period ends, `YYYY-MM-DD HH:MM:SS`.
    pub main_period_ends_at: String,
    /// When the grace after it ends.
    pub grace_period_ends_at: String,
    /// Whether it is a volume license.
    pub volume: bool,
    /// The most processors of a virtual machine.
    pub cpu_total: u64,
    /// The most memory of a virtual machine, in MB.
    pub max_memory_mb: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            edition: "enterprise".to_owned(),
            standing: Standing::Active,
            trial: false,
            suspended: false,
            sublicense_of: None,
            main_period_ends_at: "2027-09-01 00:00:00".to_owned(),
            grace_period_ends_at: "2027-09-15 00:00:00".to_owned(),
            volume: true,
            cpu_total: 32,
            max_memory_mb: 131_072,
        }
    }
}

/// How a license stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Good.
    #[default]
    Active,
    /// Past its paid period, in the grace after it.
    Graced,
    /// Over.
    Expired,
    /// Anything else.
    Invalid,
}

/// A license on the Mac: what the server said when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Installed {
    /// The whole key. The tools print it masked.
    pub key: String,
    /// How the copy was activated.
    pub activation: Activation,
    /// Whose it is: the address of who signed in, or the name that was given with the key.
    pub user: String,
    /// The company that was given with the key.
    pub organization: String,
    /// The server is asked for a seat with the next update only.
    pub deferred: bool,
    /// What the server said of it.
    pub terms: Terms,
}

/// How a copy was activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// With a key.
    #[default]
    Key,
    /// By a user who signed in.
    Sso,
}

/// Why the licensing server or the Mac refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LicenseRefusal {
    /// The server cannot be reached.
    #[error("Unable to connect to the licensing server. Check your Internet connection and try again.")]
    Network,
    /// The server knows no such key, or no longer.
    #[error("The license key is not valid.")]
    UnknownKey,
    /// The license is over.
    #[error("The license has expired.")]
    Expired,
    /// The license is suspended.
    #[error("The license is suspended.")]
    Suspended,
    /// All seats are taken.
    #[error("The license key has already been activated on the maximum number of computers.")]
    NoSeats,
    /// Nobody of this name may sign in.
    #[error("The user is not allowed to use Parallels Desktop.")]
    UnknownUser,
    /// There is nothing to update or deactivate.
    #[error("No licenses installed.")]
    NotInstalled,
}

impl Key {
    fn admits(&self) -> Result<(), LicenseRefusal> {
        match (self.valid, self.terms.standing) {
            (false, _) | (true, Standing::Invalid) => Err(LicenseRefusal::UnknownKey),
            (true, Standing::Expired) => Err(LicenseRefusal::Expired),
            (true, _) if self.terms.suspended => Err(LicenseRefusal::Suspended),
            (true, _) => Ok(()),
        }
    }
}

impl Installed {
    /// The words of the public tools: a suspended license is none of the three known states (the OpenVZ fork's
    /// `PrlSrv.cpp` calls anything else `INVALID`).
    pub(super) fn standing(&self) -> Standing {
        if self.terms.suspended { Standing::Invalid } else { self.terms.standing }
    }
}

impl Licensing {
    /// Installs a license in place of the one that is there, whose seat becomes free. A deferred one takes its seat
    /// with the next update and needs no network, though its terms are known here at once.
    pub(super) fn install(&mut self, mut license: Installed) -> Result<(), LicenseRefusal> {
        if !self.network && !license.deferred {
            return Err(LicenseRefusal::Network);
        }
        let key = self.keys.get(&license.key).ok_or(LicenseRefusal::UnknownKey)?;
        key.admits()?;
        license.terms = key.terms.clone();
        if !license.deferred {
            self.move_seat(&license.key)?;
        }
        self.bad_state = false;
        self.installed = Some(license);
        Ok(())
    }

    /// Asks the server how the license stands. A user who signed in gets the key of the own group. A license that the
    /// server no longer knows is not valid from then on.
    pub(super) fn update(&mut self) -> Result<(), LicenseRefusal> {
        let installed = self.installed.clone().ok_or(LicenseRefusal::NotInstalled)?;
        if !self.network {
            return Err(LicenseRefusal::Network);
        }
        let (wanted, otherwise) = match installed.activation {
            Activation::Key => (Some(installed.key.clone()), LicenseRefusal::UnknownKey),
            Activation::Sso => (self.users.get(&installed.user).cloned(), LicenseRefusal::UnknownUser),
        };
        let known = wanted.and_then(|key| self.keys.get(&key).filter(|it| it.valid).map(|it| (key, it)));
        let Some((key, terms)) = known.map(|(key, it)| (key, it.terms.clone())) else {
            if let Some(installed) = &mut self.installed {
                installed.terms.standing = Standing::Invalid;
            }
            return Err(otherwise);
        };
        self.move_seat(&key)?;
        self.installed = Some(Installed { key, terms, deferred: false, ..installed });
        Ok(())
    }

    /// Takes the license away and frees its seat. With `offline`, as with `--skip-network-errors`, a server that cannot
    /// be reached is not told, and its seat stays taken.
    pub(super) fn deactivate(&mut self, offline: bool) -> Result<(), LicenseRefusal> {
        if self.installed.is_none() {
            return Err(LicenseRefusal::NotInstalled);
        }
        if self.network {
            self.free_seat();
        } else if !offline {
            return Err(LicenseRefusal::Network);
        }
        self.bad_state = false;
        self.installed = None;
        Ok(())
    }

    /// Takes a seat of this key, unless the Mac sits there already, and then frees the one that the Mac had.
    fn move_seat(&mut self, key: &str) -> Result<(), LicenseRefusal> {
        if self.installed.as_ref().is_some_and(|installed| installed.key == key && !installed.deferred) {
            return Ok(());
        }
        if let Some(left) = self.keys.get_mut(key).and_then(|key| key.seats_left.as_mut()) {
            *left = left.checked_sub(1).ok_or(LicenseRefusal::NoSeats)?;
        }
        self.free_seat();
        Ok(())
    }

    fn free_seat(&mut self) {
        let seated = self.installed.as_ref().filter(|installed| !installed.deferred);
        let key = seated.and_then(|installed| self.keys.get_mut(&installed.key));
        if let Some(left) = key.and_then(|key| key.seats_left.as_mut()) {
            *left = left.saturating_add(1);
        }
    }
}

impl State {
    /// A user signs in with SSO in Parallels Desktop's own window, which activates the copy.
    ///
    /// # Errors
    /// When the server cannot be reached, does not know the user, or refuses the key of the user's group.
    pub fn sign_in(&mut self, user: &str) -> Result<(), LicenseRefusal> {
        let licensing = &mut self.licensing;
        if !licensing.network {
            return Err(LicenseRefusal::Network);
        }
        let key = licensing.users.get(user).cloned().ok_or(LicenseRefusal::UnknownUser)?;
        let user = user.to_owned();
        licensing.install(Installed { key, activation: Activation::Sso, user, ..Installed::default() })?;
        self.service.signed_in = true;
        Ok(())
    }
}

/// A key with its middle groups masked, as Parallels shows it (prlctl-scripts, `get-license.xml`).
pub(super) fn masked(key: &str) -> String {
    let groups: Vec<&str> = key.split('-').collect();
    match groups.as_slice() {
        [first, _, _, _, last] => format!("{first}-******-******-******-{last}"),
        _ => "******".to_owned(),
    }
}
