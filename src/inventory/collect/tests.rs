use std::sync::{Arc, Mutex};

use super::*;
use crate::domain::ids::Uid;
use crate::hypervisor::outcome::Output;
use crate::paths::Paths;

const ONE: &str = "11111111-0000-4000-8000-000000000001";
const TWO: &str = "22222222-0000-4000-8000-000000000002";

const USERS: &str =
    r#"[{"NAME": "bert@mac"}, {"NAME": "anna@mac"}, {"NAME": "carla@far"}, {"NAME": "root@mac"}]"#;
const ACCOUNTS: &str = "root 0\nanna 501\nbert 502\n_mdm 600\n";

type Calls = Arc<Mutex<Vec<String>>>;

/// A Mac of anna and bert whose `prlctl` answers by `vms`; the calls are written down as `user: tool arguments`.
fn mac(vms: impl Fn(&str, &str) -> Output + Send + 'static) -> (Runner, Calls) {
    let calls = Calls::default();
    let seen = Arc::clone(&calls);
    let runner = Runner::answering(Paths::under("/scratch"), move |call| {
        let user = call.as_user.as_ref().map_or("root", |user| user.name.as_str());
        let tool = call.program.file_name().unwrap().to_str().unwrap();
        let arguments = call.argv.join(" ");
        seen.lock().unwrap().push(format!("{user}: {tool} {arguments}"));
        match tool {
            "prlsrvctl" => Output::success(USERS),
            "dscl" => Output::success(ACCOUNTS),
            _ => vms(user, &arguments),
        }
    });
    (runner, calls)
}

fn list(ids: &[&str]) -> Output {
    let members = ids.iter().map(|id| format!(r#"{{"ID": "{id}", "Name": "x", "Home": "/h/{id}"}}"#));
    Output::success(format!("[{}]", members.collect::<Vec<_>>().join(",")))
}

fn owners(snapshot: &Snapshot) -> BTreeMap<String, Vec<u32>> {
    let uids = |vm: &Vm| vm.owners.iter().map(|owner| owner.uid.0).collect();
    snapshot.vms.values().map(|vm| (vm.id.to_string(), uids(vm))).collect()
}

#[tokio::test]
async fn each_user_is_asked_once_and_a_shared_machine_has_two_owners() {
    let (runner, calls) = mac(|user, _| if user == "anna" { list(&[ONE, TWO]) } else { list(&[TWO]) });
    let mut collector = Collector::default();
    let snapshot = collector.collect(&runner).await.known().unwrap();
    assert_eq!(
        owners(&snapshot),
        BTreeMap::from([(ONE.to_owned(), vec![501]), (TWO.to_owned(), vec![501, 502])])
    );
    assert!(snapshot.is_complete());
    let lists = ["anna: prlctl list -a -i -j", "bert: prlctl list -a -i -j"];
    assert_eq!(
        *calls.lock().unwrap(),
        ["root: prlsrvctl user list -j", "root: dscl . -list /Users UniqueID", lists[0], lists[1]]
    );
    calls.lock().unwrap().clear();
    assert_eq!(collector.collect(&runner).await, Answer::Known(snapshot));
    assert_eq!(*calls.lock().unwrap(), lists, "who the users are is known by now");
}

#[tokio::test]
async fn an_empty_home_is_asked_for_once() {
    let (runner, calls) = mac(|_, arguments| match arguments {
        "list -a -i -j" => Output::success(format!(r#"[{{"ID": "{ONE}", "Home": ""}}, {{"ID": "{TWO}"}}]"#)),
        details if details.contains(ONE) => list(&[ONE]),
        _ => Output::success(format!(r#"[{{"ID": "{TWO}", "Home": ""}}]"#)),
    });
    let mut collector = Collector::default();
    for _ in 0..2 {
        let snapshot = collector.collect(&runner).await.known().unwrap();
        let homes: Vec<_> = snapshot.vms.values().map(|vm| vm.storage.home.clone()).collect();
        assert_eq!(homes, [Some(format!("/h/{ONE}")), None]);
    }
    let details = calls.lock().unwrap().iter().filter(|call| call.contains("-4000-")).count();
    assert_eq!(details, 2);
}

#[tokio::test]
async fn none_and_not_asked_are_different_answers() {
    let (runner, _) = mac(|user, _| match user {
        "anna" => Output::success("[]"),
        _ => Output::failure(113, "Could not find domain for user 502"),
    });
    let snapshot = Collector::default().collect(&runner).await.known().unwrap();
    let answers: Vec<_> =
        snapshot.listings.iter().map(|listing| (listing.user.uid, listing.answer.clone())).collect();
    assert_eq!(answers, [(Uid(501), Answer::Known(0)), (Uid(502), Answer::NotLoggedIn)]);
    assert!(!snapshot.is_complete());

    let (runner, _) = mac(|_, _| Output::success(""));
    let snapshot = Collector::default().collect(&runner).await.known().unwrap();
    assert!(snapshot.listings.iter().all(|listing| matches!(listing.answer, Answer::CouldNotAsk(_))));
}

#[tokio::test]
async fn a_stopped_service_ends_the_round() {
    let (runner, calls) = mac(|_, _| Output::failure(253, ""));
    assert_eq!(Collector::default().collect(&runner).await, Answer::ServiceStopped);
    assert_eq!(calls.lock().unwrap().len(), 3, "the second user is not asked");
    let stopped = Runner::answering(Paths::under("/scratch"), |_| Output::failure(253, ""));
    assert_eq!(Collector::default().collect(&stopped).await, Answer::ServiceStopped);
}

#[tokio::test]
async fn machines_of_a_user_who_logged_out_are_kept_and_removed_ones_are_not() {
    let (all, _) = mac(|user, _| if user == "anna" { list(&[ONE]) } else { list(&[ONE, TWO]) });
    let last = Collector::default().collect(&all).await.known().unwrap();
    let (later, _) = mac(|user, _| match user {
        "anna" => list(&[]),
        _ => Output::failure(1, "not logged in"),
    });
    let snapshot = Collector::default().collect(&later).await.known().unwrap().keeping(&last.vms);
    assert_eq!(owners(&snapshot), BTreeMap::from([(ONE.to_owned(), vec![502]), (TWO.to_owned(), vec![502])]));
    let two = &snapshot.vms[&TWO.parse().unwrap()];
    assert_eq!(snapshot.way_to(two), None, "nobody through whom to change it now");
    assert_eq!(last.way_to(&last.vms[&ONE.parse().unwrap()]).map(|user| user.uid), Some(Uid(501)));
}

#[tokio::test]
async fn a_bad_machine_is_listed_as_a_problem_of_its_user() {
    let (runner, _) = mac(|user, _| match user {
        "anna" => Output::success(format!(r#"[7, {{"ID": "{ONE}"}}]"#)),
        _ => list(&[]),
    });
    let snapshot = Collector::default().collect(&runner).await.known().unwrap();
    assert_eq!(snapshot.vms.len(), 1);
    assert_eq!(
        snapshot.bad.iter().map(|bad| (bad.user.uid, bad.member.index)).collect::<Vec<_>>(),
        [(Uid(501), 0)]
    );
}
