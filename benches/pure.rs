//! The budgets of the pure code, and a gate against its slow decay.
//!
//! `cargo bench --bench pure` measures time against the budgets and ends with 1 when one is exceeded.
//! `cargo bench --profile test --bench pure -- --instructions` runs each case once under callgrind and compares the count
//! with `benches/instructions.txt`, which needs `valgrind`; with `--bless` it writes that table anew. A count hardly depends
//! on the machine and its load, so it shows a loss of a few percent that time cannot. It is that of the tests' profile, which
//! the gate has built anyway.
//!
//! To add a case is to add one entry to [`CASES`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its table")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures, runs itself again under callgrind, and writes its table"
)]
#![expect(clippy::expect_used, reason = "a bench that cannot make its input has nothing to measure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use meridian::catalog::{Key, LayerKind, Value};
use meridian::domain::host::Arch;
use meridian::domain::ids::{PolicyId, Uid, VmId};
use meridian::domain::subject::Subject;
use meridian::hypervisor::vm_list;
use meridian::plan::memory::{Baseline, PerSetting, Record};
use meridian::plan::{Gate, Observed, Plan, Sight, Situation, VmSight, plan};
use meridian::resolve::{Effective, resolve};
use meridian::sources::layer::{Layer, Origin};
use meridian::sources::local::local;

mod check_in;

/// The Mac that the budgets speak of.
const VMS: u32 = 1000;

/// How far a count may rise above the table's before the gate fails, in percent.
const TOLERANCE_PERCENT: u64 = 5;

/// Each time is the best of this many: what the machine does besides only adds to it.
const REPETITIONS: u32 = 100;

/// One thing to measure: its name, the code, and the budget that it belongs to.
struct Case {
    name: &'static str,
    budget: &'static str,
    prepare: fn() -> Box<dyn Fn() -> usize>,
}

const CASES: &[Case] = &[
    Case { name: "resolve", budget: DECIDE, prepare: || Box::new(prepared_resolve()) },
    Case { name: "plan-all-differ", budget: DECIDE, prepare: || Box::new(prepared_plan(Mac::untouched())) },
    Case { name: "plan-settled", budget: SETTLED, prepare: || Box::new(prepared_plan(Mac::settled())) },
    Case { name: "parse-vm-list", budget: PARSE, prepare: || Box::new(prepared_parse()) },
    Case { name: "check-in", budget: CHECK_IN, prepare: || Box::new(check_in::prepared()) },
];

const DECIDE: &str = "resolve and plan, all VMs differ";
const SETTLED: &str = "plan, nothing to do";
const PARSE: &str = "parse prlctl list -a -i -j";
const CHECK_IN: &str = "check-in, nothing changed";

/// The budgets; cases of the same budget add up.
const BUDGETS: &[(&str, Duration)] = &[
    (DECIDE, Duration::from_millis(5)),
    (SETTLED, Duration::from_millis(5)),
    (PARSE, Duration::from_millis(20)),
    (CHECK_IN, Duration::from_millis(2)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if let Some(name) = arguments.iter().position(|argument| argument == "--case") {
        return run_once(arguments.get(name + 1).map_or("", String::as_str));
    }
    let fine = if given("--instructions") { instructions(given("--bless")) } else { times() };
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one case once; callgrind counts inside [`counted`] alone.
fn run_once(name: &str) -> ExitCode {
    let Some(case) = CASES.iter().find(|case| case.name == name) else {
        eprintln!("no such case: {name}");
        return ExitCode::from(2);
    };
    counted(&*(case.prepare)());
    ExitCode::SUCCESS
}

/// The function that callgrind is told to count, by this name.
#[inline(never)]
fn counted(run: &dyn Fn() -> usize) {
    black_box(run());
}

/// Prints time against budget; false when one is exceeded.
fn times() -> bool {
    println!(
        "{:<36} {:>10} {:>10}   {VMS} virtual machines, best of {REPETITIONS}",
        "", "measured", "budget"
    );
    let mut fine = true;
    for (title, budget) in BUDGETS {
        let measured: Duration = CASES.iter().filter(|case| case.budget == *title).map(best).sum();
        let verdict = if measured <= *budget { "" } else { "   OVER BUDGET" };
        fine &= measured <= *budget;
        println!("{title:<36} {:>10} {:>10}{verdict}", milliseconds(measured), milliseconds(*budget));
    }
    fine
}

/// The shortest of the repetitions. They run on this thread and wait for nothing, so it is CPU time.
fn best(case: &Case) -> Duration {
    let run = (case.prepare)();
    let one = || {
        let started = Instant::now();
        black_box(run());
        started.elapsed()
    };
    (0..REPETITIONS).map(|_| one()).min().unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Compares instruction counts with the table, or writes it; false on a rise beyond the tolerance, or no count.
fn instructions(bless: bool) -> bool {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt");
    let text = std::fs::read_to_string(&table).unwrap_or_default();
    let kept = read_table(&text);
    let mut counts = BTreeMap::new();
    println!("{:<24} {:>14} {:>14} {:>8}", "instructions", "counted", "table", "change");
    let mut fine = true;
    for case in CASES {
        let Some(count) = count_instructions(case.name) else { return false };
        counts.insert(case.name, count);
        let before = kept.get(case.name).copied();
        let over = before.is_none_or(|before| count * 100 > before * (100 + TOLERANCE_PERCENT));
        fine &= bless || !over;
        let change = before.map_or_else(|| "new".to_owned(), |before| percent(before, count));
        let verdict = if over && !bless { "   OVER: explain it, then --bless" } else { "" };
        let before = before.map_or_else(|| "-".to_owned(), |before| before.to_string());
        println!("{:<24} {count:>14} {before:>14} {change:>8}{verdict}", case.name);
    }
    if bless {
        std::fs::write(&table, write_table(&counts)).expect("the table is written");
    }
    fine
}

fn percent(before: u64, after: u64) -> String {
    let (before, after) = (i128::from(before.max(1)), i128::from(after));
    let tenths = (after - before) * 1000 / before;
    format!("{}{}.{} %", if tenths < 0 { '-' } else { '+' }, tenths.abs() / 10, tenths.abs() % 10)
}

/// Runs this program again under callgrind; `None`, with a word on standard error, when there is no count.
fn count_instructions(name: &str) -> Option<u64> {
    let program: PathBuf = std::env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"])
        .arg(program)
        .args(["--case", name])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("cannot run valgrind: {error}; install it, or leave out --instructions");
            return None;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    if count.is_none_or(|count| count == 0) {
        eprintln!("callgrind counted nothing for {name}:\n{said}");
        return None;
    }
    count
}

/// Reads `name count` lines; `#` starts a comment.
fn read_table(text: &str) -> BTreeMap<&str, u64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, count) = line.split_once(' ')?;
            Some((name, count.trim().parse().ok()?))
        })
        .collect()
}

fn write_table(counts: &BTreeMap<&str, u64>) -> String {
    let mut text = format!(
        "# Instructions by case, counted by callgrind: `cargo bench --profile test --bench pure -- --instructions` fails\n\
         # when a count is more than {TOLERANCE_PERCENT} % above. Written by the same with `--bless`.\n"
    );
    for (name, count) in counts {
        writeln!(text, "{name:<24} {count:>14}").expect("a String takes all");
    }
    text
}

/// A policy that names every setting a policy may, above a profile and the local restrictions.
fn layers(observed: &Observed) -> Vec<Layer> {
    let seen = observed.app.clone().unwrap_or_default().values;
    let profile = Origin::Profile { file: "/Library/p.plist".to_owned(), payload: None, manual: false };
    let policy = Origin::Policy { id: PolicyId::of(id(0)), name: "Policy".to_owned(), revision: 1 };
    let mut layers = vec![local(&seen, &BTreeMap::new())];
    for (kind, origin) in [(LayerKind::Profile, profile), (LayerKind::Policy, policy)] {
        let mut layer = Layer::new(kind, origin);
        layer
            .items
            .extend(Key::all().filter(|key| key.setting().admits(kind)).map(|key| (key, Ok(wanted(key)))));
        layers.push(layer);
    }
    layers
}

/// What the policy says of a setting.
fn wanted(key: Key) -> Value {
    match key.name() {
        "vm.startup" => Value::text("background"),
        "vm.network" => Value::text("host_only"),
        "vm.expiration" => Value::text("2030-01-01"),
        name if name.starts_with("updates.feed") || name.starts_with("image.") => {
            Value::text("https://mac.example/")
        }
        _ => Value::Switch(true),
    }
}

/// What is observed before the agent changed anything.
fn untouched(key: Key) -> Value {
    match key.name() {
        "vm.startup" => Value::text("manual"),
        "vm.network" => Value::text("shared"),
        _ => Value::Switch(false),
    }
}

fn id(number: u32) -> uuid::Uuid {
    uuid::Uuid::from_u128(0xde22_df32_80e2_4e92_ba4b_0000_0000_0000 + u128::from(number))
}

/// A Mac with many virtual machines, and what the agent remembers of it.
struct Mac {
    observed: Observed,
    baseline: Baseline,
}

impl Mac {
    fn showing(value: fn(Key) -> Value) -> Self {
        let of_scope = |vm: bool| {
            let keys = Key::all().filter(move |key| key.name().starts_with("vm.") == vm);
            Sight { values: keys.map(|key| (key, value(key))).collect(), custom_password: false }
        };
        let vm = VmSight { sight: of_scope(true), owner: Uid(501), mac_guest: false, locked: false };
        let vms = (1..=VMS).map(|number| (VmId::of(id(number)), vm.clone())).collect();
        Self {
            observed: Observed { app: Some(of_scope(false)), vms, ..Observed::default() },
            baseline: Baseline::default(),
        }
    }

    /// Every setting of every object differs.
    fn untouched() -> Self {
        Self::showing(untouched)
    }

    /// Everything is as the policy says, and the values from before are on record.
    fn settled() -> Self {
        let mut mac = Self::showing(wanted);
        let record = |key: Key| (key, Record { value: Some(untouched(key)), at: Timestamp::UNIX_EPOCH });
        let app = mac.observed.app.iter().map(|sight| (Subject::App, sight));
        let vms = mac.observed.vms.iter().map(|(vm, seen)| (Subject::Vm(*vm), &seen.sight));
        let records = app.chain(vms);
        mac.baseline.records = records
            .map(|(subject, sight)| (subject, sight.values.keys().copied().map(record).collect()))
            .collect();
        mac
    }

    fn plan(&self, effective: &Effective) -> Plan {
        plan(&Situation {
            effective,
            observed: &self.observed,
            gate: Gate { parallels: Some((26, 1, 1)), arch: Arch::Arm64 },
            baseline: &self.baseline,
            attempts: &PerSetting::new(),
            touched: &BTreeSet::new(),
            may_release: true,
            now: Timestamp::UNIX_EPOCH,
        })
    }
}

fn prepared_resolve() -> impl Fn() -> usize {
    let layers = layers(&Mac::untouched().observed);
    move || resolve(black_box(&layers)).settings.len()
}

fn prepared_plan(mac: Mac) -> impl Fn() -> usize {
    let effective = resolve(&layers(&mac.observed));
    move || mac.plan(black_box(&effective)).changes().count()
}

/// The real sample as often as needed, each with its own id and name.
fn prepared_parse() -> impl Fn() -> usize {
    const SAMPLE: &str = include_str!("../tests/golden/prlctl_list.arm64.pd20.0.json");
    let (head, tail) =
        SAMPLE.split_once("de22df32-80e2-4e92-ba4b-efb3a66cf092").expect("the sample has its id");
    let head = head.trim_start().strip_prefix('[').expect("the sample is a list");
    let tail = tail.trim_end().strip_suffix(']').expect("the sample is a list");
    let members: Vec<String> = (1..=VMS)
        .map(|number| format!("{head}{}{}", id(number), tail.replace("Maui_DevBox", &format!("VM {number}"))))
        .collect();
    let list = format!("[{}]", members.join(","));
    move || vm_list::parse(black_box(list.as_bytes())).expect("the list parses").vms.len()
}
