//! Kandji's audit and remediation: the audit's exit code decides whether the remediation runs.

use super::*;

#[tokio::test]
async fn the_audit_passes_while_nobody_has_to_look() {
    let mut environment = managed().await;
    let root = environment.root().to_owned();
    let audit = async || {
        let reply = script(&root, "kandji/audit.sh", &[]).await;
        (reply.code, reply.stdout)
    };
    let well = (0, "Meridian is well.\n".to_owned());
    assert_eq!(audit().await, well);
    environment.edit(|state| state.service.running = false);
    environment.sync().await;
    environment.until_problem("service-stopped").await;
    assert_eq!(audit().await, well, "an everyday state");
    environment.change_profile(&json!({ "LogLevel": "LOUD" }));
    environment.until_problem("profile-key-invalid").await;
    assert_eq!(audit().await, (1, "Meridian needs attention: profile-key-invalid\n".to_owned()));
    environment.kill_agent().await;
    assert_eq!(audit().await, (1, "Meridian does not run.\n".to_owned()));
    std::fs::remove_file(environment.paths().executable()).unwrap();
    assert_eq!(audit().await, (1, "Meridian is not installed.\n".to_owned()));
    assert_eq!(script(&root, "kandji/remediation.sh", &[]).await.code, 1);
}

/// The app's audit has the package installed again, which is right only where the agent is not there.
#[tokio::test]
async fn the_apps_audit_asks_only_whether_the_agent_is_installed() {
    let mut environment = managed().await;
    let root = environment.root().to_owned();
    let audit = async |name: &str| script(&root, name, &[]).await.code;
    let job = environment.paths().launchd_plist();
    lay(&job, "");
    environment.change_profile(&json!({ "LogLevel": "LOUD" }));
    environment.until_problem("profile-key-invalid").await;
    assert_eq!((audit("kandji/audit.sh").await, audit("kandji/installed.sh").await), (1, 0), "in trouble");
    environment.kill_agent().await;
    assert_eq!(audit("kandji/installed.sh").await, 0, "it does not run");
    let text = std::fs::read_to_string(packaging().join("kandji/installed.sh")).unwrap();
    for (release, code) in [(env!("CARGO_PKG_VERSION"), 0), ("99.0", 1)] {
        let path = root.join("edited.sh");
        lay(&path, &text.replace("\nrelease=''\n", &format!("\nrelease='{release}'\n")));
        assert_eq!(run(&root, &path, &[], BARE_PATH).await.code, code, "{release}");
    }
    std::fs::remove_file(job).unwrap();
    assert_eq!(audit("kandji/installed.sh").await, 1, "half of it is gone");
    std::fs::remove_file(environment.paths().executable()).unwrap();
    assert_eq!(audit("kandji/installed.sh").await, 1);
}

#[tokio::test]
async fn the_remediation_starts_the_agent_and_lets_it_check_in() {
    let mut environment = managed().await;
    let root = environment.root().to_owned();
    let called = root.join("job.called");
    let job = format!("#!/bin/sh\nprintf '%s' \"$*\" >'{}'\n", called.display());
    lay(&root.join("opt/meridian/libexec/job"), &job);
    environment.kill_agent().await;
    let launchd = async {
        while std::fs::read_to_string(&called).ok().as_deref() != Some("restart") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        environment.start_agent();
    };
    let (reply, ()) = tokio::join!(script(&root, "kandji/remediation.sh", &[]), launchd);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.stdout.lines().last(), Some("Meridian is well."), "{reply:?}");

    environment.change_profile(&json!({ "LogLevel": "LOUD" }));
    environment.until_problem("profile-key-invalid").await;
    let reply = script(&root, "kandji/remediation.sh", &[]).await;
    assert_eq!(reply.code, 1, "{reply:?}");
    assert!(reply.stdout.contains("LogLevel"), "doctor says what to do: {reply:?}");
    assert_eq!(reply.stdout.lines().last(), Some("Meridian needs attention: profile-key-invalid"));
    assert!(reply.stdout.len() < 10_000);
}
