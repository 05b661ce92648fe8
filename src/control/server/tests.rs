//! The server over real sockets, with peers that mean well and peers that do not.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream as Peer;
use std::thread::JoinHandle;

use proptest::prelude::*;

use super::super::client::Client;
use super::super::samples;
use super::super::view::{PlanView, VmsView};
use super::*;
use crate::error::Exit;

/// Gives the sample of each answer; with `huge`, a plan beyond the limit and large virtual machines.
#[derive(Default)]
struct Samples {
    huge: bool,
}

impl Answerer for Samples {
    fn read(&self, request: ReadRequest, _: Viewer) -> Answer {
        let index = match request {
            ReadRequest::Status => 0,
            ReadRequest::Explain { key: Some(_) } => 5,
            ReadRequest::Explain { key: None } => 1,
            ReadRequest::Plan if self.huge => return Answer::Plan(huge_plan()),
            ReadRequest::Plan => 2,
            ReadRequest::Vms if self.huge => return Answer::Vms(large_vms()),
            ReadRequest::Vms => 3,
            ReadRequest::Images => return Answer::Images(samples::images()),
        };
        samples::answers().swap_remove(index)
    }

    fn own(&self, request: OwnRequest, viewer: Viewer) -> Answer {
        let OwnRequest::InstallImage { user, .. } = request;
        Answer::Refused(Refusal::new(RefusalCode::NotOffered, format!("{user:?} {viewer:?}")))
    }

    fn admin(&self, request: AdminRequest) -> Answer {
        match request {
            AdminRequest::Sync | AdminRequest::Deactivated => samples::answers().swap_remove(4),
        }
    }
}

fn huge_plan() -> PlanView {
    let Answer::Plan(mut plan) = samples::answers().swap_remove(2) else {
        panic!("the third sample is a plan")
    };
    plan.actions[0].why = "x".repeat(ANSWER_LIMIT);
    plan
}

/// The machines of the sample, with a name that fills more than a socket's buffer.
fn large_vms() -> VmsView {
    let Answer::Vms(mut vms) = samples::answers().swap_remove(3) else {
        panic!("the fourth sample is machines")
    };
    vms.vms[0].name = "x".repeat(ANSWER_LIMIT / 4);
    vms
}

/// A server in a thread of its own, below a short scratch root.
struct Running {
    paths: Paths,
    _root: tempfile::TempDir,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        Self::with(Samples::default(), |_| {})
    }

    fn with(answerer: Samples, change: impl FnOnce(&mut Server) + Send + 'static) -> Self {
        let root = tempfile::Builder::new().prefix("m").tempdir_in("/tmp").unwrap();
        let paths = Paths::under(root.path());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let below = paths.clone();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async move {
                let mut server = Server::bind(&below).unwrap();
                change(&mut server);
                ready.send(()).unwrap();
                tokio::select! {
                    never = server.serve(Arc::new(answerer)) => match never {},
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv().unwrap();
        Self { paths, _root: root, stop: Some(stop), thread: Some(thread) }
    }

    fn peer(&self) -> Peer {
        Peer::connect(self.paths.socket()).unwrap()
    }

    /// Sends bytes, ends the sending side, and reads all answers.
    fn send(&self, bytes: &[u8]) -> Vec<Answer> {
        let mut peer = self.peer();
        // The server may have answered and closed before all was sent.
        let _ = peer.write_all(bytes);
        let _ = peer.shutdown(std::net::Shutdown::Write);
        BufReader::new(peer)
            .lines()
            .map_while(Result::ok)
            .map(|line| decode(line.as_bytes()).unwrap())
            .collect()
    }

    /// Ends the server and tells whether its socket is still there.
    fn stop(mut self) -> bool {
        self.end();
        self.paths.socket().exists()
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn code(answer: &Answer) -> Option<RefusalCode> {
    match answer {
        Answer::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

const LARGE: &[u8] = b"{\"schema\":1,\"read\":\"vms\"}\n";

const STATUS: &[u8] = b"{\"schema\":1,\"read\":\"status\"}\n";

#[test]
fn several_requests_of_one_connection_are_answered_in_turn() {
    let server = Running::start();
    let answers = server.send(
        b"{\"schema\":1,\"read\":\"vms\"}\nnonsense\n{\"schema\":1,\"admin\":\"sync\"}\n{\"schema\":9}\n{\"schema\":1,\"read\":\"plan\"}",
    );
    let codes: Vec<_> = answers.iter().map(code).collect();
    assert_eq!(codes, [None, Some(RefusalCode::Malformed), None, Some(RefusalCode::UnsupportedSchema), None]);
    assert!(matches!((&answers[0], &answers[2]), (Answer::Vms(_), Answer::Accepted { .. })));
}

#[test]
fn the_socket_is_for_everyone_and_goes_with_the_server() {
    let server = Running::start();
    let mode = |path: PathBuf| path.metadata().unwrap().mode() & 0o7777;
    assert_eq!((mode(server.paths.socket_folder()), mode(server.paths.socket())), (0o755, 0o666));
    assert!(!server.stop(), "the socket is removed");
}

#[test]
fn a_line_without_end_is_refused_and_the_next_peer_is_served() {
    let server = Running::start();
    for bytes in [vec![b'x'; REQUEST_LIMIT], vec![0; 3 * REQUEST_LIMIT]] {
        let answers = server.send(&bytes);
        assert_eq!(answers.iter().map(code).collect::<Vec<_>>(), [Some(RefusalCode::TooLarge)]);
    }
    let padding = " ".repeat(REQUEST_LIMIT - STATUS.len());
    let longest = [padding.as_bytes(), STATUS].concat();
    assert!(matches!(server.send(&longest)[..], [Answer::Status(_)]));
}

#[test]
fn an_answer_beyond_the_limit_becomes_a_refusal() {
    let server = Running::with(Samples { huge: true }, |_| {});
    let answers = server.send(b"{\"schema\":1,\"read\":\"plan\"}\n");
    assert_eq!(answers.iter().map(code).collect::<Vec<_>>(), [Some(RefusalCode::TooLarge)]);
}

#[test]
fn a_silent_peer_is_cut_off() {
    let server = Running::with(Samples::default(), |server| server.limit = Duration::from_millis(20));
    let mut peer = server.peer();
    let _ = peer.write_all(b"{\"schema\":1,");
    let mut rest = Vec::new();
    let _ = peer.read_to_end(&mut rest);
    assert!(rest.is_empty());
    // On a busy machine the short limit may cut off this peer, too.
    assert!((0..1_000).any(|_| matches!(server.send(STATUS)[..], [Answer::Status(_)])));
}

#[test]
fn connections_that_are_held_open_keep_nobody_from_an_answer() {
    let server = Running::start();
    // More than there may be; some ask nothing, some a part, and some have been answered.
    let mut peers = Vec::new();
    for (number, bytes) in (0..200).zip([b"".as_slice(), b"{\"schema\"", STATUS].into_iter().cycle()) {
        let mut peer = server.peer();
        let _ = peer.write_all(bytes);
        if bytes == STATUS {
            let _ = BufReader::new(&peer).read_line(&mut String::new());
        }
        peers.push(peer);
        if number % 20 == 19 {
            Client::of(&server.paths).status().unwrap();
        }
    }
    Client::of(&server.paths).status().unwrap();
}

#[test]
fn one_connection_too_many_is_told_so_while_the_others_are_busy() {
    let server = Running::with(Samples { huge: true }, |_| {});
    // An answer that is not taken: it is larger than a socket's buffer.
    let mut peers = Vec::new();
    let begun = tokio::time::Instant::now();
    let refused = loop {
        let mut peer = server.peer();
        let _ = peer.write_all(LARGE);
        peers.push(peer);
        let answers = server.send(STATUS);
        if let Some(code) = answers.first().and_then(code) {
            break code;
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
    };
    assert_eq!(refused, RefusalCode::Busy);
    drop(peers);
    let served = (0..10_000).any(|_| matches!(server.send(STATUS)[..], [Answer::Status(_)]));
    assert!(served);
}

#[test]
fn only_a_stale_socket_is_removed() {
    let root = tempfile::Builder::new().prefix("m").tempdir_in("/tmp").unwrap();
    let paths = Paths::under(root.path());
    let runtime = runtime();
    let _inside = runtime.enter();
    std::fs::create_dir_all(paths.socket_folder()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(paths.socket()).unwrap());
    assert!(paths.socket().exists(), "left behind");
    let living = Server::bind(&paths).unwrap();
    assert!(matches!(Server::bind(&paths), Err(ServerError::InUse(_))));
    drop(living);
    std::fs::File::create(paths.socket()).unwrap();
    assert!(matches!(Server::bind(&paths), Err(ServerError::NotASocket(_))));
    assert!(paths.socket().exists(), "a file is left alone");
    std::fs::remove_file(paths.socket()).unwrap();
    std::os::unix::fs::symlink("/nowhere", paths.socket()).unwrap();
    assert!(matches!(Server::bind(&paths), Err(ServerError::NotASocket(_))));
}

#[test]
fn a_path_that_does_not_fit_is_named_with_its_length() {
    let root = tempfile::Builder::new().prefix("m").tempdir_in("/tmp").unwrap();
    let paths = Paths::under(root.path().join("x".repeat(100)));
    let error = Server::bind(&paths).unwrap_err();
    assert!(error.to_string().contains("at most 103 fit"), "{error}");
}

#[test]
fn a_user_gets_their_part_and_no_orders_through() {
    let user = Viewer::User(samples::FIRST);
    let ask = |line: &str, viewer| answer(line.as_bytes(), viewer, &Samples::default());
    let Answer::Vms(view) = ask(r#"{"schema":1,"read":"vms"}"#, user) else { panic!("no machines") };
    assert_eq!((view.vms.len(), view.users.len()), (2, 1));
    assert_eq!(code(&ask(r#"{"schema":1,"admin":"sync"}"#, user)), Some(RefusalCode::MustBeRoot));
    assert_eq!(code(&ask(r#"{"schema":1,"admin":"sync"}"#, Viewer::Admin)), None);
}

proptest! {
    #[test]
    fn hostile_lines_get_a_refusal(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let refused = answer(&bytes, Viewer::Public, &Samples::default());
        prop_assert!(code(&refused).is_some());
    }

    #[test]
    fn lines_that_almost_fit_never_give_an_order(text in r#"\{"schema":[0-9]{1,3},"(read|admin|x)":("[a-z]{0,6}"|\{"[a-z]{1,7}":.{0,9}\})\}"#) {
        let _ = answer(text.as_bytes(), Viewer::Admin, &Samples::default());
        let accepted = matches!(answer(text.as_bytes(), Viewer::User(Uid(7)), &Samples::default()), Answer::Accepted { .. });
        prop_assert!(!accepted);
    }
}

#[test]
fn the_client_and_the_server_understand_each_other() {
    let server = Running::start();
    let client = Client::of(&server.paths);
    assert_eq!(client.status().unwrap(), samples::status());
    assert_eq!(client.plan().unwrap().actions.len(), 6);
    assert_eq!(client.vms().unwrap().vms.len(), 3);
    assert_eq!(client.explain(None).unwrap().settings.len(), 1);
    let error = client.explain(Some("x".into())).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.exit()),
        ("the daemon refused: there is no setting x", Exit::Failed)
    );
    // The tests' user owns the scratch root.
    client.sync().unwrap();
}
