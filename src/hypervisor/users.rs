//! Which macOS users may have virtual machines: those that Parallels' service knows and that are local accounts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::outcome::Answer;
use super::runner::Runner;
use super::scalar::Scalar;
use super::{ParseError, invocation, json};
use crate::domain::ids::Uid;
use crate::domain::keyed::Keyed as _;

/// The first user id of people; those below belong to the system.
const FIRST_PERSON: u32 = 500;

/// A macOS user, in whose session a tool runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalUser {
    /// The user id.
    pub uid: Uid,
    /// The short name.
    pub name: String,
    /// The home folder, below `/Users`; it goes into the tool's environment, where `sudo` puts the true one.
    pub home: PathBuf,
}

/// The local accounts of people, by short name.
pub type Accounts = BTreeMap<String, Uid>;

/// Reads `prlsrvctl user list -j`: the short names, without their hosts.
///
/// # Errors
/// A [`ParseError`] when it is no JSON list even after repair.
pub fn parse_user_list(bytes: &[u8]) -> Result<Vec<String>, ParseError> {
    #[derive(Deserialize)]
    struct User<'a> {
        #[serde(borrow, default, rename = "NAME")]
        name: Scalar<'a>,
    }
    json::read(bytes, |text| {
        let users: Vec<User<'_>> = serde_json::from_str(text)?;
        Ok(users.iter().filter_map(|user| user.name.text()).map(|name| short(name).to_owned()).collect())
    })
}

/// Reads from `prlsrvctl user list -j` where a user's virtual machines go (`DEF_VM_HOME`); `None` where that is not said or is
/// no absolute path.
///
/// # Errors
/// A [`ParseError`] when it is no JSON list even after repair.
pub fn parse_vm_home(bytes: &[u8], name: &str) -> Result<Option<PathBuf>, ParseError> {
    #[derive(Deserialize)]
    struct User<'a> {
        #[serde(borrow, default, rename = "NAME")]
        name: Scalar<'a>,
        #[serde(borrow, default, rename = "DEF_VM_HOME")]
        home: Scalar<'a>,
    }
    json::read(bytes, |text| {
        let users: Vec<User<'_>> = serde_json::from_str(text)?;
        let user = users.iter().find(|user| user.name.text().map(short) == Some(name));
        let home = user.and_then(|user| user.home.owned()).map(PathBuf::from);
        Ok(home.filter(|home| home.is_absolute()))
    })
}

/// `anna` of `anna@mac.local`.
fn short(name: &str) -> &str {
    name.rsplit_once('@').map_or(name, |(user, _)| user)
}

/// Reads `dscl . -list /Users UniqueID`: a name and a number a line. Accounts of the system are left out: ids below
/// 500 and names with a leading underscore.
#[must_use]
pub fn parse_accounts(bytes: &[u8]) -> Accounts {
    String::from_utf8_lossy(bytes)
        .lines()
        .filter_map(|line| {
            let (name, uid) = line.trim().rsplit_once(char::is_whitespace)?;
            let uid = uid.parse().ok().filter(|&uid| uid >= FIRST_PERSON)?;
            let name = name.trim();
            (!name.is_empty() && !name.starts_with('_')).then(|| (name.to_owned(), Uid(uid)))
        })
        .keyed()
}

/// Remembers who the users are, so that asking for their virtual machines costs no process for this.
#[derive(Debug, Default)]
pub struct Directory {
    names: Option<Vec<String>>,
    accounts: Accounts,
}

impl Directory {
    /// The users that Parallels' service knows and that are local accounts, by user id.
    ///
    /// Asks the service once, and the accounts again only for a name that is new.
    pub async fn users(&mut self, runner: &Runner) -> Answer<Vec<LocalUser>> {
        match self.known_or_asked(runner).await {
            Ok(users) => Answer::Known(users),
            Err(answer) => answer,
        }
    }

    /// Forgets, so that the next question asks again: after a user came or went.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    async fn known_or_asked(&mut self, runner: &Runner) -> Result<Vec<LocalUser>, Answer<Vec<LocalUser>>> {
        if self.names.is_none() {
            let output = runner.stdout_of(&invocation::user_list(runner.paths())).await?;
            let names = parse_user_list(&output)?;
            if names.iter().any(|name| !self.accounts.contains_key(name)) {
                self.accounts =
                    parse_accounts(&runner.stdout_of(&invocation::accounts(runner.paths())).await?);
            }
            self.names = Some(names);
        }
        let names = self.names.iter().flatten();
        let mut users: Vec<LocalUser> = names
            .filter_map(|name| {
                let uid = *self.accounts.get(name)?;
                Some(LocalUser {
                    uid,
                    name: name.clone(),
                    home: runner.paths().root().join("Users").join(name),
                })
            })
            .collect();
        users.sort();
        users.dedup();
        Ok(users)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_service_names_its_users_with_a_host() {
        let output = br#"Noise
[ {"NAME": "anna@mac.local", "MNG_SETTINGS": "allow", "DEF_VM_HOME": "\/Users\/anna\/Parallels"},
  {"NAME": "a@b@mac"}, {"NAME": "bert"}, {"NAME": 7}, {"MNG_SETTINGS": "deny"} ]"#;
        assert_eq!(parse_user_list(output).unwrap(), ["anna", "a@b", "bert"]);
        assert_eq!(parse_user_list(b"[]").unwrap(), Vec::<String>::new());
        assert!(parse_user_list(b"{}").is_err());
    }

    #[test]
    fn the_service_says_where_a_users_machines_go() {
        let output = br#"[{"NAME": "anna@mac.local", "DEF_VM_HOME": "\/Users\/anna\/Parallels"},
                          {"NAME": "bert", "DEF_VM_HOME": "../x"}, {"NAME": "carl"}]"#;
        for (name, expected) in
            [("anna", Some("/Users/anna/Parallels")), ("bert", None), ("carl", None), ("dora", None)]
        {
            assert_eq!(
                parse_vm_home(output, name).unwrap().as_deref(),
                expected.map(std::path::Path::new),
                "{name}"
            );
        }
    }

    #[test]
    fn accounts_of_the_system_are_no_people() {
        let output =
            b"_www      70\nanna      501\nbert 502\n_mdm 600\ndaemon 1\nnobody    -2\nroot 0\nodd\n\n";
        let accounts = parse_accounts(output);
        assert_eq!(accounts, BTreeMap::from([("anna".to_owned(), Uid(501)), ("bert".to_owned(), Uid(502))]));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_user_list(&bytes);
            let _ = parse_accounts(&bytes);
            let _ = parse_vm_home(&bytes, "anna");
        }
    }
}
