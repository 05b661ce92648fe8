//! What is remembered of each change: how it went, how often the value drifted, and when to try again. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::plan::memory::{Attempt, Baseline, PerSetting, Went, entry, forget};
use crate::plan::{Change, Plan, Why};

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

/// Remembers how a change went; true when it was drift that was put right.
pub fn remember(
    baseline: &mut Baseline,
    attempts: &mut PerSetting<Attempt>,
    change: &Change,
    went: Went,
    now: Timestamp,
) -> bool {
    if change.why == Why::Restored && went == Went::Worked {
        forget(&mut baseline.records, change.subject, change.key);
        forget(attempts, change.subject, change.key);
        return false;
    }
    let last = entry(attempts, change.subject, change.key).filter(|last| last.to == change.to);
    let drifted = last.is_some_and(|last| last.went == Went::Worked);
    let recent = last.filter(|last| now.duration_since(last.at) < STREAK);
    let streak = recent.map_or(0, |last| last.streak.saturating_add(1));
    let attempt = Attempt {
        to: change.to.clone(),
        went,
        at: now,
        not_before: wait(went, streak).and_then(|wait| now.checked_add(wait).ok()),
        streak,
        drifts: last.map_or(0, |last| last.drifts) + u32::from(drifted),
        drifted_at: if drifted { Some(now) } else { last.and_then(|last| last.drifted_at) },
    };
    attempts.entry(change.subject).or_default().insert(change.key, attempt);
    drifted && went == Went::Worked
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
    use crate::catalog::{Key, LayerKind, Value};
    use crate::domain::subject::Subject;

    fn change(why: Why) -> Change {
        let key = Key::named("restrict.add_vm").unwrap();
        let (from, to) = (Some(Value::Switch(false)), Value::Switch(true));
        Change { subject: Subject::App, key, from, to, why }
    }

    fn holds() -> Why {
        Why::Holds { layer: LayerKind::Policy, origin: String::new(), derived_from: None }
    }

    /// Makes the change again as soon as it may be; gives the waits in seconds and the drifts counted.
    fn waits(went: Went, times: usize) -> (Vec<i64>, u32) {
        let (mut baseline, mut attempts) = (Baseline::default(), PerSetting::new());
        let mut now = Timestamp::UNIX_EPOCH;
        let mut waits = Vec::new();
        let mut drifts = 0;
        for _ in 0..times {
            remember(&mut baseline, &mut attempts, &change(holds()), went, now);
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
            (vec![0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300], 13)
        );
    }

    #[test]
    fn a_failure_is_tried_again_with_growing_waits_and_is_no_drift() {
        assert_eq!(waits(Went::Failed, 6), (vec![30, 60, 120, 240, 300, 300], 0));
    }

    #[test]
    fn rare_drift_never_waits() {
        let (mut baseline, mut attempts) = (Baseline::default(), PerSetting::new());
        for hour in 0..50 {
            let now = Timestamp::from_second(hour * 3600).unwrap();
            let drift = remember(&mut baseline, &mut attempts, &change(holds()), Went::Worked, now);
            assert_eq!(drift, hour > 0);
        }
        let attempt = entry(&attempts, Subject::App, change(holds()).key).unwrap();
        assert_eq!((attempt.not_before, attempt.drifts), (None, 49));
    }

    #[test]
    fn what_is_put_back_is_forgotten() {
        let (mut baseline, mut attempts) = (Baseline::default(), PerSetting::new());
        let restored = change(Why::Restored);
        let record = crate::plan::memory::Record { value: None, at: Timestamp::UNIX_EPOCH };
        baseline.records.entry(Subject::App).or_default().insert(restored.key, record);
        remember(&mut baseline, &mut attempts, &restored, Went::Failed, Timestamp::UNIX_EPOCH);
        assert_eq!(baseline.records.len(), 1, "not before it worked");
        remember(&mut baseline, &mut attempts, &restored, Went::Worked, Timestamp::UNIX_EPOCH);
        assert_eq!((baseline.records.len(), attempts.len()), (0, 0));
    }
}
