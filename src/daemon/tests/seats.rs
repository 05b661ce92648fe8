//! Seats that were taken away or denied: a Mac is back by itself once there is one for it, without a hand on it.

use super::*;
use crate::control::view::NextStep;
use crate::license::Stage;
use crate::sources::profile::Activation as Managed;

async fn live(office: &Office, mac: &Mac, story: impl Future<Output = ()>) {
    tokio::select! {
        () = office.live(mac) => panic!("it ended"),
        () = story => {}
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_sign_in_again_has_the_seat_again() {
    let office = Office::new(Arc::new(PausedClock(tokio::time::Instant::now())));
    let license = office.license(Product::Enterprise);
    let mac = office.mac_of("ada@example.com");
    let story = async {
        office.until_used(license, 1).await;
        mac.until_stage(Stage::Active).await;
        office.employ("ada@example.com", false);
        mac.until_stage(Stage::Revoked).await;
        tokio::time::sleep(DAY).await;
        assert_eq!((office.used(license), mac.board.borrow().licensing.stage()), (0, Stage::Revoked));
        office.employ("ada@example.com", true);
        office.until_used(license, 1).await;
        mac.until_stage(Stage::Active).await;
        assert_eq!(runs(&mac, "deactivate-license"), 0);
    };
    live(&office, &mac, story).await;
}

#[tokio::test(start_paused = true)]
async fn a_mac_whose_license_is_restored_activates_again_and_verifies() {
    let office = Office::new(Arc::new(PausedClock(tokio::time::Instant::now())));
    let license = office.add(Product::Business, license::Activation::PerDevice, 1);
    let mac = office.mac();
    {
        let licensing = &mut mac.state.lock().unwrap().licensing;
        let terms = licensing.keys[DEMO_BUSINESS_KEY].terms.clone();
        licensing.installed =
            Some(Installed { key: DEMO_BUSINESS_KEY.to_owned(), terms, ..Installed::default() });
    }
    let items = [("ActivationExperience", "License Key"), ("LicenseKey", DEMO_BUSINESS_KEY)];
    let mut bytes = Vec::new();
    plist::to_writer_xml(&mut bytes, &plist::Dictionary::from_iter(items)).unwrap();
    mac.board.send_modify(|board| {
        let activation = Some(Managed::parse("x.plist", &bytes).unwrap());
        board.profile = Part::new(Profile { activation, ..(*board.profile).clone() });
    });
    let bar = |barred| {
        office.app.store.stir(|model| {
            let device = *model.devices.keys().next().unwrap();
            model.bar_device(device, barred).unwrap();
        });
    };
    let next = || super::super::licensing::view(&mac.board.borrow()).next.step;
    let story = async {
        office.until_used(license, 1).await;
        mac.until_stage(Stage::Active).await;
        bar(true);
        mac.until_stage(Stage::Revoked).await;
        mac.order("jamf", false);
        mac.until_license("it was given back", |board| {
            board.licensing.state.as_ref().is_some_and(crate::license::State::is_without_license)
        })
        .await;
        tokio::time::sleep(DAY).await;
        assert_eq!((installed(&mac), next()), (None, NextStep::Portal), "it is taken away");
        bar(false);
        office.until_used(license, 1).await;
        mac.until_stage(Stage::Active).await;
        assert_eq!((installed(&mac).as_deref(), next()), (Some(DEMO_BUSINESS_KEY), NextStep::Verify));
    };
    live(&office, &mac, story).await;
}

#[tokio::test(start_paused = true)]
async fn who_was_denied_a_seat_has_one_once_it_is_free() {
    let office = Office::new(Arc::new(PausedClock(tokio::time::Instant::now())));
    let license = office.add(Product::Enterprise, license::Activation::PerUser, 1);
    let (ada, bob) = (office.mac_of("ada@example.com"), office.mac_of("bob@example.com"));
    let sign_out = |mac: &Mac| {
        let mut signed_in = None;
        mac.user(|state| signed_in = state.licensing.installed.take());
        signed_in
    };
    let bobs = sign_out(&bob);
    let story = async {
        office.until_used(license, 1).await;
        ada.until_stage(Stage::Active).await;
        let adas = sign_out(&ada);
        ada.until_stage(Stage::Released).await;
        bob.user(|state| state.licensing.installed = bobs);
        office.until_used(license, 1).await;
        ada.user(|state| state.licensing.installed = adas);
        ada.until_license("it is denied", |board| {
            board.licensing.state.as_ref().is_some_and(|state| state.tries.denied.is_some())
        })
        .await;
        let shown = super::super::licensing::view(&ada.board.borrow());
        assert_eq!((shown.stage, shown.next.step), (Stage::Released, NextStep::Verify));
        assert!(shown.verification.next_at.is_some(), "{shown:?}");
        office.employ("bob@example.com", false);
        let freed = tokio::time::Instant::now();
        ada.until_stage(Stage::Active).await;
        assert!(freed.elapsed() < Duration::from_secs(3_600), "{:?}", freed.elapsed());
        assert_eq!(office.used(license), 1);
    };
    tokio::select! {
        _ = async { tokio::join!(office.live(&ada), office.live(&bob)) } => panic!("they ended"),
        () = story => {}
    }
}
