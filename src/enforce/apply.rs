//! Carries out one action through the runner. Waits and fails; remembers nothing.

use crate::catalog::{Key, Lever, Value};
use crate::domain::vm::Vm;
use crate::hypervisor::invocation::{self, Invocation, Target};
use crate::hypervisor::outcome::Refusal;
use crate::hypervisor::runner::{RunError, Runner};
use crate::hypervisor::users::LocalUser;
use crate::plan::memory::Went;
use crate::plan::{Action, Change, LOCK};

/// The way to the object of an action, where that is not the application.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// The virtual machine as observed, and an owner whose list could be read.
    Vm(&'a Vm, &'a LocalUser),
    /// The user whose own preferences these are.
    User(&'a LocalUser),
}

/// How a change went, and what the tool said where it did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it went.
    pub went: Went,
    /// Why it did not work, in words that may travel.
    pub complaint: Option<String>,
}

impl Outcome {
    const WORKED: Self = Self { went: Went::Worked, complaint: None };

    fn of(error: &RunError) -> Self {
        let went = match error {
            RunError::Refused(Refusal::NeedsCustomPassword | Refusal::NeedsAdministrator) => {
                Went::NeedsCustomPassword
            }
            RunError::Refused(Refusal::Locked) => Went::VmLocked,
            _ => Went::Failed,
        };
        Self { went, complaint: Some(crate::error::Chain(error).to_string()) }
    }
}

/// The command lines of an action, in order: for `meridian plan`, and for carrying it out.
#[must_use]
pub fn command_lines(runner: &Runner, action: &Action, way: Option<Way<'_>>) -> Vec<Invocation> {
    let changes = action.changes.iter().flat_map(|change| calls(runner, change, way));
    lock_calls(runner, action, way, false)
        .into_iter()
        .chain(changes)
        .chain(lock_calls(runner, action, way, true))
        .collect()
}

/// Carries out the changes of one action in their order, each of them whatever became of the others, as long as `go_on`
/// says so. `done` is told of the outcome after each change.
pub async fn apply(
    runner: &Runner,
    action: &Action,
    way: Option<Way<'_>>,
    go_on: impl Fn() -> bool,
    mut done: impl FnMut(&Change, Outcome),
) {
    for call in lock_calls(runner, action, way, false) {
        if let Err(error) = runner.stdout_of(&call).await {
            let outcome = Outcome::of(&error);
            let went = if outcome.went == Went::NeedsCustomPassword { Went::VmLocked } else { outcome.went };
            for change in &action.changes {
                done(change, Outcome { went, complaint: outcome.complaint.clone() });
            }
            return;
        }
    }
    for change in &action.changes {
        let outcome = one(runner, change, way).await;
        done(change, outcome);
        if !go_on() {
            break;
        }
    }
    for call in lock_calls(runner, action, way, true) {
        if let Err(error) = runner.stdout_of(&call).await {
            tracing::warn!(subject = %action.subject, error = %crate::error::Chain(&error), "not locked again");
        }
    }
}

async fn one(runner: &Runner, change: &Change, way: Option<Way<'_>>) -> Outcome {
    let calls = calls(runner, change, way);
    if calls.is_empty() {
        return Outcome {
            went: Went::Failed,
            complaint: Some("no way to set this value is known".to_owned()),
        };
    }
    for call in calls {
        if let Err(error) = runner.stdout_of(&call).await {
            return Outcome::of(&error);
        }
    }
    Outcome::WORKED
}

fn calls(runner: &Runner, change: &Change, way: Option<Way<'_>>) -> Vec<Invocation> {
    invocation::set(runner.paths(), change.key.setting().lever, &change.to, target(way))
}

fn target(way: Option<Way<'_>>) -> Target<'_> {
    match way {
        None => Target::Service,
        Some(Way::Vm(vm, user)) => Target::Vm(vm, user),
        Some(Way::User(user)) => Target::User(user),
    }
}

/// Unlocking before the changes of a locked virtual machine, or locking it again.
fn lock_calls(runner: &Runner, action: &Action, way: Option<Way<'_>>, lock: bool) -> Vec<Invocation> {
    let lever: Option<Lever> = Key::named(LOCK).map(|key| key.setting().lever);
    match lever {
        Some(lever) if action.unlock => {
            invocation::set(runner.paths(), lever, &Value::Switch(lock), target(way))
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::domain::ids::Uid;
    use crate::domain::subject::Subject;
    use crate::hypervisor::outcome::Output;
    use crate::hypervisor::vm_list;
    use crate::paths::Paths;
    use crate::plan::Why;

    const ID: &str = "de22df32-80e2-4e92-ba4b-efb3a66cf092";

    /// A locked virtual machine with two changes; the tool answers each line by `answer`.
    async fn lines(go_on: bool, answer: fn(&str) -> Output) -> (Vec<String>, Vec<Went>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&said);
        let runner = Runner::answering(Paths::under("/"), move |call| {
            let line = call.argv.join(" ").replace(ID, "UUID");
            log.lock().unwrap().push(line.clone());
            answer(&line)
        });
        let vm =
            vm_list::parse(format!(r#"[{{"ID": "{ID}", "Name": "x"}}]"#).as_bytes()).unwrap().vms.remove(0);
        let user = LocalUser { uid: Uid(501), name: "ada".into(), home: "/Users/ada".into() };
        let change = |name, to| Change {
            subject: Subject::Vm(vm.id),
            key: Key::named(name).unwrap(),
            from: None,
            to,
            why: Why::Restored.into(),
        };
        let changes = vec![
            change("vm.developer_tools", Value::Switch(false)),
            change("vm.isolate", Value::Switch(true)),
        ];
        let action = Action { subject: Subject::Vm(vm.id), owner: Some(Uid(501)), unlock: true, changes };
        let mut went = Vec::new();
        let way = Some(Way::Vm(&vm, &user));
        apply(&runner, &action, way, || go_on, |_, outcome| went.push(outcome.went)).await;
        let lines = said.lock().unwrap().clone();
        (lines, went)
    }

    const UNLOCK: &str = "set UUID --lock-edit-settings off";
    const TOOLS: &str = "set UUID --show-dev-tools off";
    const ISOLATE: &str = "set UUID --isolate-vm on";
    const LOCK_AGAIN: &str = "set UUID --lock-edit-settings on";

    #[tokio::test]
    async fn a_locked_machine_is_unlocked_set_and_locked_again() {
        let (lines, went) = lines(true, |_| Output::success("")).await;
        assert_eq!(lines, [UNLOCK, TOOLS, ISOLATE, LOCK_AGAIN]);
        assert_eq!(went, [Went::Worked, Went::Worked]);
    }

    #[tokio::test]
    async fn what_is_more_urgent_waits_for_one_change_and_the_lock() {
        let (lines, went) = lines(false, |_| Output::success("")).await;
        assert_eq!(lines, [UNLOCK, TOOLS, LOCK_AGAIN]);
        assert_eq!(went, [Went::Worked]);
    }

    #[tokio::test]
    async fn one_failure_stops_neither_the_others_nor_the_lock() {
        let (lines, went) = lines(true, |line| match line {
            TOOLS => Output::failure(255, "broken"),
            _ => Output::success(""),
        })
        .await;
        assert_eq!(lines, [UNLOCK, TOOLS, ISOLATE, LOCK_AGAIN]);
        assert_eq!(went, [Went::Failed, Went::Worked]);
    }

    #[tokio::test]
    async fn a_machine_that_cannot_be_unlocked_is_left_alone() {
        let (lines, went) = lines(true, |_| Output::failure(255, "enter the custom password")).await;
        assert_eq!(lines, [UNLOCK]);
        assert_eq!(went, [Went::VmLocked, Went::VmLocked]);
    }
}
