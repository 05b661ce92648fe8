//! Many threads at the one door: the last seat goes to one of them.

use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::domain::ids::{DeviceId, LicenseId};
use crate::portal::model::device::{Device, Reported};
use crate::portal::model::licenses::license::{Activation, LicenseDraft, NewLicense};
use crate::wire::checkin::LicenseReport;
use crate::wire::key::SigningKey;
use crate::wire::lease::{Product, WhenUnverified};

const SEATS: u32 = 30;

fn device() -> Device {
    Device {
        id: DeviceId::random(),
        key: SigningKey::generate().unwrap().public(),
        group: None,
        history: Vec::new(),
        reported: Reported::default(),
        issued: None,
        root: None,
        retired: false,
        forked_at: None,
        commands: Vec::new(),
    }
}

fn licensed(store: &Store, devices: &[Device]) -> (LicenseId, LicenseReport) {
    let draft = LicenseDraft {
        name: "Enterprise".to_owned(),
        seats: SEATS,
        activation: Activation::PerDevice,
        ends_at: None,
        idp_groups: Vec::new(),
        when_unverified: WhenUnverified::Report,
    };
    let new = NewLicense { draft, product: Product::Enterprise, key: None, suspend_trial: false };
    store.stir(|model| {
        model.devices.extend(devices.iter().map(|device| (device.id, device.clone())));
        let (license, key) = model.add_license(new).unwrap();
        let report = LicenseReport {
            state: "active".to_owned(),
            edition: None,
            activation: Some("key".to_owned()),
            key: key.map(|key| key.masked().to_string()),
            sublicense: None,
            user: None,
            main_period_ends_at: None,
        };
        (license.id, report)
    })
}

#[test]
fn four_hundred_macs_on_eight_threads_never_take_more_seats_than_there_are() {
    let now: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
    let (store, _writer) = Store::in_memory("Example", Arc::new(ManualClock::at(now))).unwrap();
    let devices: Vec<_> = (0..400).map(|_| device()).collect();
    let (license, report) = licensed(&store, &devices);
    let used = || store.peek(|model| model.seats_used(license));
    std::thread::scope(|threads| {
        for part in devices.chunks(50) {
            let (store, report) = (&store, &report);
            threads.spawn(move || {
                for round in 0..20 {
                    for device in part {
                        let granted =
                            store.stir(|model| model.verify_license(device.id, Some(report), now).is_ok());
                        assert!(store.peek(|model| model.seats_used(license)) <= SEATS);
                        if granted && round < 19 {
                            store.stir(|model| model.release_license(device.id));
                        }
                    }
                }
            });
        }
    });
    assert_eq!(used(), SEATS);
    let holders = store.peek(|model| {
        let lessees = model.licensing.lessees.values();
        lessees.filter(|lessee| lessee.held().is_some()).count()
    });
    assert_eq!(holders, SEATS as usize);
}
