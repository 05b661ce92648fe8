//! Munki's condition: it writes keys through `defaults`, which a stand-in records.

use super::*;

/// Runs the condition, and says what it wrote.
async fn written(root: &Path, folder: Option<&str>) -> Vec<String> {
    let record = root.join("defaults.called");
    let _ = std::fs::remove_file(&record);
    let answer = folder.map_or_else(|| "exit 1".to_owned(), |folder| format!("echo '{folder}'; exit 0"));
    let name = "${1##*/}";
    let tools = root.join("stand-ins");
    let defaults = format!(
        "#!/bin/sh\nif [ \"$1\" = read ]; then {answer}; fi\nprintf '%s|' \"$@\" >>'{0}'; echo >>'{0}'\n",
        record.display()
    );
    lay(&tools.join("defaults"), &defaults);
    lay(
        &tools.join("plutil"),
        &format!("#!/bin/sh\n[ {name} ] && printf '%s|' plutil \"$@\" >>'{}'\n", record.display()),
    );
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let reply = run(root, &packaging().join("munki/conditions/meridian.sh"), &[], &path).await;
    assert_eq!((reply.code, reply.stdout.as_str(), reply.stderr.as_str()), (0, "", ""));
    let text = std::fs::read_to_string(record).unwrap();
    text.lines().map(|line| line.replace(&root.display().to_string(), "")).collect()
}

fn wrote(folder: &str, values: [&str; 4]) -> Vec<String> {
    let keys = [("state", "string"), ("policy", "string"), ("compliance", "string"), ("vm_count", "int")];
    let lines = keys.iter().zip(values).map(|((key, kind), value)| {
        format!("write|{folder}/ConditionalItems|meridian_{key}|-{kind}|{value}|")
    });
    lines.chain([format!("plutil|-convert|xml1|{folder}/ConditionalItems.plist|")]).collect()
}

#[tokio::test]
async fn predicates_may_ask_how_the_agent_is() {
    let usual = "/Library/Managed Installs";
    let mut environment = managed().await;
    let root = environment.root().to_owned();
    assert_eq!(written(&root, None).await, wrote(usual, ["ok", "Policy", "compliant", "5"]));
    assert_eq!(
        written(&root, Some("/opt/installs")).await,
        wrote("/opt/installs", ["ok", "Policy", "compliant", "5"])
    );
    environment.kill_agent().await;
    assert_eq!(written(&root, None).await, wrote(usual, ["not running", "Policy", "unknown", "-1"]));
    let unknown = wrote(usual, ["not running", "unknown", "unknown", "-1"]);
    lay(&environment.paths().status_file(), "{");
    assert_eq!(written(&root, None).await, unknown);
    std::fs::remove_file(environment.paths().status_file()).unwrap();
    assert_eq!(written(&root, None).await, unknown);
    std::fs::remove_file(environment.paths().executable()).unwrap();
    assert_eq!(written(&root, None).await, wrote(usual, ["not installed", "none", "unknown", "-1"]));
}
