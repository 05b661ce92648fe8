//! The command line. A command is request → view → render.
//!
//! In goes the command line; out come a screen or JSON on standard output, a complaint on standard error, and an exit
//! code. A module a verb asks the daemon for a view ([`crate::control::client`]) and has a pure `render(view, style, now)`;
//! `--json` prints the same view with the number of its schema. [`ink::Line`] makes all text harmless, so hostile names
//! reach no terminal. What may change is how screens look; the JSON, the fields of `status --field` and the exit codes may
//! only be added to.

mod alike;
mod arguments;
mod config;
mod deactivate;
mod diagnose;
mod doctor;
mod explain;
mod failure;
mod field;
mod images;
pub mod ink;
mod install_image;
mod leave;
mod license;
pub mod output;
mod pause;
mod place_image;
mod plan;
mod profile;
#[cfg(test)]
mod samples;
pub mod screen;
mod status;
mod sync;
mod text;
mod updates;
mod version;
mod vms;
mod words;

use std::error::Error;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use serde::Serialize;

use arguments::{Arguments, Format, StatusArguments, UpdatesArguments, UpdatesVerb, Verb};
use config::ConfigVerb;
use failure::Failure;
use ink::Style;
use profile::ProfileVerb;

use crate::clock::{Clock, SystemClock};
use crate::control::view::LeaveView;
use crate::error::{Chain, Exit};
use crate::paths::Paths;

/// What a command prints and how it ends.
struct Done {
    text: String,
    exit: Exit,
}

impl Done {
    /// A view as JSON or as a screen.
    fn of(
        format: Format,
        exit: Exit,
        view: &impl Serialize,
        render: impl FnOnce(&Style) -> String,
    ) -> Result<Self, Failure> {
        let text = match format.json {
            true => output::json(view).map_err(Failure::Encode)?,
            false => render(&output::style()),
        };
        Ok(Self { text, exit })
    }
}

/// What the verbs need of the daemon's code, handed in because nothing imports the daemon.
pub struct Shell {
    /// Runs the agent in the foreground and returns when it has ended.
    pub daemon: fn(&Paths) -> Result<(), Box<dyn Error>>,
    /// Takes the agent away: whether to restore, and within which time.
    pub leave: Leave,
}

/// Puts back what stood before, if that is wanted, and tells the portal, within a time.
pub type Leave = fn(&Paths, bool, Duration) -> Result<LeaveView, Box<dyn Error>>;

/// The grammar of the command line, from which manual pages and shell completions are made.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command of the process's arguments.
pub fn run(shell: &Shell) -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            // Help goes to standard output and usage errors to standard error; a reader that has gone away is no failure.
            let _ = usage.print();
            return if usage.use_stderr() { Exit::Usage } else { Exit::Fine };
        }
    };
    let paths = Paths::under(&arguments.root);
    if matches!(arguments.verb, Verb::Daemon) {
        return match (shell.daemon)(&paths) {
            Ok(()) => Exit::Fine,
            Err(error) => {
                output::write_error(&format!(
                    "meridian: {}\n",
                    text::printable(&Chain(error.as_ref()).to_string())
                ));
                Exit::Failed
            }
        };
    }
    let json = arguments.verb.format().json;
    let done = match &arguments.verb {
        Verb::Leave(order) => leave::request(&paths, order, shell.leave),
        verb => perform(verb, &paths, &SystemClock),
    };
    let done =
        done.and_then(|done| output::write_out(&done.text).map(|()| done.exit).map_err(Failure::Output));
    done.unwrap_or_else(|failure| {
        output::write_error(&failure.complaint());
        if let (true, Ok(text)) = (json, failure.json()) {
            // The complaint is told already; without standard output there is nobody to tell it to again.
            let _ = output::write_out(&text);
        }
        failure.exit()
    })
}

/// Carries out a verb that shows something, or what it orders.
fn perform(verb: &Verb, paths: &Paths, clock: &dyn Clock) -> Result<Done, Failure> {
    let format = verb.format();
    let dated = |failure| dated(failure, paths, clock);
    match verb {
        Verb::Status(arguments) => show_status(arguments, paths, clock),
        Verb::Explain(arguments) => {
            let key = arguments.key.as_deref();
            let view = explain::request(paths, key).map_err(dated)?;
            Done::of(format, Exit::Fine, &view, |style| explain::render(&view, key, style, clock.now()))
        }
        Verb::Plan(_) => {
            let (view, shared) = plan::request(paths).map_err(dated)?;
            Done::of(format, Exit::Fine, &view, |style| plan::render(&view, &shared, style, clock.now()))
        }
        Verb::Vms(_) => {
            let view = vms::request(paths).map_err(dated)?;
            Done::of(format, Exit::Fine, &view, |style| vms::render(&view, style, clock.now()))
        }
        Verb::Images(_) => {
            let view = images::request(paths).map_err(dated)?;
            Done::of(format, Exit::Fine, &view, |style| images::render(&view, style, clock.now()))
        }
        Verb::Updates(UpdatesArguments { verb: Some(UpdatesVerb::CheckFeed(arguments)), .. }) => {
            let view = updates::check::request(&arguments.file)?;
            Done::of(format, view.exit(), &view, |style| updates::check::render(&view, style))
        }
        Verb::Updates(_) => {
            let seen = status::request(paths)?;
            let view = updates::Shown::of(&seen);
            Done::of(format, seen.exit(false), &view, |style| updates::render(&view, style, clock.now()))
        }
        Verb::License(_) => {
            let seen = status::request(paths)?;
            let view = license::Shown::of(&seen);
            Done::of(format, seen.exit(false), &view, |style| license::render(&view, style, clock.now()))
        }
        Verb::Version(_) => {
            let view = version::request();
            Done::of(format, Exit::Fine, &view, |_| version::render(&view))
        }
        Verb::Doctor(_) => {
            let view = doctor::request(paths, clock);
            Done::of(format, view.exit(), &view, |style| doctor::render(&view, style))
        }
        order => carry_out(order, paths, clock),
    }
}

/// Carries out a verb that orders or writes something.
fn carry_out(verb: &Verb, paths: &Paths, clock: &dyn Clock) -> Result<Done, Failure> {
    let format = verb.format();
    match verb {
        Verb::InstallImage(arguments) => {
            let view = install_image::request(paths, clock, arguments)
                .map_err(|failure| dated(failure, paths, clock))?;
            Done::of(format, view.exit(), &view, |style| install_image::render(&view, style))
        }
        Verb::PlaceImage(arguments) => Ok(Done { text: place_image::place(arguments)?, exit: Exit::Fine }),
        Verb::SettleImage(arguments) => Ok(Done { text: place_image::settle(arguments)?, exit: Exit::Fine }),
        Verb::DeactivateLicense(arguments) => {
            let view = deactivate::request(paths, clock, arguments)?;
            let text = match format.json {
                true => output::json_line(&view).map_err(Failure::Encode)?,
                false => deactivate::render(&view, &output::style()),
            };
            Ok(Done { text, exit: view.exit() })
        }
        Verb::Sync(arguments) => {
            let limit = Duration::from_secs(arguments.timeout.into());
            let synced =
                sync::request(paths, clock, limit).map_err(|failure| dated(failure, paths, clock))?;
            Done::of(format, synced.exit(), &synced, |style| sync::render(&synced, style))
        }
        Verb::Diagnose(arguments) => {
            let view = diagnose::request(paths, clock, arguments)?;
            Done::of(format, Exit::Fine, &view, |style| diagnose::render(&view, style))
        }
        Verb::Profile(ProfileVerb::Make(arguments)) => {
            let view = profile::request(arguments)?;
            Done::of(format, Exit::Fine, &view, |style| profile::render(&view, style))
        }
        Verb::Config(ConfigVerb::Validate(arguments)) => {
            let view = config::request(&arguments.file)?;
            Done::of(format, view.exit(), &view, |style| config::render(&view, style))
        }
        // Those that show something are told apart before, and those that need the daemon's code before anything else.
        _ => Ok(Done { text: String::new(), exit: Exit::Fine }),
    }
}

/// Where the daemon gave no answer and nothing is kept on disk to show instead: since when it has been silent.
fn dated(failure: Failure, paths: &Paths, clock: &dyn Clock) -> Failure {
    match failure {
        Failure::Client(source) if source.exit() == Exit::Unreachable => match status::written_at(paths) {
            Some(at) => Failure::Silent { age: words::ago(at, clock.now()), source },
            None => Failure::Client(source),
        },
        other => other,
    }
}

fn show_status(arguments: &StatusArguments, paths: &Paths, clock: &dyn Clock) -> Result<Done, Failure> {
    let seen = status::request(paths)?;
    let exit = seen.exit(arguments.check);
    if let Some(field) = arguments.field {
        let text = field.of(&seen.view).map(|value| format!("{value}\n")).unwrap_or_default();
        return Ok(Done { text, exit });
    }
    Done::of(arguments.format, exit, &seen, |style| status::render(&seen, style, clock.now()))
}

#[cfg(test)]
mod tests;
