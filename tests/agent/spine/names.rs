//! Names of virtual machines are any text at all, and pass unharmed.

use meridian::simulator::State;
use serde_json::Value;

use super::super::support::Setup;

fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        r#"it's "quoted" \ and back"#,
        "$(touch /tmp/pwned) `x` ; rm -rf /",
        "two\nlines\r\tand a tab",
        "emoji 👩‍👩‍👧 and 東京",
        "-rf",
        "--json",
        "<script>alert(1)</script><img src=x onerror=y>",
        "\u{1b}[31mred\u{1b}[0m \u{202e}backwards",
        " ",
        "{\"Name\": [",
    ]
    .map(str::to_owned)
    .into();
    names.push("4 KiB ".repeat(4096 / 6));
    names
}

fn mac() -> State {
    let names = hostile();
    let mut state = State::with_vms(names.len());
    for (vm, name) in state.vms.values_mut().zip(names) {
        vm.name = name;
    }
    state
}

fn names(vms: &[Value], pointer: &str) -> Vec<String> {
    let mut names: Vec<_> =
        vms.iter().map(|vm| vm.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn hostile_names_pass_unharmed_through_command_line_and_portal() {
    let mut expected = hostile();
    expected.sort();
    let environment = Setup::default().mac(mac()).start().await;
    environment.until_enrolled().await;
    environment.until("listed", |status| status.vms.total == Some(11)).await;

    let reply = environment.cli(["vms", "--json"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.json()["schema"], 1);
    assert_eq!(names(reply.json()["vms"].as_array().unwrap(), "/name"), expected);
    for screen in ["vms", "status", "explain"] {
        let reply = environment.cli([screen]).await;
        assert_eq!(reply.code, 0, "{reply:?}");
        let obeyed = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!reply.stdout.contains(obeyed), "{screen}: {:?}", reply.stdout);
    }

    let vms = environment
        .until_portal("told of all of them", async |admin| {
            let vms = admin.list("/vms").await.unwrap();
            (vms.len() == expected.len()).then_some(vms)
        })
        .await;
    assert_eq!(names(&vms, "/record/name"), expected);
    assert!(
        environment
            .calls()
            .iter()
            .all(|call| !call.argv.iter().any(|word| expected.contains(word) && word != "--json"))
    );
}
