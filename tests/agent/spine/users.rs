//! Two real macOS users: what reaches the tools is their user id and nothing of the agent's environment.

use std::collections::BTreeSet;

use meridian::simulator::State;

use super::super::support::{Setup, TestEnvironment};

/// An account of this machine, which goes with the test.
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

#[expect(clippy::disallowed_methods, reason = "accounts are made by the system's tools")]
fn system(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Account {
    fn new(letter: char) -> Self {
        let name = format!("mer{letter}{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        system("useradd", &["--no-create-home", "--shell", "/bin/false", &name]);
        let id = |option| system("id", &[option, &name]).parse().unwrap();
        let (uid, gid) = (id("-u"), id("-g"));
        Self { name, uid, gid }
    }
}

impl Drop for Account {
    #[expect(clippy::disallowed_methods, reason = "accounts are removed by the system's tools")]
    fn drop(&mut self) {
        let _ = std::process::Command::new("userdel").arg(&self.name).output();
    }
}

/// The demo's Mac with these people in the places of ada and bob.
fn mac(people: [(&str, u32, u32); 2]) -> State {
    let mut state = State::demo();
    for (old, (name, uid, gid)) in ["ada", "bob"].into_iter().zip(people) {
        let mut user = state.users.remove(old).unwrap();
        (user.uid, user.gid, user.home) = (uid, gid, format!("/Users/{name}"));
        state.users.insert(name.to_owned(), user);
        for vm in state.vms.values_mut().filter(|vm| vm.owner == old) {
            vm.owner = name.to_owned();
        }
    }
    state
}

async fn asks_as(environment: &TestEnvironment, expected: [(&str, u32); 2], true_ids: bool) {
    environment.until_enrolled().await;
    environment.until("listed", |status| status.vms.total == Some(5)).await;
    let calls = environment.calls();
    let listings: Vec<_> =
        calls.iter().filter(|call| call.tool == "prlctl" && call.argv[0] == "list").collect();
    let people: BTreeSet<_> = listings.iter().map(|call| call.acting_as.clone().unwrap()).collect();
    assert_eq!(people, expected.iter().map(|(name, _)| (*name).to_owned()).collect());
    for call in listings {
        let (name, uid) = expected.iter().find(|(name, _)| call.acting_as.as_deref() == Some(name)).unwrap();
        if true_ids {
            assert_eq!((call.uid, call.euid), (*uid, *uid), "{call:#?}");
        }
        for variable in ["USER", "LOGNAME"] {
            assert_eq!(call.environment[variable], *name, "{call:#?}");
        }
        assert!(call.environment["HOME"].ends_with(&format!("/Users/{name}")), "{call:#?}");
        let known = ["HOME", "LANG", "LOGNAME", "PATH", "USER", "SHELL", "TERM", "MAIL"];
        let stranger = call.environment_names.iter().find(|name| {
            !known.contains(&name.as_str()) && !name.starts_with("SUDO_") && !name.starts_with("__CF")
        });
        assert_eq!(stranger, None, "{call:#?}");
    }
    let bare = calls.iter().filter(|call| call.tool == "prlsrvctl");
    for call in bare {
        assert_eq!(call.environment_names, ["HOME", "LANG", "LOGNAME", "PATH", "USER"], "{call:#?}");
    }
}

#[tokio::test]
async fn each_users_machines_are_asked_for_as_that_user() {
    if rustix::process::geteuid().is_root() {
        let (one, other) = (Account::new('a'), Account::new('b'));
        let people = [(one.name.as_str(), one.uid, one.gid), (other.name.as_str(), other.uid, other.gid)];
        let environment = Setup::default().mac(mac(people)).start().await;
        asks_as(&environment, [(&one.name, one.uid), (&other.name, other.uid)], true).await;
    } else {
        let environment = TestEnvironment::start().await;
        asks_as(&environment, [("ada", 501), ("bob", 502)], false).await;
    }
}
