//! Tables of the licensing verbs and of what starts the service.

use super::*;

const UNKNOWN: &str = "NOSUCH-KEY000-KEY000-KEY000-NOSUCH";

fn order(state: &mut State, argv: &[&str]) -> Answer {
    ask(state, 0, Tool::Prlsrvctl, argv)
}

fn unlicensed() -> State {
    let mut state = State::demo();
    state.licensing.installed = None;
    state
}

fn info(state: &mut State) -> Value {
    json_of(&order(state, &["info", "--license", "--json"]))
}

fn known<'a>(state: &'a mut State, key: &str) -> &'a mut Key {
    state.licensing.keys.get_mut(key).unwrap()
}

fn seats(state: &State, key: &str) -> u32 {
    state.licensing.keys[key].seats_left.unwrap()
}

/// The inner document of `licenses.json`.
fn file(state: &State) -> Value {
    let outer: Value = serde_json::from_str(&license_file::render(state).unwrap()).unwrap();
    serde_json::from_str(outer["license"].as_str().unwrap()).unwrap()
}

#[test]
fn the_license_is_told_in_json_with_the_known_keys_in_their_order() {
    let answer = order(&mut State::demo(), &["info", "--license", "--json"]);
    let keys: Vec<_> = stdout(&answer).lines().filter_map(|line| line.split('"').nth(1)).collect();
    let expected = [
        "status",
        "serial",
        "expiration",
        "main_period_ends_at",
        "grace_period_ends_at",
        "cpu_total",
        "max_memory",
        "edition",
        "is_trial",
        "is_volume",
        "deferred_activation",
        "uuid",
        "activation_type",
    ];
    assert_eq!(keys, expected);
    let license = json_of(&answer);
    assert_eq!(license["status"], json!("ACTIVE"));
    assert_eq!(license["serial"], json!("6J9A5T-******-******-******-RN17ZA"));
    assert_eq!(license["cpu_total"], json!(32));
    assert_eq!(license["edition"], json!("enterprise"));
    assert_eq!((&license["is_trial"], &license["activation_type"]), (&json!("no"), &json!("LIC_KEY")));
    for argv in [&["info", "-j", "--license"][..], &["info", "--license", "-j"]] {
        assert_eq!(order(&mut State::demo(), argv), answer);
    }
}

#[test]
fn the_license_is_told_as_text() {
    let text = order(&mut State::demo(), &["info", "--license"]);
    assert!(stdout(&text).starts_with("Searching for installed licenses...\n\tstatus=\"ACTIVE\"\n"));
    assert!(stdout(&text).contains("\tcpu_total=32\n\tmax_memory=131072\n\tedition=\"enterprise\"\n"));
    let mut none = unlicensed();
    let text = order(&mut none, &["info", "--license"]);
    assert_eq!(stdout(&text), "Searching for installed licenses...\nNo licenses installed.\n");
    assert_eq!(order(&mut none, &["info", "--license", "-j"]).stdout, b"{}\n");
    assert!(
        stdout(&order(&mut none, &["info"]))
            .contains("License: state='not valid' key='' restricted='false'\n")
    );
    assert_eq!(license_file::render(&none), None);
}

#[test]
fn every_standing_has_its_words() {
    type Change = fn(&mut Installed);
    let table: [(Change, &str, &str, &str); 6] = [
        (|_| (), "ACTIVE", "valid", "is_purchased_online"),
        (|it| it.terms.standing = Standing::Graced, "GRACED", "graced", "is_grace_period"),
        (|it| it.terms.standing = Standing::Expired, "EXPIRED", "not valid", "is_expired"),
        (|it| it.terms.standing = Standing::Invalid, "INVALID", "not valid", "is_nfr"),
        (|it| it.terms.suspended = true, "INVALID", "not valid", "is_suspended"),
        (|it| it.terms.trial = true, "ACTIVE", "valid", "is_trial"),
    ];
    for (change, status, word, flag) in table {
        let mut state = State::demo();
        change(state.licensing.installed.as_mut().unwrap());
        assert_eq!(info(&mut state)["status"], json!(status));
        let line = format!("License: state='{word}' key='6J9A5T-******-******-******-RN17ZA'");
        assert!(stdout(&order(&mut state, &["info"])).contains(&line), "{line}");
        assert_eq!(json_of(&order(&mut state, &["info", "-j"]))["License"]["state"], json!(word));
        let known = ["is_grace_period", "is_expired", "is_suspended", "is_trial"].contains(&flag);
        assert_eq!(file(&state)[flag], json!(known), "{flag}");
    }
}

#[test]
fn orders_are_carried_out_or_are_usage_errors() {
    let table: [(&[&str], i32, &str); 9] = [
        (
            &["install-license", "--key", DEMO_SUBLICENSE_KEY],
            0,
            "The license has been successfully installed.\n",
        ),
        (&["update-license"], 0, "The license has been successfully updated.\n"),
        (&["deactivate-license"], 0, "The license has been successfully deactivated.\n"),
        (
            &["deactivate-license", "--skip-network-errors"],
            0,
            "The license has been successfully deactivated.\n",
        ),
        (&["install-license"], 1, "The license key is not specified.\n"),
        (&["install-license", "-k"], 1, "Option requires an argument: -k\n"),
        (&["install-license", "--frob"], 1, "Unrecognized option: --frob\n"),
        (&["deactivate-license", "--frob"], 1, "Invalid arguments\n"),
        (&["info", "--frob"], 1, "Invalid arguments\n"),
    ];
    for (argv, code, words) in table {
        let mut state = State::demo();
        let answer = order(&mut state, argv);
        let said = if code == 0 { stdout(&answer) } else { stderr(&answer) };
        assert_eq!((answer.code, said.starts_with(words)), (code, true), "{argv:?} {said}");
        assert_eq!(answer.effects.contains(&Effect::WriteLicenses), code == 0, "{argv:?}");
        assert!(code == 0 || state == State::demo(), "{argv:?}");
        state = State::demo();
        state.service.running = false;
        let stopped = order(&mut state, argv);
        assert_eq!((stopped.code, stopped.stdout.len()), (253, 0), "{argv:?}");
    }
}

#[test]
fn refusals_have_words_and_change_nothing() {
    type Change = fn(&mut State);
    let offline: Change = |state| state.licensing.network = false;
    let gone: Change = |state| state.licensing.installed = None;
    let full: Change = |state| known(state, DEMO_SUBLICENSE_KEY).seats_left = Some(0);
    let suspended: Change = |state| known(state, DEMO_TRIAL_KEY).terms.suspended = true;
    let expired: Change = |state| known(state, DEMO_TRIAL_KEY).terms.standing = Standing::Expired;
    let withdrawn: Change = |state| known(state, DEMO_TRIAL_KEY).valid = false;
    let sub = ["install-license", "-k", DEMO_SUBLICENSE_KEY];
    let trial = ["install-license", "-k", DEMO_TRIAL_KEY];
    let table: [(Change, &[&str], LicenseRefusal); 10] = [
        (offline, &sub, LicenseRefusal::Network),
        (offline, &["update-license"], LicenseRefusal::Network),
        (offline, &["deactivate-license"], LicenseRefusal::Network),
        (gone, &["update-license"], LicenseRefusal::NotInstalled),
        (gone, &["deactivate-license"], LicenseRefusal::NotInstalled),
        (full, &sub, LicenseRefusal::NoSeats),
        (suspended, &trial, LicenseRefusal::Suspended),
        (expired, &trial, LicenseRefusal::Expired),
        (withdrawn, &trial, LicenseRefusal::UnknownKey),
        (|_| (), &["install-license", "-k", UNKNOWN], LicenseRefusal::UnknownKey),
    ];
    for (change, argv, refusal) in table {
        let mut state = State::demo();
        change(&mut state);
        let before = state.clone();
        let answer = order(&mut state, argv);
        let verb = argv[0].trim_end_matches("-license");
        let words = format!("Failed to {verb} the license: {refusal}\n");
        assert_eq!((answer.code, stderr(&answer)), (255, words.as_str()));
        assert!(state == before && !answer.effects.contains(&Effect::WriteLicenses), "{argv:?}");
    }
}

#[test]
fn a_seat_is_taken_once_and_given_back() {
    let mut state = unlicensed();
    let sub = ["install-license", "-k", DEMO_SUBLICENSE_KEY, "-n", "Ada", "-c", "Example"];
    for _ in 0..2 {
        assert_eq!(order(&mut state, &sub).code, 0);
        assert_eq!(seats(&state, DEMO_SUBLICENSE_KEY), 0);
    }
    assert_eq!(info(&mut state)["organization"], json!("Example"));
    assert_eq!(file(&state)["parent_key"], json!(DEMO_KEY));
    assert_eq!(file(&state)["is_sublicense"], json!(true));
    assert_eq!(order(&mut state, &["install-license", "-k", DEMO_KEY]).code, 0);
    assert_eq!((seats(&state, DEMO_SUBLICENSE_KEY), seats(&state, DEMO_KEY)), (1, 49));
    assert_eq!(order(&mut state, &["deactivate-license"]).code, 0);
    assert_eq!((seats(&state, DEMO_KEY), info(&mut state)), (50, json!({})));

    order(&mut state, &sub);
    state.licensing.network = false;
    assert_eq!(order(&mut state, &["deactivate-license", "--skip-network-errors"]).code, 0);
    assert_eq!((seats(&state, DEMO_SUBLICENSE_KEY), info(&mut state)), (0, json!({})));
}

#[test]
fn a_change_at_the_server_is_known_after_an_update_only() {
    let mut state = unlicensed();
    assert_eq!(order(&mut state, &["install-license", "-k", DEMO_BUSINESS_KEY]).code, 0);
    let terms = &mut known(&mut state, DEMO_BUSINESS_KEY).terms;
    terms.edition = "enterprise".to_owned();
    terms.suspended = true;
    assert_eq!(info(&mut state)["edition"], json!("business"));
    assert_eq!(order(&mut state, &["update-license"]).code, 0);
    let license = info(&mut state);
    assert_eq!((&license["edition"], &license["status"]), (&json!("enterprise"), &json!("INVALID")));
    assert_eq!(file(&state)["is_suspended"], json!(true));

    known(&mut state, DEMO_BUSINESS_KEY).valid = false;
    known(&mut state, DEMO_BUSINESS_KEY).terms.suspended = false;
    assert_eq!(order(&mut state, &["update-license"]).code, 255);
    assert_eq!(info(&mut state)["status"], json!("INVALID"));
}

#[test]
fn a_deferred_activation_takes_its_seat_with_the_next_update() {
    let mut state = unlicensed();
    state.licensing.network = false;
    let argv = ["install-license", "-k", DEMO_SUBLICENSE_KEY, "--deferred"];
    assert_eq!(order(&mut state, &argv).code, 0);
    let license = info(&mut state);
    assert_eq!(
        (&license["deferred_activation"], &license["activation_type"]),
        (&json!("enabled"), &json!(""))
    );
    assert_eq!(seats(&state, DEMO_SUBLICENSE_KEY), 1);
    assert_eq!(order(&mut state, &["update-license"]).code, 255);
    state.licensing.network = true;
    assert_eq!(order(&mut state, &["update-license"]).code, 0);
    assert_eq!(seats(&state, DEMO_SUBLICENSE_KEY), 0);
    assert_eq!(info(&mut state)["deferred_activation"], json!("disabled"));
}

#[test]
fn a_user_signs_in_and_follows_the_group() {
    let mut state = unlicensed();
    assert_eq!(state.sign_in("eve@example.com"), Err(LicenseRefusal::UnknownUser));
    assert_eq!(state.sign_in("bob@example.com"), Ok(()));
    let license = info(&mut state);
    assert_eq!((&license["activation_type"], &license["user"]), (&json!("SSO"), &json!("bob@example.com")));
    assert_eq!(json_of(&order(&mut state, &["info", "-j"]))["Signed In"], json!("yes"));
    assert_eq!(
        (file(&state)["lic_key"].as_str(), seats(&state, DEMO_SUBLICENSE_KEY)),
        (Some(DEMO_SUBLICENSE_KEY), 0)
    );

    state.licensing.users.insert("bob@example.com".to_owned(), DEMO_KEY.to_owned());
    assert_eq!(order(&mut state, &["update-license"]).code, 0);
    assert_eq!((file(&state)["lic_key"].as_str(), seats(&state, DEMO_SUBLICENSE_KEY)), (Some(DEMO_KEY), 1));

    state.licensing.users.remove("bob@example.com");
    assert_eq!(order(&mut state, &["update-license"]).code, 255);
    assert_eq!(info(&mut state)["status"], json!("INVALID"));
    assert_eq!(order(&mut state, &["deactivate-license"]).code, 0);
    assert!(!state.service.signed_in);
    state.licensing.network = false;
    assert_eq!(state.sign_in("ada@example.com"), Err(LicenseRefusal::Network));
}

#[test]
fn a_broken_license_fails_as_json_until_it_is_replaced() {
    for heal in [&["install-license", "-k", DEMO_KEY][..], &["deactivate-license"]] {
        let mut state = State::demo();
        state.licensing.bad_state = true;
        let answer = order(&mut state, &["info", "--license", "--json"]);
        assert_eq!((answer.code, answer.stdout.len()), (255, 0));
        assert_eq!(
            stderr(&answer),
            "PrlHandle_FromString: Invalid argument. An invalid argument was passed.\n"
        );
        assert!(stdout(&order(&mut state, &["info", "--license"])).contains("status=\"INVALID\""));
        assert_eq!(order(&mut state, heal).code, 0);
        assert_eq!(order(&mut state, &["info", "--license", "--json"]).code, 0);
    }
}

#[test]
fn quirks_bend_the_license_too() {
    let mut state = State::demo();
    state.quirks.unmasked_serial = true;
    state.quirks.old_license_keys = true;
    let license = info(&mut state);
    assert_eq!((&license["serial"], &license["product"]), (&json!(DEMO_KEY), &json!(7)));
    state.quirks = Quirks { edition_noise: true, ..Quirks::default() };
    let text = order(&mut state, &["info", "--license", "-j"]);
    assert!(stdout(&text).starts_with(EDITION_NOISE));
    state.quirks = Quirks { no_info_json: true, ..Quirks::default() };
    assert_eq!(order(&mut state, &["info", "--license", "-j"]).code, 1);
}

#[test]
fn the_service_is_started_as_the_switch_has_it() {
    let label = "system/com.parallels.desktop.launchdaemon";
    let ways: [(Tool, &[&str]); 6] = [
        (Tool::Open, &["-a", "Parallels Desktop"]),
        (Tool::Open, &["-g", "-j", "-a", "/Applications/Parallels Desktop.app"]),
        (Tool::ParallelsService, &["service_start"]),
        (Tool::ParallelsService, &["service_restart"]),
        (Tool::Launchctl, &["kickstart", label]),
        (Tool::Launchctl, &["kickstart", "-k", label]),
    ];
    for (tool, argv) in ways {
        for (start, good, running) in
            [(Start::Works, true, true), (Start::Fails, false, false), (Start::InVain, true, false)]
        {
            let mut state = State::demo();
            state.service.running = false;
            state.service.start = start;
            let answer = ask(&mut state, 0, tool, argv);
            assert_eq!(
                (answer.code == 0, state.service.running),
                (good, running),
                "{tool:?} {argv:?} {start:?}"
            );
            assert_eq!(stderr(&answer).is_empty(), good);
            assert_eq!(order(&mut state, &["update-license"]).code, if running { 0 } else { 253 });
        }
    }
}

#[test]
fn what_cannot_start_the_service_does_not() {
    let mut state = State::demo();
    assert_eq!(ask(&mut state, 0, Tool::ParallelsService, &["service_stop"]).code, 0);
    let table: [(Tool, &[&str], i32); 8] = [
        (Tool::Open, &[], 1),
        (Tool::Open, &["-a"], 1),
        (Tool::Open, &["-a", "Chess"], 1),
        (Tool::Open, &["--frob"], 1),
        (Tool::ParallelsService, &[], 1),
        (Tool::ParallelsService, &["dance"], 1),
        (Tool::Launchctl, &["kickstart"], 64),
        (Tool::Launchctl, &["kickstart", "system/com.example"], 113),
    ];
    for (tool, argv, code) in table {
        assert_eq!(ask(&mut state, 0, tool, argv).code, code, "{tool:?} {argv:?}");
        assert!(!state.service.running);
    }
    state.users.values_mut().for_each(|user| user.logged_in = false);
    assert_eq!(ask(&mut state, 0, Tool::Open, &["-a", "Parallels Desktop"]).code, 1);
    assert_eq!(ask(&mut state, 0, Tool::ParallelsService, &["service_start"]).code, 0);
}

#[test]
fn a_patch_takes_the_license_away_and_a_short_state_has_none() {
    let mut value = serde_json::to_value(State::demo()).unwrap();
    merge_patch(
        &mut value,
        &json!({"licensing": {"installed": null, "keys": {DEMO_KEY: {"seats_left": null}}}}),
    );
    let state: State = serde_json::from_value(value).unwrap();
    assert_eq!((&state.licensing.installed, state.licensing.keys[DEMO_KEY].seats_left), (&None, None));
    let short =
        json!({"licensing": {"keys": {UNKNOWN: {"edition": "pro", "valid": false, "seats_left": 3}}}});
    let short: State = serde_json::from_value(short).unwrap();
    let key = &short.licensing.keys[UNKNOWN];
    assert_eq!((key.valid, key.seats_left, key.terms.edition.as_str()), (false, Some(3), "pro"));
    assert!(short.licensing.network && short.licensing.installed.is_none());
}
