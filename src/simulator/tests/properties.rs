//! Whatever is called, nothing panics and nothing is lost.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Words that lead deep, and any text.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "list",
        "set",
        "info",
        "user",
        "start",
        "clone",
        "create",
        "register",
        "delete",
        "snapshot-list",
        "install-license",
        "update-license",
        "deactivate-license",
        "--license",
        "--skip-network-errors",
        "--deferred",
        "-k",
        DEMO_KEY,
        DEMO_SUBLICENSE_KEY,
        "kickstart",
        "service_start",
        "Parallels Desktop",
        "-a",
        "-i",
        "-j",
        "-o",
        "--name",
        "--require-pwd",
        "create-vm:on",
        "--expiration",
        "date:2026-01-01",
        "--device-set",
        "net0",
        "--type",
        "on",
        "asuser",
        "501",
        "-u",
        "#501",
        "--",
        "prlctl",
        "sudo",
        "launchctl",
        "read",
        "write",
        "-n",
        UBUNTU,
        "{",
        "}",
        ":",
        "",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn no_arguments_panic(
        tool in prop::sample::select(Tool::ALL.to_vec()),
        argv in prop::collection::vec(word(), 0..8),
        uid in prop::sample::select(vec![0, ADA, BOB, 99]),
    ) {
        let call = Call { tool, argv, caller: Caller { uid, user: None } };
        let mut state = State::demo();
        let _ = follow(&call, &mut state);
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }

    #[test]
    fn any_name_survives_the_listing(name in any::<String>()) {
        let mut state = State::demo();
        state.vms.get_mut(UBUNTU).unwrap().name.clone_from(&name);
        prop_assert_eq!(&listed(&mut state, UBUNTU)["Name"], &json!(name));
    }
}
