//! The budgets of the real processes: memory, wake-ups, processes, bytes, and how fast a policy takes hold.
//!
//! `cargo bench --bench footprint` builds the agent as packages have it (release profile, without the mock portal), lays the
//! demo's Mac below a scratch root, and measures the daemon there, with the portal behind a relay that counts bytes. It ends
//! with 1 when a budget is exceeded. Linux only, because the figures come from `/proc`.
//!
//! - `-- --minutes N` watches the idle daemon for so many minutes; 5 if not given, which is what the budgets are about.
//! - `-- --checkins N` counts growth over so many check-ins, after as many to warm up; 1,000 if not given.
//! - `-- --agent PATH` measures this executable and builds none.
//!
//! The bytes are those of HTTP. TLS adds 22 bytes or so to each record, and a handshake to each connection. The idle minutes
//! begin when the service was just asked, so they hold its next turn after 5 minutes; the virtual machines, with one
//! process for each macOS user, have theirs every 15.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its table")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures time, builds what it measures, and runs its own tasks"
)]

mod process;
mod relay;
mod scene;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use relay::Exchange;
use scene::Scene;

/// Why a figure could not be measured.
type Failed = Box<dyn Error + Send + Sync>;

/// What heap and stacks may grow by, in KiB, once the warm-up is over: a few pages, which the allocator takes and gives
/// back. A loss of 17 bytes at each of 1,000 check-ins would be beyond it.
const STEADY_KIB: u64 = 16;

struct Arguments {
    minutes: u64,
    checkins: usize,
    agent: Option<PathBuf>,
}

impl Arguments {
    fn read() -> Result<Self, Failed> {
        let mut arguments = Self { minutes: 5, checkins: 1000, agent: None };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{name} wants a value"));
            match name.as_str() {
                "--minutes" => arguments.minutes = value()?.parse::<u64>()?.max(1),
                "--checkins" => arguments.checkins = value()?.parse::<usize>()?.max(1),
                "--agent" => arguments.agent = Some(value()?.into()),
                // What cargo tells every bench.
                "--bench" => {}
                _ => return Err(format!("{name} is not known").into()),
            }
        }
        Ok(arguments)
    }
}

fn main() -> ExitCode {
    let measured = Arguments::read().and_then(|arguments| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(measure(&arguments))
    });
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("footprint: {}", meridian::error::Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// The table. Each line is printed when it is known, because the whole takes minutes.
struct Table {
    fine: bool,
}

impl Table {
    fn begin() -> Self {
        println!("{:<64} {:>12} {:>12}", "", "measured", "budget");
        Self { fine: true }
    }

    /// A figure with the most that it may be.
    fn at_most(&mut self, title: &str, measured: f64, budget: f64, unit: &str) {
        let fine = measured <= budget;
        self.fine &= fine;
        let verdict = if fine { "" } else { "   OVER BUDGET" };
        println!("{title:<64} {:>12} {:>12}{verdict}", shown(measured, unit), shown(budget, unit));
    }

    /// A figure that is good to know.
    fn told(title: &str, measured: f64, unit: &str) {
        println!("{title:<64} {:>12} {:>12}", shown(measured, unit), "-");
    }
}

fn shown(figure: f64, unit: &str) -> String {
    let digits = if figure.fract() == 0.0 { 0 } else { 2 };
    format!("{figure:.digits$} {unit}").trim_end().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "no figure here comes near 2^52")]
fn float(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

async fn measure(arguments: &Arguments) -> Result<bool, Failed> {
    let agent = match &arguments.agent {
        Some(agent) => agent.clone(),
        None => build()?,
    };
    let mut table = Table::begin();
    Table::told("the agent's executable", float(std::fs::metadata(&agent)?.len()) / 1e6, "MB");
    let size = process::size(&agent)?;
    table.at_most("  without tables that a Mac's has not", float(size) / 1e6, 5.0, "MB");
    let scene = Scene::open(&agent).await?;
    Table::told("from start to settled, enrollment included", milliseconds(scene.started_in), "ms");
    latency(&scene, &mut table).await?;
    idle(&scene, &mut table, arguments.minutes).await?;
    checkins(&scene, &mut table, arguments.checkins).await?;
    scene.close().await;
    Ok(table.fine)
}

/// Builds the agent as packages have it, and gives its path.
fn build() -> Result<PathBuf, Failed> {
    eprintln!("building the agent as packages have it; this takes minutes the first time");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--no-default-features", "--bin", "meridian"])
        .args(["--quiet", "--message-format", "json", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let executable = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    });
    executable.filter(|_| output.status.success()).ok_or_else(|| "the agent could not be built".into())
}

/// How fast an assignment and a drift are answered, and with how many processes.
async fn latency(scene: &Scene, table: &mut Table) -> Result<(), Failed> {
    let one = scene.one_process().await?;
    let before = scene.calls()?.len();
    let took = scene.assign().await?;
    let calls = scene.calls()?.split_off(before);
    let sets = calls.iter().filter(|call| call.argv.first().is_some_and(|verb| verb == "set"));
    let changes: usize =
        sets.map(|call| call.argv.iter().skip(1).filter(|word| word.starts_with("--")).count()).sum();
    let processes = processes(&calls);
    let tools = one * u32::try_from(processes)?;
    Table::told("from assignment to observed enforcement", milliseconds(took), "ms");
    let title = format!("the same, less the time of its {processes} processes");
    table.at_most(&title, milliseconds(took.saturating_sub(tools)), 300.0, "ms");
    let title = format!("processes beyond its {changes} changes");
    table.at_most(&title, float(processes.saturating_sub(changes)), 2.0, "");
    let drift = scene.drift().await?;
    table.at_most("drift put right after the file event, the longer of 2", milliseconds(drift), 1000.0, "ms");
    Ok(())
}

/// How many processes made these calls; `sudo` and `launchctl` become what they run.
fn processes(calls: &[meridian::simulator::CallRecord]) -> usize {
    calls.iter().map(|call| call.pid).collect::<std::collections::BTreeSet<_>>().len()
}

/// What the daemon costs while nothing happens.
async fn idle(scene: &Scene, table: &mut Table, minutes: u64) -> Result<(), Failed> {
    let watched = Duration::from_secs(minutes * 60);
    // Check-ins come every 15 minutes, so a longer watch sees one.
    scene.rest(watched.min(Duration::from_secs(600))).await?;
    let process = scene.process();
    let (calls, checkins) = (scene.calls()?.len(), scene.wire.checkins().len());
    let (switches, cpu) = (process.voluntary_switches()?, process.cpu()?);
    tokio::time::sleep(watched).await;
    let switches = process.voluntary_switches()?.saturating_sub(switches);
    let cpu = process.cpu()?.saturating_sub(cpu);
    let memory = process.proportional_kib()?;
    let children = processes(&scene.calls()?.split_off(calls));
    let checkins = scene.wire.checkins().len() - checkins;
    let minutes_said = format!("idle for {minutes} min");
    table.at_most(&format!("{minutes_said}: proportional set"), float(memory) * 1024.0 / 1e6, 8.0, "MB");
    let each = float(switches) / float(minutes);
    table.at_most(&format!("{minutes_said}: voluntary context switches a minute"), each, 6.0, "");
    table.at_most(&format!("{minutes_said}: child processes"), float(children), 1.0, "");
    Table::told(&format!("{minutes_said}: CPU time a minute"), milliseconds(cpu) / float(minutes), "ms");
    Table::told(&format!("{minutes_said}: check-ins meanwhile"), float(checkins), "");
    Ok(())
}

/// What a check-in costs that has nothing to say, and whether many leave something behind.
///
/// The first ones do: buffers reach their size, each thread's heap gets its pages, and freed blocks of odd sizes stay between
/// used ones until those that follow fit into them. That ends; what leaks does not, and shows in the second half.
async fn checkins(scene: &Scene, table: &mut Table, count: usize) -> Result<(), Failed> {
    let process = scene.process();
    let cold = process.anonymous_kib()?;
    for _ in 0..count {
        scene.check_in().await?;
    }
    let (before, cpu) = (process.anonymous_kib()?, process.cpu()?);
    let first = scene.wire.checkins().len();
    for _ in 0..count {
        scene.check_in().await?;
    }
    let (after, cpu) = (process.anonymous_kib()?, process.cpu()?.saturating_sub(cpu));
    let exchanges = scene.wire.checkins().split_off(first);
    let largest = |bytes: fn(&Exchange) -> usize| exchanges.iter().map(bytes).max().unwrap_or_default();
    let title = |way: &str| format!("an unchanged check-in, headers and proof included: {way}");
    table.at_most(&title("up"), float(largest(|exchange| exchange.up)), 1536.0, "B");
    table.at_most(&title("down"), float(largest(|exchange| exchange.down)), 512.0, "B");
    Table::told(
        &format!("growth of heap and stacks in the first {count} check-ins"),
        float(before.saturating_sub(cold)),
        "KiB",
    );
    let title = format!("growth of heap and stacks in the next {count} check-ins");
    table.at_most(&title, float(after.saturating_sub(before)), float(STEADY_KIB), "KiB");
    let each = milliseconds(cpu) / float(exchanges.len());
    Table::told("the daemon's CPU time for a check-in that was asked for", each, "ms");
    Ok(())
}
