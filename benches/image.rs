//! A golden image of 1 GiB from loopback, beside `curl | openssl dgst -sha256`, in turn in one run: wall time, processor
//! time and the growth of memory.
//!
//! The server, each download and each pipe are processes of their own, so that what they cost is told apart. The
//! processor time is that of the children that ended, as `/proc/self/stat` has it; so this runs on Linux alone.

#![expect(clippy::print_stdout, reason = "a bench prints its findings")]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench runs other programs, reads the clock and writes no documents"
)]
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure ends")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use meridian::domain::digest::Digest;
use meridian::images::transfer::{Manner, Source, Vault};
use meridian::paths::Paths;
use meridian::state::Store;

/// The size of the image, in bytes.
const SIZE: u64 = 1 << 30;

/// The size of what is fetched first, so that the memory of a client at work is not counted as growth.
const WARM: u64 = 8 << 20;

/// The image is this block over and over.
const BLOCK: usize = 1 << 20;

/// How often each is run, in turn; the median counts.
const ROUNDS: usize = 5;

/// The most that a download may take of what the pipe takes.
const MOST_WALL: f64 = 1.25;
const MOST_CPU: f64 = 1.15;

/// The most that memory may grow, in KiB.
const MOST_GROWTH: u64 = 4 << 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve"] => serve(),
        ["fetch", origin, digest, root] => fetch(origin, digest.parse().unwrap(), Path::new(root)),
        _ => compare(),
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

fn compare() {
    let own = std::env::current_exe().unwrap();
    let mut server = Command::new(&own).arg("serve").stdout(Stdio::piped()).spawn().unwrap();
    let mut origin = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut origin).unwrap();
    let origin = origin.trim();
    let pipe = format!("set -o pipefail; curl -sS --fail {origin}/{SIZE} | openssl dgst -sha256 -r");
    let whole = digest(SIZE).to_string();
    let (mut pipes, mut downloads, mut growth) = (Vec::new(), Vec::new(), 0);
    for round in 0..=ROUNDS {
        let (of_pipe, said) = cost(Command::new("bash").args(["-c", &pipe]));
        assert!(whole.ends_with(said.split(' ').next().unwrap()), "{said}");
        // The folder outlives the download, as its removal is none of its cost.
        let root = tempfile::tempdir().unwrap();
        warm();
        let (of_download, said) = cost(Command::new(&own).args(["fetch", origin, &whole]).arg(root.path()));
        // The first round warms the disk's cache and the processor.
        if round > 0 {
            pipes.push(of_pipe);
            downloads.push(of_download);
            growth = growth.max(said.trim().parse::<u64>().unwrap());
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let (pipe, download) = (median(&pipes), median(&downloads));
    let (wall, cpu) = (download.wall / pipe.wall, download.cpu / pipe.cpu);
    println!("curl | openssl: {:.2} s wall, {:.2} s CPU", pipe.wall, pipe.cpu);
    println!(
        "download:       {:.2} s wall, {:.2} s CPU, memory grew by {growth} KiB",
        download.wall, download.cpu
    );
    println!("ratio:          {wall:.2} wall (at most {MOST_WALL}), {cpu:.2} CPU (at most {MOST_CPU})");
    let fine = wall <= MOST_WALL && cpu <= MOST_CPU && growth < MOST_GROWTH;
    println!("{}", if fine { "within the budget" } else { "OVER the budget" });
    std::process::exit(i32::from(!fine));
}

/// Takes and frees as much memory as the image has. A virtual machine hands freed memory back to its host, and to take it
/// again costs up to a second for a GiB, which would count as the download's: it writes a file, and the pipe does not.
fn warm() {
    let size = usize::try_from(SIZE).unwrap();
    std::hint::black_box(vec![1_u8; size]);
}

fn cost(command: &mut Command) -> (Cost, String) {
    let (begun, before) = (Instant::now(), children());
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    let cost = Cost { wall: begun.elapsed().as_secs_f64(), cpu: (children() - before).as_secs_f64() };
    (cost, String::from_utf8(output.stdout).unwrap())
}

/// The processor time of the children that ended and were waited for: user and system, at 100 ticks a second.
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(13) + ticks(14)))
}

fn median(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Cost { wall: middle(|cost| cost.wall), cpu: middle(|cost| cost.cpu) }
}

fn block() -> Vec<u8> {
    (0..BLOCK).map(|place| u8::try_from(place * 31 % 251).unwrap()).collect()
}

/// The digest of an image of this size.
fn digest(size: u64) -> Digest {
    let block = block();
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    (0..size / BLOCK as u64).for_each(|_| context.update(&block));
    Digest::finished(context)
}

/// Fetches a small file and then the image, and prints by how many KiB the memory grew at the most.
fn fetch(origin: &str, whole: Digest, root: &Path) {
    let paths = Paths::under(root);
    let store = Arc::new(Store::open(&paths).unwrap());
    let (mut vault, _) = Vault::open(&paths, store).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut get = |size: u64, sha256| {
        let source = Source { url: format!("{origin}/{size}").parse().unwrap(), sha256, size };
        runtime.block_on(vault.fetch(&source, &Manner::default(), |_| {})).unwrap();
    };
    get(WARM, digest(WARM));
    let before = memory("VmRSS:");
    get(SIZE, whole);
    println!("{}", memory("VmHWM:").saturating_sub(before));
}

fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Serves an image of the size that the path says, to whoever asks, for ever.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    let block = block();
    for stream in listener.incoming() {
        answer(stream.unwrap(), &block);
    }
}

fn answer(mut stream: TcpStream, block: &[u8]) {
    let mut head = [0; 4096];
    let count = stream.read(&mut head).unwrap();
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    let size: u64 = head.split([' ', '/']).find_map(|word| word.parse().ok()).unwrap();
    let head =
        format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..size / BLOCK as u64 {
        if stream.write_all(block).is_err() {
            return;
        }
    }
}
