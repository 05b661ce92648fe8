//! The demo: a policy travels from the portal to a simulated Mac, and its virtual machines travel back, before your eyes.
//!
//! In go the verb's [`Options`]; out comes a story on standard output, each line from what was observed. Everything lies
//! below one root: the portal listens on loopback, the agent is the real one as its own process, and the tools that it
//! calls are simulated. Nothing outside the root is touched, also on a Mac that has Parallels Desktop.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use plist::{Dictionary, Value};

pub mod admin;
pub mod agent;
pub mod custodian;
mod ends;
pub mod guard;
pub mod layout;
pub mod narrator;
mod observed;
mod step;
mod story;

use admin::{Admin, AdminError};
use agent::Agent;
use custodian::Custodian;
use ends::{End, Ends};
use layout::{LayoutError, Programs, Root};
use narrator::Narrator;
use step::Failure;
use story::Stage;

use super::server::{Config, Portal, Running, StartError};
use crate::cli::output;
use crate::error::Exit;
use crate::simulator::State;

/// How many lines of the agent's log a failure shows.
const LOG_LINES: usize = 15;

/// The options of the `demo` verb.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// End when the story has been told
    #[arg(long)]
    pub once: bool,
    /// Lay the Mac below this empty folder and keep it; without it, below a scratch folder that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Run this agent instead of the one beside this program
    #[arg(long, value_name = "PATH")]
    pub agent: Option<PathBuf>,
}

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The layout is not there.
    #[error("cannot lay out the Mac")]
    Layout(#[from] LayoutError),
    /// The portal does not start.
    #[error("cannot start the portal")]
    Portal(#[from] StartError),
    /// The portal's administrator has no way to it.
    #[error("cannot talk to the portal")]
    Admin(#[from] AdminError),
    /// The system refused a process, a signal or the screen.
    #[error("cannot {0}")]
    System(&'static str, #[source] std::io::Error),
    /// A step did not come true.
    #[error("the story ended early")]
    Story(#[from] Failure),
    /// A signal came first.
    #[error("ended by {} before the end of the story", .0.name())]
    Interrupted(End),
    /// The agent is gone, which was to run until Ctrl-C.
    #[error("the agent ended by itself: {0}")]
    Gone(String),
}

impl DemoError {
    /// The exit code.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted(end) => end.exit_code(),
            _ => Exit::Failed as u8,
        }
    }

    /// Whether nobody reads the story, so that nobody is told of its end either.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Story(Failure::Screen(error)) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// Tells the story, and keeps what it is about running until Ctrl-C unless it is to be told once.
///
/// # Errors
/// [`DemoError`]; a step that did not come true has been told on the screen, too.
pub fn run(options: &Options) -> Result<(), DemoError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| DemoError::System("start", error))?.block_on(stage(options))
}

async fn stage(options: &Options) -> Result<(), DemoError> {
    let mut ends = Ends::listen().map_err(|error| DemoError::System("listen to signals", error))?;
    let executable =
        std::env::current_exe().map_err(|error| DemoError::System("find this program", error))?;
    let programs = Programs::beside(&executable, options.agent.as_deref())?;
    let root = match &options.root {
        Some(path) => Root::given(path)?,
        None => Root::scratch()?,
    };
    let mut custodian = Custodian::engage(&executable, &programs.agent, &root)
        .map_err(|error| DemoError::System("run this program again", error))?;
    let played = play(&programs, &root, &mut custodian, options.once, &mut ends).await;
    custodian.dismiss().await;
    played
}

/// Sets the stage and tells the story on it.
async fn play(
    programs: &Programs,
    root: &Root,
    custodian: &mut Custodian,
    once: bool,
    ends: &mut Ends,
) -> Result<(), DemoError> {
    layout::lay(&root.paths(), &programs.simulator, &State::demo())?;
    layout::install_parallels_profile(&root.paths())?;
    let portal =
        Portal::start(Config { organization: "Example Ltd".to_owned(), ..Config::default() }).await?;
    layout::install_agent_profile(&root.paths(), profile(&portal).await?)?;
    custodian.start().await.map_err(|error| DemoError::System("start the agent", error))?;
    let agent = Agent::new(programs.agent.clone(), root.paths());
    let narrator = Narrator::new(output::style());
    let admin = Admin::new(portal.origin(), portal.admin_token(), &[])?;
    let mut stage = Stage { agent, admin, root: root.path().to_owned(), narrator, current: Cell::default() };
    let told = tell(&mut stage, &portal, custodian, once, ends).await;
    portal.shutdown().await;
    told
}

/// Tells the story, and waits for Ctrl-C unless it is to be told once.
async fn tell(
    stage: &mut Stage,
    portal: &Running,
    custodian: &mut Custodian,
    once: bool,
    ends: &mut Ends,
) -> Result<(), DemoError> {
    let mut told = tokio::select! {
        biased;
        told = whole_story(stage, portal, once) => told,
        end = ends.come() => return Err(DemoError::Interrupted(end)),
        how = custodian.ended() => {
            Err(Failure::Step { step: stage.current.get(), why: format!("the agent ended with {how}") })
        }
    };
    if let Err(Failure::Step { step, why }) = &mut told {
        why.push_str(&troubles(&stage.agent).await);
        let log = stage.agent.log_tail(LOG_LINES);
        stage.narrator.failure(step, why, &log).map_err(Failure::Screen)?;
    }
    told?;
    if once {
        return Ok(());
    }
    tokio::select! {
        _ = ends.come() => Ok(()),
        how = custodian.ended() => Err(DemoError::Gone(how)),
    }
}

/// What the agent says is wrong, each once: why a step did not come true, as a rule. Nothing where it does not answer.
async fn troubles(agent: &Agent) -> String {
    let problems = agent.status().await.map(|status| status.health.problems).unwrap_or_default();
    let told: BTreeSet<_> =
        problems.into_iter().map(|problem| format!("{}: {}", problem.code, problem.detail)).collect();
    told.into_iter().map(|problem| format!("; the agent says {problem}")).collect()
}

/// The story, from its title to where to go on.
async fn whole_story(stage: &mut Stage, portal: &Running, once: bool) -> Result<(), Failure> {
    let below = format!("Everything lies below {}; nothing else is touched.", stage.root.display());
    stage
        .narrator
        .title("Meridian: a policy travels to a Mac, and its virtual machines travel back", &below)?;
    stage.tell().await?;
    stage.show_status().await?;
    let facts = [("Portal", portal.origin()), ("Sign-in token", portal.admin_token())];
    let closing = if once { "The story is told." } else { "Both keep running; Ctrl-C ends them." };
    Ok(stage.narrator.end(&facts, closing)?)
}

/// The profile of the agent, as MDM would install it.
async fn profile(portal: &Running) -> Result<Dictionary, DemoError> {
    let token = portal.enrollment_token("The demo's Mac", None).await?;
    let settings: Dictionary =
        [("updates.stay_on_major".to_owned(), Value::Boolean(true))].into_iter().collect();
    let items = [
        ("PortalURL", Value::String(portal.origin().to_owned())),
        ("PortalRootKey", Value::String(portal.root_key().to_string())),
        ("EnrollmentToken", Value::String(token)),
        ("LogLevel", Value::String("info".to_owned())),
        ("PayloadUUID", Value::String("B0A7E2C4-3D5F-4E6A-8B9C-0D1E2F3A4B5C".to_owned())),
        ("Settings", Value::Dictionary(settings)),
    ];
    Ok(items.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}
