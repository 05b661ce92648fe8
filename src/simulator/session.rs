//! `sudo` and `launchctl`, which run another program as another user. In: arguments; out: the program as [`Effect::Run`].

use std::collections::BTreeMap;

use super::management;
use super::starting;
use super::state::{State, User};
use super::{Answer, Call, Effect, Run};

/// `sudo [-n] [-H] -u USER|#UID [--] program arguments…`, as sudo's manual has it. The environment is kept; `HOME` is set
/// with `-H` or when it is absent, because macOS's sudoers keeps it otherwise.
pub(super) fn sudo(call: &Call, state: &State) -> Answer {
    let mut target = "root".to_owned();
    let mut set_home = false;
    let mut rest = call.argv.as_slice();
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "-n" | "--non-interactive" => rest = others,
            "-H" | "--set-home" => {
                set_home = true;
                rest = others;
            }
            "-u" | "--user" => match others.split_first() {
                Some((user, others)) => {
                    target = user.clone();
                    rest = others;
                }
                None => return Answer::fail(1, "sudo: option requires an argument -- u"),
            },
            "--" => {
                rest = others;
                break;
            }
            option if option.starts_with('-') => {
                return Answer::fail(1, format!("sudo: unrecognized option '{option}'"));
            }
            _ => break,
        }
    }
    let Some((program, argv)) = rest.split_first() else {
        return Answer::fail(1, "usage: sudo [-Hn] [-u user] command");
    };
    let Some((name, uid, gid, home)) = account(&target, state) else {
        return Answer::fail(1, format!("sudo: unknown user {target}"));
    };
    let caller = call.caller.name(state).unwrap_or_else(|| "nobody".to_owned());
    let mut environment = BTreeMap::from([
        ("USER".to_owned(), name.clone()),
        ("LOGNAME".to_owned(), name),
        ("SUDO_USER".to_owned(), caller),
        ("SUDO_UID".to_owned(), call.caller.uid.to_string()),
        ("SUDO_GID".to_owned(), caller_gid(call, state).to_string()),
        ("SUDO_COMMAND".to_owned(), rest.join(" ")),
    ]);
    let mut fallback = BTreeMap::new();
    let homes = if set_home { &mut environment } else { &mut fallback };
    homes.insert("HOME".to_owned(), home);
    let run = Run {
        program: program.clone(),
        argv: argv.to_vec(),
        identity: Some((uid, gid)),
        environment,
        fallback,
    };
    Answer { effects: vec![Effect::Run(run)], ..Answer::default() }
}

fn account(target: &str, state: &State) -> Option<(String, u32, u32, String)> {
    let named = |(name, user): (&String, &User)| (name.clone(), user.uid, user.gid, user.home.clone());
    let found = match target.strip_prefix('#') {
        Some(uid) => {
            let uid: u32 = uid.parse().ok()?;
            state.users.iter().find(|(_, user)| user.uid == uid).map(named)
        }
        None => state.users.get_key_value(target).map(named),
    };
    let root = || ("root".to_owned(), 0, 0, "/var/root".to_owned());
    found.or_else(|| matches!(target, "root" | "#0").then(root))
}

fn caller_gid(call: &Call, state: &State) -> u32 {
    let user = state.user_by_uid(call.caller.uid).and_then(|name| state.users.get(name));
    user.map_or(0, |user| user.gid)
}

/// `launchctl asuser UID program arguments…`, `kickstart` and `print`, as launchctl's manual has them. Without a session of that user it fails with
/// 112, which `launchctl error 112` explains as a domain that is not there (the message is inferred).
pub(super) fn launchctl(call: &Call, state: &mut State) -> Answer {
    if let [verb, rest @ ..] = call.argv.as_slice()
        && verb == "kickstart"
    {
        return starting::kickstart(rest, state);
    }
    match call.argv.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["print", service] => return management::print(service, state),
        ["print-disabled", "system"] => return management::print_disabled(state),
        _ => {}
    }
    let [verb, uid, program, argv @ ..] = call.argv.as_slice() else {
        return Answer::fail(64, "Usage: launchctl asuser <uid> <program> [arguments]");
    };
    if verb != "asuser" {
        return Answer::fail(64, format!("Unrecognized subcommand: {verb}"));
    }
    let Ok(number) = uid.parse::<u32>() else {
        return Answer::fail(64, format!("Invalid uid: {uid}"));
    };
    let session = state.users.values().any(|user| user.uid == number && user.logged_in);
    if !session && number != 0 {
        return Answer::fail(
            112,
            format!("Could not switch to domain for uid {number}: 112: Could not find specified domain"),
        );
    }
    let run = Run {
        program: program.clone(),
        argv: argv.to_vec(),
        identity: None,
        environment: BTreeMap::new(),
        fallback: BTreeMap::new(),
    };
    Answer { effects: vec![Effect::Run(run)], ..Answer::default() }
}
