//! What starts Parallels' service: `open -a "Parallels Desktop"`, `Parallels Service service_start` and `launchctl
//! kickstart`. In: arguments; out: the service runs, or does not, as [`Start`] has it. The real service takes some
//! seconds to answer, for which a fault at the next calls may stand. Words and codes of failure are inferred.

use super::state::{Start, State};
use super::{Answer, Effect};

/// The name of the service for launchd (prl-devops-service and others).
const LABEL: &str = "system/com.parallels.desktop.launchdaemon";

/// Starts the service, or answers with the failure that is given.
fn start(state: &mut State, failure: impl FnOnce() -> Answer) -> Answer {
    match state.service.start {
        Start::Fails => failure(),
        Start::InVain => Answer::default(),
        Start::Works => {
            state.service.running = true;
            Answer { effects: vec![Effect::Touch(state.quirks.dispatcher)], ..Answer::default() }
        }
    }
}

/// `open [-g] [-j] [-F] [-n] -a APPLICATION`, as open's manual has it. It needs somebody's session.
pub(super) fn open(argv: &[String], state: &mut State) -> Answer {
    let mut application = None;
    let mut rest = argv;
    while let [option, others @ ..] = rest {
        rest = others;
        match option.as_str() {
            "-g" | "-j" | "-F" | "-n" => {}
            "-a" => {
                let [name, others @ ..] = rest else {
                    return Answer::fail(1, "open: option requires an argument -- a");
                };
                application = Some(name.as_str());
                rest = others;
            }
            path if path.ends_with(".app") => application = Some(path),
            path if path.starts_with('-') => {
                return Answer::fail(1, format!("open: unrecognized option `{path}'"));
            }
            path => return Answer::fail(1, format!("The file {path} does not exist.")),
        }
    }
    let Some(application) = application else {
        return Answer::fail(1, "Usage: open [-gjFn] -a <application>");
    };
    let name = application.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if name.trim_end_matches(".app") != "Parallels Desktop" {
        return Answer::fail(1, format!("Unable to find application named '{application}'"));
    }
    let failure = || {
        Answer::fail(
            1,
            "_LSOpenURLsWithCompletionHandler() failed for the application /Applications/Parallels Desktop.app with error -10810.",
        )
    };
    if state.users.values().any(|user| user.logged_in) { start(state, failure) } else { failure() }
}

/// `Parallels Service service_start|service_stop|service_restart` (prl-devops-service, `main.go`).
pub(super) fn service(argv: &[String], state: &mut State) -> Answer {
    let failure = || Answer::fail(1, "Failed to start Parallels Service.");
    match argv {
        [verb] if verb == "service_start" => start(state, failure),
        [verb] if verb == "service_stop" => {
            state.service.running = false;
            Answer::default()
        }
        [verb] if verb == "service_restart" => {
            state.service.running = false;
            start(state, failure)
        }
        _ => Answer::fail(1, "Usage: Parallels Service service_start|service_stop|service_restart"),
    }
}

/// `launchctl kickstart [-kp] system/com.parallels.desktop.launchdaemon`, after the verb.
pub(super) fn kickstart(argv: &[String], state: &mut State) -> Answer {
    let (options, names): (Vec<&str>, Vec<&str>) =
        argv.iter().map(String::as_str).partition(|argument| argument.starts_with('-'));
    let [name] = names.as_slice() else {
        return Answer::fail(64, "Usage: launchctl kickstart [-k] [-p] <service-target>");
    };
    if *name != LABEL {
        return Answer::fail(113, format!("Could not find service \"{name}\" in domain for system"));
    }
    if options.contains(&"-k") {
        state.service.running = false;
    }
    start(state, || Answer::fail(5, "Could not kickstart service: 5: Input/output error"))
}
