//! A real browser: Chromium without a window, driven through ChromeDriver on a free loopback port.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::portal::{Portal, TOKEN};

/// Where distributions put the two; a test without them fails and says so.
const DRIVERS: [&str; 3] =
    ["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver", "/usr/local/bin/chromedriver"];
const BROWSERS: [&str; 4] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// How long a page may take to show what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with one window; it ends when dropped, also by a test that fails.
pub(crate) struct Browser {
    pub(crate) page: Client,
    session: String,
    port: u16,
    _driver: Child,
    _output: Lines<BufReader<ChildStdout>>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one and signs in at the portal.
    pub(crate) async fn signed_in(portal: &Portal) -> Self {
        let browser = Self::start().await;
        browser.page.goto(&portal.address).await.unwrap();
        browser.page.find(Locator::Css("#token")).await.unwrap().send_keys(TOKEN).await.unwrap();
        browser.page.find(Locator::Css("form button")).await.unwrap().click().await.unwrap();
        browser.until("return document.querySelector('#link.live') !== null").await;
        browser
    }

    /// Starts one with an empty window.
    pub(crate) async fn start() -> Self {
        let (driver, output, port) = driver().await;
        let profile = tempfile::tempdir().unwrap();
        let browser = installed(&BROWSERS, "Chromium");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": browser, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("ChromeDriver starts Chromium");
        let session = page.session_id().await.unwrap().unwrap();
        Self { page, session, port, _driver: driver, _output: output, _profile: profile }
    }

    /// Runs a script and gives what it returns.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script returns true.
    pub(crate) async fn until(&self, script: &str) {
        let waiting = async {
            while self.ask(script).await != json!(true) {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let text = self.ask("return document.body.innerText").await;
            panic!("never came true: {script}\nthe page says: {text}");
        }
    }

    /// Waits until the first cells of the rows are these.
    pub(crate) async fn until_rows(&self, names: &[&str]) {
        let names = json!(names);
        self.until(&format!(
            "return JSON.stringify([...document.querySelectorAll('tr.row .toggle')].map(a => a.textContent)) === JSON.stringify({names})"
        ))
        .await;
    }
}

impl Drop for Browser {
    /// Asks ChromeDriver to end Chromium, which outlives its driver otherwise.
    fn drop(&mut self) {
        let end = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            write!(stream, "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", self.session)?;
            stream.read(&mut [0; 16]).map(|_| ())
        };
        if let Err(error) = end() {
            println!("Chromium may still run: {error}");
        }
    }
}

/// Starts ChromeDriver and reads its port from what it prints.
#[expect(clippy::disallowed_methods, reason = "the test's browser is no process of the agent")]
async fn driver() -> (Child, Lines<BufReader<ChildStdout>>, u16) {
    let mut driver = Command::new(installed(&DRIVERS, "ChromeDriver"))
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("ChromeDriver starts");
    let mut output = BufReader::new(driver.stdout.take().unwrap()).lines();
    while let Some(line) = output.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            let port = port.trim().trim_end_matches('.').parse().unwrap();
            return (driver, output, port);
        }
    }
    panic!("ChromeDriver ended without naming its port");
}

fn installed(places: &[&'static str], what: &str) -> &'static str {
    let found = places.iter().find(|place| std::path::Path::new(place).exists());
    found.unwrap_or_else(|| {
        panic!(
            "{what} is not installed (looked at {places:?}); on Debian: apt install chromium chromium-driver"
        )
    })
}
