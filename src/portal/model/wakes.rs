//! Who is to be woken, and who waits.
//!
//! In go the devices for which something is new; out comes, once for each, the answer to its long poll. A wake is
//! told once and cleared by the device's next check-in.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

use crate::domain::ids::DeviceId;
use crate::wire::wait::{WaitAnswer, Wake};

/// How many devices may check in within one second after they were woken.
const WOKEN_PER_SECOND: u64 = 500;

#[derive(Debug)]
struct Pending {
    words: BTreeSet<Wake>,
    spread_s: u64,
    told: bool,
}

/// The hub of waiters.
#[derive(Debug, Default)]
pub struct Wakes {
    pending: BTreeMap<DeviceId, Pending>,
    waiting: BTreeMap<DeviceId, watch::Sender<u64>>,
}

/// Over how many seconds so many devices are to check in: none for one, at least one for each 500.
#[must_use]
pub fn spread_s(woken: usize) -> u64 {
    let woken = u64::try_from(woken).unwrap_or(u64::MAX);
    if woken <= 1 { 0 } else { woken.div_ceil(WOKEN_PER_SECOND) }
}

impl Wakes {
    /// Wakes these devices for this. One that was told already is on its way.
    pub fn wake(&mut self, devices: &[DeviceId], word: Wake) {
        let spread_s = spread_s(devices.len());
        for device in devices {
            let pending = self.pending.entry(*device).or_insert_with(|| Pending {
                words: BTreeSet::new(),
                spread_s,
                told: false,
            });
            pending.words.insert(word);
            pending.spread_s = pending.spread_s.max(spread_s);
            if let Some(waiting) = self.waiting.get(device) {
                waiting.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
    }

    /// Clears what a device was, or was to be, told: it checks in.
    pub fn clear(&mut self, device: DeviceId) {
        self.pending.remove(&device);
    }

    /// What a device is to be told now.
    pub fn take(&mut self, device: DeviceId) -> Option<WaitAnswer> {
        let pending = self.pending.get_mut(&device).filter(|pending| !pending.told)?;
        pending.told = true;
        Some(WaitAnswer { wake: pending.words.iter().copied().collect(), spread_s: pending.spread_s })
    }

    /// A receiver that changes when the device is woken. Subscribe first, then [`take`](Self::take).
    pub fn subscribe(&mut self, device: DeviceId) -> watch::Receiver<u64> {
        self.waiting.entry(device).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Forgets the channel of a device for which nobody waits any more.
    pub fn unsubscribe(&mut self, device: DeviceId) {
        if self.waiting.get(&device).is_some_and(|waiting| waiting.receiver_count() == 0) {
            self.waiting.remove(&device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_told_once_and_cleared_by_the_check_in() {
        let mut wakes = Wakes::default();
        let device = DeviceId::random();
        assert_eq!(wakes.take(device), None);
        wakes.wake(&[device], Wake::Assignment);
        let told = WaitAnswer { wake: vec![Wake::Assignment], spread_s: 0 };
        assert_eq!(wakes.take(device), Some(told));
        wakes.wake(&[device], Wake::Lease);
        assert_eq!(wakes.take(device), None, "told already");
        wakes.clear(device);
        wakes.wake(&[device], Wake::Commands);
        wakes.wake(&[device], Wake::Lease);
        assert_eq!(
            wakes.take(device),
            Some(WaitAnswer { wake: vec![Wake::Lease, Wake::Commands], spread_s: 0 })
        );
    }

    #[test]
    fn many_devices_are_spread() {
        for (woken, seconds) in [(0, 0), (1, 0), (2, 1), (500, 1), (501, 2), (10_000, 20)] {
            assert_eq!(spread_s(woken), seconds, "{woken}");
        }
    }
}
