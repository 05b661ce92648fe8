use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::catalog::Kind;
use crate::domain::ids::PolicyId;

fn key(name: &str) -> Key {
    Key::named(name).unwrap()
}

fn origin(kind: LayerKind, n: u64) -> Origin {
    match kind {
        LayerKind::Local => Origin::SecurityTab,
        LayerKind::LicenseProfile => Origin::LicenseProfile { name: format!("profile {n}") },
        LayerKind::Profile => {
            Origin::Profile { file: "agent.plist".to_owned(), payload: None, manual: false }
        }
        LayerKind::Policy => {
            Origin::Policy { id: PolicyId::of(uuid::Uuid::nil()), name: "Macs".to_owned(), revision: n }
        }
    }
}

fn layer(kind: LayerKind, items: &[(&str, Json)]) -> Layer {
    Layer::read(kind, origin(kind, 1), items.iter().map(|(name, value)| (*name, value)))
}

/// What becomes of a setting, in a word.
fn word(effective: &Effective, name: &str) -> String {
    match effective.settings.get(&key(name)).map(|resolved| &resolved.outcome) {
        None => "unmanaged".to_owned(),
        Some(Outcome::Holds(winner)) => format!("{} by {}", winner.value, winner.layer.title()),
        Some(Outcome::Lifted) => "lifted".to_owned(),
        Some(Outcome::Undecided) => "undecided".to_owned(),
    }
}

fn losers<'a>(effective: &'a Effective, name: &str) -> Vec<(LayerKind, &'a Value, Lost)> {
    let resolved = &effective.settings[&key(name)];
    resolved.overridden.iter().map(|(loser, lost)| (loser.layer, &loser.value, *lost)).collect()
}

#[test]
fn rule_1_the_highest_layer_that_names_a_setting_wins() {
    use LayerKind::{LicenseProfile, Policy, Profile};
    let name = "updates.check";
    let said = [(LicenseProfile, "daily"), (Profile, "weekly"), (Policy, "monthly")];
    let layers: Vec<_> = said.iter().map(|(kind, value)| layer(*kind, &[(name, json!(value))])).collect();
    for (given, outcome) in [
        (&layers[..0], "unmanaged"),
        (&layers[..1], "daily by license-bound profile"),
        (&layers[..2], "weekly by profile"),
        (&layers[..], "monthly by policy"),
    ] {
        assert_eq!(word(&resolve(given), name), outcome);
    }
    assert_eq!(
        losers(&resolve(&layers), name),
        [
            (Profile, &Value::text("weekly"), Lost::Superseded),
            (LicenseProfile, &Value::text("daily"), Lost::Superseded),
        ]
    );
}

#[test]
fn rule_2_a_policy_silences_the_local_layer_as_a_whole() {
    let local =
        layer(LayerKind::Local, &[("restrict.add_vm", json!(true)), ("restrict.clone_vm", json!(false))]);
    let before = resolve(std::slice::from_ref(&local));
    assert!(!before.policy_assigned);
    assert_eq!(word(&before, "restrict.add_vm"), "on by local restriction");
    assert_eq!(word(&before, "restrict.clone_vm"), "off by local restriction");
    assert_eq!(word(&before, "restrict.create_vm"), "unmanaged");

    for policy in [json!({}), json!({"vm.isolate": true}), json!({"vm.colour": "blue"})] {
        let items = policy.as_object().unwrap();
        let items: Vec<_> = items.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let after = resolve(&[local.clone(), layer(LayerKind::Policy, &items)]);
        assert!(after.policy_assigned);
        assert_eq!(word(&after, "restrict.add_vm"), "lifted", "{policy}");
        assert_eq!(word(&after, "restrict.clone_vm"), "lifted");
        assert_eq!(after.value(key("restrict.add_vm")), None);
        assert_eq!(
            losers(&after, "restrict.add_vm"),
            [(LayerKind::Local, &Value::Switch(true), Lost::SilencedByPolicy)],
            "shown, not dropped"
        );
    }
    let policy = layer(LayerKind::Policy, &[("restrict.add_vm", json!(false))]);
    assert_eq!(word(&resolve(&[local, policy]), "restrict.add_vm"), "off by policy");
}

#[test]
fn rule_6_a_derived_value_names_where_it_comes_from() {
    for (source, implied) in [
        ("vms.corporate_only", &["restrict.create_vm", "restrict.add_vm", "restrict.clone_vm"][..]),
        ("vms.keep_corporate", &["restrict.remove_vm"]),
    ] {
        let on = resolve(&[layer(LayerKind::Policy, &[(source, json!(true))])]);
        assert_eq!(on.settings.len(), 1 + implied.len());
        for name in implied {
            let Outcome::Holds(winner) = &on.settings[&key(name)].outcome else { panic!("{name}") };
            assert_eq!((&winner.value, winner.derived_from), (&Value::Switch(true), Some(key(source))));
            assert!(on.is_on(name));
        }
        let off = resolve(&[layer(LayerKind::Policy, &[(source, json!(false))])]);
        assert_eq!(off.settings.keys().copied().collect::<Vec<_>>(), [key(source)], "off implies nothing");
    }
}

#[test]
fn within_a_policy_the_stricter_value_holds() {
    for (named, derived_from, lost) in
        [(true, None, Lost::Repeated), (false, Some(key("vms.corporate_only")), Lost::Stricter)]
    {
        let policy = layer(
            LayerKind::Policy,
            &[("vms.corporate_only", json!(true)), ("restrict.add_vm", json!(named))],
        );
        let effective = resolve(&[policy]);
        let Outcome::Holds(winner) = &effective.settings[&key("restrict.add_vm")].outcome else { panic!() };
        assert_eq!((&winner.value, winner.derived_from), (&Value::Switch(true), derived_from));
        assert_eq!(losers(&effective, "restrict.add_vm"), [(LayerKind::Policy, &Value::Switch(named), lost)]);
    }
}

#[test]
fn two_of_the_same_rank_are_told_apart_by_name() {
    let profile = |n, value: &str| {
        let value = json!(value);
        Layer::read(
            LayerKind::LicenseProfile,
            origin(LayerKind::LicenseProfile, n),
            [("updates.check", &value)],
        )
    };
    let effective = resolve(&[profile(2, "daily"), profile(1, "weekly")]);
    assert_eq!(word(&effective, "updates.check"), "weekly by license-bound profile");
    assert_eq!(
        losers(&effective, "updates.check"),
        [(LayerKind::LicenseProfile, &Value::text("daily"), Lost::Contradicted)]
    );
}

#[test]
fn a_typing_error_of_a_policy_takes_no_restriction_away() {
    let local =
        layer(LayerKind::Local, &[("restrict.add_vm", json!(true)), ("restrict.remove_vm", json!(true))]);
    let policy =
        layer(LayerKind::Policy, &[("vms.corporate_only", json!("yes")), ("restrict.preferences", json!(1))]);
    let effective = resolve(&[local, policy]);
    for (name, outcome) in [
        ("vms.corporate_only", "undecided"),
        ("restrict.create_vm", "undecided"),
        ("restrict.add_vm", "undecided"),
        ("restrict.clone_vm", "undecided"),
        ("restrict.preferences", "undecided"),
        ("restrict.remove_vm", "lifted"),
        ("vm.isolate", "unmanaged"),
    ] {
        assert_eq!(word(&effective, name), outcome, "{name}");
    }
    assert_eq!(effective.settings[&key("restrict.preferences")].problems.len(), 1);

    let profile = layer(LayerKind::Profile, &[("updates.check", json!("weekly"))]);
    let policy = layer(LayerKind::Policy, &[("updates.check", json!("hourly"))]);
    let effective = resolve(&[profile, policy]);
    assert_eq!(word(&effective, "updates.check"), "weekly by profile", "the highest valid value");
    assert_eq!(effective.settings[&key("updates.check")].problems[0].layer, LayerKind::Policy);
}

/// A value that some setting takes, or none does.
fn any_json() -> impl Strategy<Value = Json> {
    prop_oneof![
        4 => any::<bool>().prop_map(Json::Bool),
        3 => proptest::sample::select(vec!["weekly", "daily", "background", "shared", "2027-01-31"])
            .prop_map(Json::from),
        2 => (0..3).prop_map(|n| Json::from(format!("https://example.com/{n}"))),
        2 => proptest::sample::select(vec![Json::Null, json!(7), json!("wrong"), json!([])]),
    ]
}

/// Mostly settings of the catalog with the restrictions favored, where layers meet, and sometimes a stranger.
fn any_name() -> impl Strategy<Value = String> {
    let all: Vec<_> = Key::all().map(Key::name).collect();
    let met: Vec<_> = all.iter().copied().filter(|name| !name.starts_with("vm.")).collect();
    prop_oneof![
        6 => proptest::sample::select(met).prop_map(str::to_owned),
        3 => proptest::sample::select(all).prop_map(str::to_owned),
        1 => "x[a-c]".prop_map(String::from),
    ]
}

fn any_layer() -> impl Strategy<Value = Layer> {
    let kinds = [LayerKind::Local, LayerKind::LicenseProfile, LayerKind::Profile, LayerKind::Policy].to_vec();
    let items = proptest::collection::btree_map(any_name(), any_json(), 0..14);
    (proptest::sample::select(kinds), 0_u64..3, proptest::option::of(0_i64..3), items).prop_map(
        |(kind, n, since, items)| {
            let named = items.iter().map(|(name, value)| (name.as_str(), value));
            let mut layer = Layer::read(kind, origin(kind, n), named);
            layer.since = since.map(|second| Timestamp::from_second(second).unwrap());
            layer
        },
    )
}

/// Layers as any code might give them, some of a kind twice.
fn any_layers() -> impl Strategy<Value = Vec<Layer>> {
    proptest::collection::vec(any_layer(), 0..7)
}

fn policy_assigned(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| layer.kind == LayerKind::Policy)
}

/// The valid values given to a setting, named or implied, with their layers.
fn given(layers: &[Layer], key: Key) -> Vec<(LayerKind, Value)> {
    let mut given = Vec::new();
    for layer in layers {
        for (named, item) in &layer.items {
            let Ok(value) = item else { continue };
            if *named == key || (value.is_on() && named.implies().any(|implied| implied == key)) {
                given.push((layer.kind, value.clone()));
            }
        }
    }
    given.sort();
    given
}

/// The settings that layers name or could imply, well or badly.
fn touched(layers: &[Layer]) -> BTreeSet<Key> {
    let named = layers.iter().flat_map(|layer| layer.items.keys().copied());
    named.flat_map(|key| key.implies().chain([key])).collect()
}

proptest! {
    #[test]
    fn the_order_of_the_layers_is_irrelevant(
        (layers, shuffled) in any_layers().prop_flat_map(|layers| (Just(layers.clone()), Just(layers).prop_shuffle())),
    ) {
        prop_assert_eq!(resolve(&layers), resolve(&shuffled));
    }

    #[test]
    fn the_highest_valid_value_wins_and_every_loser_is_listed(layers in any_layers()) {
        let effective = resolve(&layers);
        let silenced = |kind: LayerKind| kind == LayerKind::Local && policy_assigned(&layers);
        for (key, resolved) in &effective.settings {
            let said = given(&layers, *key);
            let highest = said.iter().map(|(kind, _)| *kind).filter(|kind| !silenced(*kind)).max();
            let mut listed: Vec<_> =
                resolved.overridden.iter().map(|(loser, _)| (loser.layer, loser.value.clone())).collect();
            if let Outcome::Holds(winner) = &resolved.outcome {
                prop_assert_eq!(Some(winner.layer), highest);
                let rank = key.setting().kind == Kind::Restriction;
                prop_assert!(!rank || winner.value.is_on() || !said.contains(&(winner.layer, Value::Switch(true))));
                listed.push((winner.layer, winner.value.clone()));
            } else {
                prop_assert_eq!(highest, None);
            }
            listed.sort();
            prop_assert_eq!(listed, said);
            for (loser, lost) in &resolved.overridden {
                let same_layer = Some(loser.layer) == highest;
                prop_assert_eq!(*lost == Lost::SilencedByPolicy, silenced(loser.layer));
                prop_assert_eq!(matches!(lost, Lost::Stricter | Lost::Contradicted | Lost::Repeated), same_layer);
            }
        }
    }

    #[test]
    fn every_bad_item_and_stranger_is_listed(layers in any_layers()) {
        let effective = resolve(&layers);
        let bad = layers.iter().flat_map(|layer| layer.items.values()).filter(|item| item.is_err()).count();
        let strangers: usize = layers.iter().map(|layer| layer.strangers.len()).sum();
        let listed: usize = effective.settings.values().map(|resolved| resolved.problems.len()).sum();
        prop_assert_eq!((listed, effective.strangers.len()), (bad, strangers));
    }

    #[test]
    fn a_bad_item_changes_no_other_setting(
        layers in any_layers(),
        at in any::<proptest::sample::Index>(),
        name in proptest::sample::select(Key::all().collect::<Vec<_>>()),
    ) {
        prop_assume!(!layers.is_empty());
        let at = at.index(layers.len());
        let (mut without, mut with) = (layers.clone(), layers);
        without[at].items.remove(&name);
        with[at].items.insert(name, Err(Fault::misplaced(name.setting())));
        let (before, after) = (resolve(&without), resolve(&with));
        for key in Key::all().filter(|key| *key != name) {
            let (before, after) = (before.settings.get(&key), after.settings.get(&key));
            if before == after {
                continue;
            }
            prop_assert!(name.implies().any(|implied| implied == key), "{} changed by {}", key, name);
            prop_assert_eq!(with[at].kind, LayerKind::Policy);
            prop_assert_eq!(after.map(|resolved| &resolved.outcome), Some(&Outcome::Undecided));
            prop_assert!(!matches!(before.map(|resolved| &resolved.outcome), Some(Outcome::Holds(_))));
        }
        let value = |effective: &Effective| effective.value(name).cloned();
        prop_assert_eq!(value(&before), value(&after), "it counts as if it were not there");
    }

    #[test]
    fn with_a_policy_no_local_value_wins_and_without_one_every_unopposed_one_does(layers in any_layers()) {
        let effective = resolve(&layers);
        let assigned = policy_assigned(&layers);
        prop_assert_eq!(effective.policy_assigned, assigned);
        for key in touched(&layers) {
            let said = given(&layers, key);
            let opposed = said.iter().any(|(kind, _)| *kind != LayerKind::Local);
            let local = said.iter().any(|(kind, _)| *kind == LayerKind::Local);
            let wins = matches!(
                effective.settings.get(&key).map(|resolved| &resolved.outcome),
                Some(Outcome::Holds(winner)) if winner.layer == LayerKind::Local
            );
            prop_assert_eq!(wins, local && !opposed && !assigned, "{}", key);
        }
    }

    #[test]
    fn what_no_layer_names_or_implies_is_unmanaged(layers in any_layers()) {
        let touched = touched(&layers);
        for (key, resolved) in &resolve(&layers).settings {
            prop_assert!(touched.contains(key), "{}", key);
            prop_assert!(
                resolved.outcome == Outcome::Undecided || !given(&layers, *key).is_empty(),
                "{} is decided though nothing is said of it", key
            );
        }
    }
}
