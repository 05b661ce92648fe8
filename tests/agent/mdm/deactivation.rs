//! Giving the license back by script, and by the key `DeactivationOrder` of a profile.

use meridian::simulator::{Installed, State};

use super::*;

fn has_license(state: &State) -> bool {
    state.licensing.installed.is_some()
}

/// A Mac with a license.
async fn licensed() -> (TestEnvironment, Installed) {
    let environment = Setup::default().start().await;
    install(&environment);
    environment.until_enrolled().await;
    let installed = environment.mac().licensing.installed.unwrap();
    (environment, installed)
}

fn activate(environment: &TestEnvironment, license: &Installed) {
    environment.edit(|state| state.licensing.installed = Some(license.clone()));
}

fn deactivations(environment: &TestEnvironment) -> usize {
    let calls = environment.calls();
    calls.iter().filter(|call| call.argv.first().is_some_and(|verb| verb == "deactivate-license")).count()
}

#[tokio::test]
async fn a_script_gives_the_license_back_once_for_each_name() {
    let (mut environment, license) = licensed().await;
    let root = environment.root().to_owned();
    let jamf = "jamf/scripts/deactivate-license.sh";
    for (name, order) in [
        (jamf, "a"),
        ("intune/scripts/deactivate-license.sh", "b"),
        ("fleet/scripts/deactivate-license.sh", "c"),
    ] {
        activate(&environment, &license);
        for verdict in ["The license is given back", "this order was carried out before"] {
            let reply = match name == jamf {
                true => script(&root, name, &["/", "mac", "ada", order]).await,
                false => edited(&root, name, order).await,
            };
            assert_eq!((reply.code, reply.stderr.as_str()), (0, ""), "{reply:?}");
            assert!(reply.stdout.lines().last().unwrap().contains(verdict), "{reply:?}");
            assert!(!has_license(&environment.mac()));
        }
        let unnamed = script(&root, name, &["/", "mac", "ada"]).await;
        assert_eq!((unnamed.code, unnamed.stdout.as_str()), (2, ""), "{unnamed:?}");
    }
    assert_eq!(deactivations(&environment), 3);

    environment.kill_agent().await;
    activate(&environment, &license);
    let dead = script(&root, jamf, &["/", "mac", "ada", "d"]).await;
    assert_eq!(dead.code, 0, "it needs no daemon: {dead:?}");
    assert!(!has_license(&environment.mac()));
    std::fs::remove_file(environment.paths().executable()).unwrap();
    assert_eq!(script(&root, jamf, &["/", "mac", "ada", "d"]).await.code, 1);
}

#[tokio::test]
async fn an_order_of_the_profile_is_carried_out_once_and_another_name_again() {
    let (mut environment, license) = licensed().await;
    let order = |name: &str| json!({ "DeactivationOrder": name });
    environment.change_profile(&order("move-1"));
    environment.until_mac("without a license", |state| !has_license(state)).await;
    environment
        .until("told of", |status| {
            status.license.deactivation.as_ref().is_some_and(|done| done.order.as_deref() == Some("move-1"))
        })
        .await;

    // The Mac is activated again while the profile still says the same: after a start, and when it was away.
    activate(&environment, &license);
    environment.sync().await;
    environment.kill_agent().await;
    environment.start_agent();
    environment.sync().await;
    environment.change_profile(&json!({ "DeactivationOrder": null }));
    environment.sync().await;
    environment.change_profile(&order("move-1"));
    environment.sync().await;
    let reply = environment.cli(["deactivate-license", "--id", "move-1"]).await;
    assert!(
        reply.stdout.contains("carried out before"),
        "the command and the key share the names: {reply:?}"
    );
    assert!(has_license(&environment.mac()));
    assert_eq!(deactivations(&environment), 1);

    environment.change_profile(&order("move-2"));
    environment.until_mac("without a license", |state| !has_license(state)).await;

    activate(&environment, &license);
    let reply = environment.cli(["deactivate-license", "--id", "by-hand"]).await;
    assert_eq!(reply.code, 0, "{reply:?}");
    activate(&environment, &license);
    environment.change_profile(&order("by-hand"));
    environment.sync().await;
    assert!(has_license(&environment.mac()), "the command carried it out already");
}

#[tokio::test]
async fn a_badly_named_order_is_a_problem_and_nothing_else() {
    let (environment, _) = licensed().await;
    environment.change_profile(&json!({ "DeactivationOrder": " " }));
    environment.until_problem("profile-key-invalid").await;
    assert!(has_license(&environment.mac()));
}

#[tokio::test]
async fn where_the_record_of_orders_is_lost_nothing_is_given_back_again() {
    let (mut environment, license) = licensed().await;
    environment.change_profile(&json!({ "DeactivationOrder": "move-1" }));
    environment.until_mac("without a license", |state| !has_license(state)).await;
    environment.until("told", |status| status.license.deactivation.is_some()).await;
    environment.kill_agent().await;
    activate(&environment, &license);
    let private = environment.paths().private();
    for entry in std::fs::read_dir(&private).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("deactivation") && !name.ends_with(".lock") {
            lay(&path, "{");
        }
    }
    environment.start_agent();
    environment.sync().await;
    assert!(has_license(&environment.mac()));
    environment.change_profile(&json!({ "DeactivationOrder": "move-2" }));
    environment.until_mac("without a license", |state| !has_license(state)).await;
}
