//! What the doctor tells apart.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use super::super::samples::screens;
use super::*;
use crate::clock::ManualClock;
use crate::wire::key::PublicKey;

#[test]
fn a_finding_is_a_line_and_a_remedy() {
    let view = DoctorView::of(vec![
        Area::Profile.good("installed and readable"),
        Area::Profile.bad("no key is named “PortalUrl”; it is ignored", "Did you mean PortalURL?"),
        Area::Tls.bad("https://portal.example.com: no trusted TLS connection: the certificate's issuer is not trusted", "Put the issuing CA into PortalCA or the trust store; where a proxy inspects TLS, that is the proxy's CA."),
        Area::Keys.unknown("the portal's keyset was not verified, because there is no root key"),
        Area::Agent.bad(super::super::samples::HOSTILE, super::super::samples::HOSTILE),
    ]);
    assert_eq!((view.trouble, view.exit()), (3, Exit::Failed));
    screens("doctor", |style| render(&view, style));
    let fine = DoctorView::of(vec![Area::Portal.good("answers"), Area::Parallels.unknown("stopped")]);
    assert_eq!(fine.exit(), Exit::Fine);
    let style = Style { width: 80, color: false };
    assert!(render(&fine, &style).starts_with("No problem found in 2 checks; 1 could not be settled.\n"));
}

/// A portal on loopback that gives this answer to one request.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        assert!(request.starts_with("GET /v1/portal HTTP/1.1\r\n") && !request.contains("authorization"));
        let id = request.lines().find_map(|line| line.strip_prefix("meridian-request-id: ")).unwrap();
        stream.write_all(answer(id).as_bytes()).unwrap();
    });
    origin
}

fn http(status: &str, kind: &str, id: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nmeridian-request-id: {id}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn body(api: u32, server_time: &str) -> String {
    format!(r#"{{"api":[{api}],"organization":"Example","keyset":"a.b.c","server_time":"{server_time}"}}"#)
}

fn ask(origin: String, root_key: Option<PublicKey>) -> Vec<Finding> {
    let portal = Portal { origin: Some(origin), root_key, ..Portal::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = ManualClock::at("2025-11-24T16:00:00Z".parse().unwrap());
    runtime.block_on(portal::check(Some(portal), &clock, Duration::from_secs(5)))
}

fn lines(findings: &[Finding], origin: &str) -> String {
    let line = |finding: &Finding| format!("{:?} {:?}: {}", finding.verdict, finding.area, finding.text);
    findings.iter().map(line).collect::<Vec<_>>().join("; ").replace(origin, "ORIGIN")
}

#[test]
fn what_is_between_is_told_from_the_portal() {
    let html = "<html>Sign in to the hotel's network</html>";
    for (status, kind, content, said) in [
        (
            "200 OK",
            "text/html",
            html.to_owned(),
            "Bad Portal: ORIGIN: a web page came (status 200) instead of the portal's answer",
        ),
        (
            "302 Found",
            "text/html; charset=utf-8",
            html.to_owned(),
            "Bad Portal: ORIGIN: a web page came (status 302) instead of the portal's answer",
        ),
        ("200 OK", "application/json", "[]".to_owned(), "Bad Portal: ORIGIN: the answer is not an object"),
        ("503 Busy", "text/plain", String::new(), "Bad Portal: ORIGIN: the portal has no time (status 503)"),
        (
            "200 OK",
            "application/json",
            body(1, "2025-11-24T16:00:02Z"),
            "Good Portal: ORIGIN answers for Example; Unknown Keys: the portal's keyset was not verified, because there is no root key; Good Clock: within 2 s of the portal's",
        ),
        (
            "200 OK",
            "application/json",
            body(2, "2025-11-24T16:10:00Z"),
            "Bad Portal: ORIGIN speaks protocol versions [2], and this agent speaks 1; Unknown Keys: the portal's keyset was not verified, because there is no root key; Bad Clock: this Mac's clock is 10 min behind the portal's",
        ),
    ] {
        let origin = serve(move |id| http(status, kind, id, &content));
        assert_eq!(lines(&ask(origin.clone(), None), &origin), said);
    }
}

#[test]
fn a_keyset_of_another_root_key_is_named() {
    let key = crate::wire::key::SigningKey::generate().unwrap().public();
    let origin = serve(|id| http("200 OK", "application/json", id, &body(1, "2025-11-24T16:00:00Z")));
    let findings = ask(origin, Some(key));
    assert!(findings.iter().any(|finding| finding.area == Area::Keys && finding.verdict == Verdict::Bad));
}

#[test]
fn nobody_there_and_no_portal_named_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(lines(&ask(origin.clone(), None), &origin), "Bad Portal: ORIGIN: no connection to the portal");
    let origin = "https://portal.invalid".to_owned();
    assert_eq!(ask(origin, None)[0].area, Area::Portal);
}

/// A root with this profile.
fn with_profile(entries: &str) -> (tempfile::TempDir, Paths) {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    std::fs::create_dir_all(paths.managed_preferences()).unwrap();
    let text = format!(r#"<?xml version="1.0"?><plist version="1.0"><dict>{entries}</dict></plist>"#);
    let mut file = std::fs::File::create(paths.managed_domain(crate::paths::LABEL)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    (scratch, paths)
}

#[test]
fn each_bad_key_of_the_profile_is_named_with_the_nearest() {
    let (_scratch, paths) = with_profile(
        "<key>PortalUrl</key><string>https://p.example</string><key>PortalRootKey</key><string>x</string>\
         <key>PortalCA</key><string>-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----</string>\
         <key>Settings</key><dict><key>restrict.creat_vm</key><true/><key>updates.check</key><integer>9</integer></dict>",
    );
    let (findings, preferences) = profile::check(&paths);
    let mut said = lines(&findings, "-");
    said.push_str(&lines(&keys::check(&preferences.unwrap()), "-"));
    for part in [
        "Good Profile: installed and readable",
        "no key is named “PortalUrl”",
        "PortalRootKey: expected an Ed25519 public key",
        "no setting is named “restrict.creat_vm”",
        "setting updates.check: ",
        "it names no PortalURL",
        "Bad Keys: PortalCA: 0 of 1 certificates can be used",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let remedies: Vec<_> = findings.iter().filter_map(|finding| finding.remedy.as_deref()).collect();
    assert!(
        remedies.contains(&"Did you mean PortalURL?")
            && remedies.contains(&"Did you mean restrict.create_vm?")
    );
    let empty = tempfile::tempdir().unwrap();
    let (findings, preferences) = profile::check(&Paths::under(empty.path()));
    assert!(findings[0].text.contains("no profile") && preferences.is_none());
}

#[test]
fn a_folder_that_others_may_enter_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let paths = Paths::under(scratch.path());
    std::fs::create_dir_all(paths.private()).unwrap();
    for (path, mode) in [(paths.support(), 0o755), (paths.private(), 0o750)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let said =
        lines(&[files::check(&paths), agent::check(&paths)].concat(), scratch.path().to_str().unwrap());
    assert!(said.contains("private has mode 750 instead of 700"), "{said}");
    assert!(said.contains("Bad Agent: the daemon does not run: there is no"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn whatever_hangs_is_unknown_after_the_limit() {
    let hanging = within(LIMIT, Area::Parallels, std::future::pending());
    let begun = tokio::time::Instant::now();
    assert_eq!(lines(&hanging.await, "-"), "Unknown Parallels: not settled within 30 s; ask again");
    assert_eq!(begun.elapsed(), LIMIT);
}
