//! What is remembered of each change: how it went, how often the value drifted, and when to try again. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::compliance::Standing;
use crate::catalog::{Key, Value};
use crate::domain::keyed::Keyed as _;
use crate::domain::subject::Subject;
use crate::plan::memory::{Attempt, Baseline, PerSetting, Went, entry, forget};
use crate::plan::{Change, Observed, Plan};
use crate::wire::checkin::ComplianceState;

/// Attempts that follow one another within this time count as one streak.
const STREAK: SignedDuration = SignedDuration::from_mins(10);

/// A contested setting is put right at once this often before the waits begin.
const FREE_ATTEMPTS: u32 = 3;

/// The longest wait before a contested or failed setting is tried again.
const LONGEST_WAIT_S: i64 = 300;

/// Writes into the baseline what the plan wants recorded and forgotten; true when something changed.
pub fn keep_records(baseline: &mut Baseline, attempts: &mut PerSetting<Attempt>, plan: &Plan) -> bool {
    for (subject, records) in &plan.record {
        let kept = baseline.records.entry(*subject).or_default();
        for (key, record) in records {
            kept.entry(*key).or_insert_with(|| record.clone());
        }
    }
    for (subject, key) in &plan.forget {
        forget(&mut baseline.records, *subject, *key);
        forget(attempts, *subject, *key);
    }
    !plan.record.is_empty() || !plan.forget.is_empty()
}

/// While an obstacle is to be seen, or an object is not, it is their end that is waited for and not a time: the first
/// observation after it then finds nothing that speaks against another try.
pub fn wait_for_the_end(attempts: &mut PerSetting<Attempt>, observed: &Observed) {
    for (subject, attempts) in attempts {
        let vm = match subject {
            Subject::Vm(vm) => observed.vms.get(vm),
            Subject::App | Subject::User(_) => None,
        };
        let sight = observed.sight(*subject);
        for attempt in attempts.values_mut() {
            let stands = match attempt.went {
                Went::Worked => false,
                Went::NeedsCustomPassword => sight.is_some_and(|sight| sight.custom_password),
                Went::VmLocked => vm.is_some_and(|vm| vm.locked),
                Went::Failed => sight.is_none(),
            };
            if stands {
                attempt.not_before = None;
            }
        }
    }
}

/// A change that the tool called done and that did not make the value so has failed; gives which. The first is tried again at
/// once: whoever was quicker than the look after it has that effect too.
pub fn doubt(
    attempts: &mut PerSetting<Attempt>,
    held: &PerSetting<Value>,
    observed: &Observed,
    touched: &BTreeSet<Subject>,
) -> Vec<(Subject, Key)> {
    let mut failed = Vec::new();
    for (subject, attempts) in attempts.iter_mut().filter(|(subject, _)| !touched.contains(subject)) {
        for (key, attempt) in attempts {
            let differs = observed.value(*subject, *key).is_some_and(|seen| *seen != attempt.to);
            if attempt.went == Went::Worked && differs && entry(held, *subject, *key) != Some(&attempt.to) {
                attempt.went = Went::Failed;
                let wait = attempt.streak.checked_sub(1).and_then(|streak| wait(Went::Failed, streak));
                attempt.not_before = wait.and_then(|wait| attempt.at.checked_add(wait).ok());
                failed.push((*subject, *key));
            }
        }
    }
    failed
}

/// Keeps which values were seen to be as they should, so that a later difference is known to be drift, also where the agent
/// never had to set them. What has no standing any more is forgotten; an object that is not seen now keeps what it had.
pub fn keep_held(held: &mut PerSetting<Value>, standings: &[Standing], observed: &Observed) {
    let is_seen = |subject: &Subject| match subject {
        Subject::App => observed.app.is_some(),
        Subject::Vm(vm) => observed.vms.contains_key(vm),
        Subject::User(uid) => observed.users.get(uid).is_some_and(Option::is_some),
    };
    let standing = standings.iter().map(|each| (each.subject, each.key)).distinct();
    for (subject, values) in held.iter_mut().filter(|(subject, _)| is_seen(subject)) {
        values.retain(|key, _| standing.contains(&(*subject, *key)));
    }
    for Standing { subject, key, state, observed, .. } in standings {
        if let (ComplianceState::Compliant, Some(value)) = (state, observed) {
            held.entry(*subject).or_default().insert(*key, value.clone());
        }
    }
    held.retain(|_, values| !values.is_empty());
}

/// Remembers how a change went; true when it was drift that was put right. `held` are the values that were seen to be as
/// they should; the next look tells whether this one is again.
pub fn remember(
    (attempts, held): (&mut PerSetting<Attempt>, &mut PerSetting<Value>),
    change: &Change,
    went: Went,
    now: Timestamp,
) -> bool {
    let last = entry(attempts, change.subject, change.key).filter(|last| last.to == change.to);
    let corrected = went == Went::Worked && entry(held, change.subject, change.key) == Some(&change.to);
    if went == Went::Worked {
        forget(held, change.subject, change.key);
    }
    let recent = last.filter(|last| now.duration_since(last.at) < STREAK);
    let streak = recent.map_or(0, |last| last.streak.saturating_add(1));
    let attempt = Attempt {
        to: change.to.clone(),
        went,
        at: now,
        not_before: wait(went, streak).and_then(|wait| now.checked_add(wait).ok()),
        streak,
        drifts: last.map_or(0, |last| last.drifts) + u32::from(corrected),
        drifted_at: if corrected { Some(now) } else { last.and_then(|last| last.drifted_at) },
    };
    attempts.entry(change.subject).or_default().insert(change.key, attempt);
    corrected
}

fn wait(went: Went, streak: u32) -> Option<SignedDuration> {
    let doubled = |from: i64, times: u32| from.saturating_mul(1 << times.min(16)).min(LONGEST_WAIT_S);
    match went {
        Went::Worked if streak < FREE_ATTEMPTS => None,
        Went::Worked => Some(SignedDuration::from_secs(doubled(1, streak - FREE_ATTEMPTS + 1))),
        Went::Failed | Went::NeedsCustomPassword | Went::VmLocked => {
            Some(SignedDuration::from_secs(doubled(30, streak)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Key, LayerKind};
    use crate::domain::ids::{Uid, VmId};
    use crate::plan::Why;
    use crate::plan::{Sight, VmSight};

    fn change(why: Why) -> Change {
        let key = Key::named("restrict.add_vm").unwrap();
        let (from, to) = (Some(Value::Switch(false)), Value::Switch(true));
        Change { subject: Subject::App, key, from, to, why: why.into() }
    }

    fn holds() -> Why {
        Why::Holds { layer: LayerKind::Policy, origin: String::new(), derived_from: None }
    }

    /// It was seen to be as it should before it drifted, or never.
    fn as_it_was(went: Went) -> PerSetting<Value> {
        let value = (went == Went::Worked).then(|| (change(holds()).key, Value::Switch(true)));
        [(Subject::App, value.into_iter().collect())].into()
    }

    /// Makes the change again as soon as it may be; gives the waits in seconds and the drifts counted.
    fn waits(went: Went, times: usize) -> (Vec<i64>, u32) {
        let mut attempts = PerSetting::new();
        let mut now = Timestamp::UNIX_EPOCH;
        let mut waits = Vec::new();
        let mut drifts = 0;
        for _ in 0..times {
            remember((&mut attempts, &mut as_it_was(went)), &change(holds()), went, now);
            let attempt = entry(&attempts, Subject::App, change(holds()).key).unwrap();
            waits.push(attempt.not_before.map_or(0, |until| until.duration_since(now).as_secs()));
            now = attempt.not_before.unwrap_or(now);
            drifts = attempt.drifts;
        }
        (waits, drifts)
    }

    #[test]
    fn drift_is_put_right_at_once_and_a_contested_setting_with_growing_waits() {
        assert_eq!(
            waits(Went::Worked, 14),
            (vec![0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300], 14)
        );
    }

    #[test]
    fn a_failure_is_tried_again_with_growing_waits_and_is_no_drift() {
        assert_eq!(waits(Went::Failed, 6), (vec![30, 60, 120, 240, 300, 300], 0));
    }

    #[test]
    fn rare_drift_never_waits() {
        let mut attempts = PerSetting::new();
        for hour in 0..50 {
            let now = Timestamp::from_second(hour * 3600).unwrap();
            let memory = (&mut attempts, &mut as_it_was(Went::Worked));
            assert!(remember(memory, &change(holds()), Went::Worked, now));
        }
        let attempt = entry(&attempts, Subject::App, change(holds()).key).unwrap();
        assert_eq!((attempt.not_before, attempt.drifts), (None, 50));
    }

    #[test]
    fn drift_of_what_was_so_before_it_was_assigned_counts() {
        let key = change(holds()).key;
        let seen = |value| Observed {
            app: Some(Sight { values: [(key, Value::Switch(value))].into(), custom_password: false }),
            ..Observed::default()
        };
        let standing = |state, value| {
            let observed = Some(Value::Switch(value));
            vec![Standing { subject: Subject::App, key, state, reason: None, observed }]
        };
        let (mut attempts, mut held) = (PerSetting::new(), PerSetting::new());
        let mut drifts = |held: &mut PerSetting<Value>, went| {
            remember((&mut attempts, held), &change(holds()), went, Timestamp::UNIX_EPOCH)
        };
        assert!(!drifts(&mut held, Went::Worked), "it was never as it should be");
        keep_held(&mut held, &standing(ComplianceState::Compliant, true), &seen(true));
        keep_held(&mut held, &standing(ComplianceState::Pending, false), &seen(false));
        assert!(!drifts(&mut held, Went::Failed), "not put right");
        assert!(drifts(&mut held, Went::Worked));
        assert!(!drifts(&mut held, Went::Worked), "the tool had lied");
        keep_held(&mut held, &standing(ComplianceState::Compliant, true), &seen(true));
        keep_held(&mut held, &[], &Observed::default());
        assert_eq!(held.len(), 1, "it was not to be seen");
        keep_held(&mut held, &[], &seen(true));
        assert_eq!(held.len(), 0, "no longer assigned");
    }

    #[test]
    fn an_obstacle_that_is_seen_is_waited_for_and_not_a_time() {
        let key = change(holds()).key;
        let sight = |custom_password| Sight { custom_password, ..Sight::default() };
        let vm = VmId::random();
        let with = |app: Option<bool>, locked: Option<bool>| Observed {
            app: app.map(sight),
            vms: locked
                .map(|locked| {
                    let sight = sight(false);
                    (vm, VmSight { sight, owner: Uid(501), mac_guest: false, locked })
                })
                .into_iter()
                .collect(),
            ..Observed::default()
        };
        let on_app = |went, observed| (Subject::App, went, observed);
        let on_vm = |went, observed| (Subject::Vm(vm), went, observed);
        for ((subject, went, observed), waits) in [
            (on_app(Went::NeedsCustomPassword, with(Some(true), None)), false),
            // It was refused all the same, or something else asked for a password: that is no reason to hurry.
            (on_app(Went::NeedsCustomPassword, with(Some(false), None)), true),
            (on_app(Went::Failed, with(None, None)), false),
            (on_app(Went::Failed, with(Some(false), None)), true),
            (on_app(Went::Worked, with(None, None)), true),
            (on_vm(Went::VmLocked, with(None, Some(true))), false),
            (on_vm(Went::VmLocked, with(None, Some(false))), true),
            (on_vm(Went::Failed, with(Some(true), None)), false),
        ] {
            let mut attempts = PerSetting::new();
            let mut changed = change(holds());
            changed.subject = subject;
            remember((&mut attempts, &mut PerSetting::new()), &changed, went, Timestamp::UNIX_EPOCH);
            attempts.get_mut(&subject).unwrap().get_mut(&key).unwrap().not_before = Some(Timestamp::MAX);
            wait_for_the_end(&mut attempts, &observed);
            let attempt = entry(&attempts, subject, key).unwrap();
            assert_eq!(attempt.not_before.is_some(), waits, "{subject} {went} {observed:?}");
        }
    }

    #[test]
    fn what_the_tool_called_done_and_is_not_to_be_seen_has_failed() {
        let key = change(holds()).key;
        let seen = |value| Observed {
            app: Some(Sight { values: [(key, Value::Switch(value))].into(), custom_password: false }),
            ..Observed::default()
        };
        let (untouched, touched) = (BTreeSet::new(), BTreeSet::from([Subject::App]));
        let mut attempts = PerSetting::new();
        let lie = |attempts: &mut _| {
            remember(
                (attempts, &mut PerSetting::new()),
                &change(holds()),
                Went::Worked,
                Timestamp::UNIX_EPOCH,
            )
        };
        lie(&mut attempts);
        let held = as_it_was(Went::Worked);
        for (held, observed, touched, why) in [
            (PerSetting::new(), seen(true), &untouched, "it worked"),
            (PerSetting::new(), seen(false), &touched, "nobody has looked since"),
            (PerSetting::new(), Observed::default(), &untouched, "it is not to be seen"),
            (held, seen(false), &untouched, "it was seen to work, so this is drift"),
        ] {
            assert_eq!(doubt(&mut attempts, &held, &observed, touched), [], "{why}");
        }
        for wait in [None, Some(30), Some(60)] {
            let failed = doubt(&mut attempts, &PerSetting::new(), &seen(false), &untouched);
            assert_eq!(failed, [(Subject::App, key)]);
            let attempt = entry(&attempts, Subject::App, key).unwrap();
            let until = attempt.not_before.map(|until| until.as_second());
            assert_eq!((attempt.went, until), (Went::Failed, wait));
            lie(&mut attempts);
        }
    }
}
