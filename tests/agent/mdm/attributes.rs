//! Extension attributes of Jamf Pro and custom attributes of Intune: the same values in two wrappings.

use super::*;

const NAMES: [&str; 5] = ["state", "policy", "compliance", "vm-count", "last-check-in"];

/// What each attribute says, in the order of [`NAMES`], without its wrapping; the two services agree.
async fn said(root: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for name in NAMES {
        let jamf = script(root, &format!("jamf/extension-attributes/{name}.sh"), &[]).await;
        let intune = script(root, &format!("intune/custom-attributes/{name}.sh"), &[]).await;
        assert_eq!((jamf.code, jamf.stderr.as_str()), (0, ""), "{jamf:?}");
        assert_eq!((intune.code, intune.stderr.as_str()), (0, ""), "{intune:?}");
        let value = jamf.stdout.strip_prefix("<result>").and_then(|rest| rest.strip_suffix("</result>\n"));
        let value = value.unwrap_or_else(|| panic!("{jamf:?}")).to_owned();
        let plain = intune.stdout.strip_suffix('\n').unwrap_or_default();
        match name {
            "last-check-in" => {
                let date = |text: &str| {
                    text.bytes().map(|b| if b.is_ascii_digit() { '0' } else { b.into() }).collect::<String>()
                };
                if !value.is_empty() {
                    assert_eq!(date(&value), "0000-00-00 00:00:00", "Jamf's form of a date");
                    assert_eq!(date(plain), "0000-00-00T00:00:00Z", "Intune's, of ISO 8601");
                }
                assert_eq!(value.replace(' ', "T"), plain.trim_end_matches('Z'));
            }
            "vm-count" => assert!(value.is_empty() || value.parse::<u32>().is_ok(), "{value}"),
            _ => {}
        }
        if name != "last-check-in" {
            assert_eq!(value, plain, "{name}");
        }
        all.push(value);
    }
    all
}

#[tokio::test]
async fn without_the_agent_they_say_so() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(said(root.path()).await, ["not installed", "", "", "", ""]);
}

#[tokio::test]
async fn they_tell_a_healthy_agent_from_one_in_trouble_one_that_is_dead_and_one_that_hangs() {
    let mut environment = managed().await;
    let root = environment.root().to_owned();
    let healthy = said(&root).await;
    assert_eq!(healthy[..4], ["ok", "Policy (revision 1)", "compliant", "5"]);
    assert_eq!(healthy[4].len(), "2026-11-24 10:00:00".len());

    environment.edit(|state| state.service.running = false);
    environment.sync().await;
    environment.until_problem("service-stopped").await;
    let degraded = said(&root).await;
    assert_eq!(degraded[..4], ["degraded: service-stopped", "Policy (revision 1)", "pending", "5"]);
    environment.edit(|state| state.service.running = true);

    environment.kill_agent().await;
    let dead = said(&root).await;
    assert_eq!(dead[..4], ["not running", "Policy (revision 1)", "unknown", ""]);
    assert_eq!(dead[4].len(), healthy[4].len());
}

#[tokio::test]
async fn an_agent_that_hangs_keeps_nobody_waiting() {
    let environment = managed().await;
    let root = environment.root().to_owned();
    let process =
        rustix::process::Pid::from_raw(environment.status().await.unwrap().agent.pid.cast_signed()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::STOP).unwrap();
    let begun = Instant::now();
    let state = script(&root, "jamf/extension-attributes/state.sh", &[]).await;
    let took = begun.elapsed();
    rustix::process::kill_process(process, rustix::process::Signal::CONT).unwrap();
    assert_eq!(state.stdout, "<result>not running</result>\n");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn before_a_policy_there_is_none_and_before_the_first_start_nothing_is_known() {
    let mut environment = Setup::default().prepare().await;
    install(&environment);
    let root = environment.root().to_owned();
    assert_eq!(said(&root).await, ["not running", "unknown", "unknown", "", ""]);
    environment.start_agent();
    environment.until_enrolled().await;
    assert_eq!(said(&root).await[1], "none");
}

#[tokio::test]
async fn a_policys_name_breaks_no_wrapping() {
    let environment = Setup::default().start().await;
    install(&environment);
    environment.until_enrolled().await;
    let hostile = "R&D</result><result>$(id) `id` \"';";
    let policy = environment.admin.create_policy(hostile, &json!({ "experience.cep": false })).await.unwrap();
    environment.admin.assign(&environment.group, Some(&policy)).await.unwrap();
    environment
        .until("assigned", |status| {
            status.assignment.as_ref().is_some_and(|assignment| assignment.policy.is_some())
        })
        .await;
    let reply = script(environment.root(), "jamf/extension-attributes/policy.sh", &[]).await;
    let escaped = "R&amp;D&lt;/result&gt;&lt;result&gt;$(id) `id` \"'; (revision 1)";
    assert_eq!(reply.stdout, format!("<result>{escaped}</result>\n"));
}

#[test]
fn the_two_services_scripts_differ_in_their_wrapping_alone() {
    for name in NAMES.iter().filter(|name| **name != "last-check-in") {
        let body = |path: String| {
            let text = std::fs::read_to_string(packaging().join(path)).unwrap();
            let begin = text.find("# For tests").unwrap();
            let end = text.rfind("\n}\n").unwrap();
            text[begin..end].to_owned()
        };
        assert_eq!(
            body(format!("jamf/extension-attributes/{name}.sh")),
            body(format!("intune/custom-attributes/{name}.sh"))
        );
    }
}
