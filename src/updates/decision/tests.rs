//! The rules as a table.

use super::*;

fn offer(version: &str, numbering: Numbering, enabled: bool) -> Offer {
    let version = version.parse().unwrap();
    Offer { version, numbering, enabled, file: "https://up.example/pd.dmg".to_owned(), line: 1 }
}

fn release(version: &str) -> Offer {
    offer(version, Numbering::Release, true)
}

fn build(version: &str) -> Offer {
    offer(version, Numbering::Build, true)
}

/// What is available, what is allowed, and what is held back.
fn decided(installed: Option<&str>, offers: &[Offer], kept: Option<u64>) -> (String, String, String) {
    let installed: Option<ParallelsVersion> = installed.map(|text| text.parse().unwrap());
    let decision = decide(installed.as_ref(), offers, kept);
    let text = |offer: Option<&Offer>| offer.map(ToString::to_string).unwrap_or_default();
    let held = decision.held.iter().map(|held| format!("{} {}", held.offer, held.why.code()));
    (text(decision.available.as_ref()), text(decision.allowed.as_ref()), held.collect::<Vec<_>>().join(", "))
}

#[test]
fn each_rule_decides_as_it_says() {
    let off = || offer("26.3.3-57507", Numbering::Release, false);
    for (installed, offers, kept, expected) in [
        // Numbers are compared as numbers, and the build counts last.
        (Some("26.1.1-57288"), vec![release("26.3.3-57507")], None, ("26.3.3-57507", "26.3.3-57507", "")),
        (Some("26.3.3-57507"), vec![release("26.3.3-57507")], None, ("", "", "")),
        (Some("26.3.3"), vec![release("26.3.3-57507")], None, ("", "", "")),
        (Some("26.3.3-57500"), vec![release("26.3.3-57507")], None, ("26.3.3-57507", "26.3.3-57507", "")),
        (Some("26.10.0-58000"), vec![release("26.9.9-59000")], None, ("", "", "")),
        // Of several, the newest; 26 follows 20.
        (
            Some("20.2.0-55872"),
            vec![release("20.4.1-56000"), release("26.1.1-57288"), release("20.3.0-55900")],
            None,
            ("26.1.1-57288", "26.1.1-57288", ""),
        ),
        (
            Some("20.2.0-55872"),
            vec![release("20.4.1-56000"), release("26.1.1-57288"), release("27.0.2-58001")],
            Some(20),
            ("27.0.2-58001", "20.4.1-56000", "27.0.2-58001 next-major, 26.1.1-57288 next-major"),
        ),
        // The major version that is kept is not the installed one once that was passed or taken back.
        (
            Some("26.1.1-57288"),
            vec![release("26.3.3-57507")],
            Some(20),
            ("26.3.3-57507", "", "26.3.3-57507 next-major"),
        ),
        (Some("20.2.0-55872"), vec![release("26.3.3-57507")], Some(26), ("26.3.3-57507", "26.3.3-57507", "")),
        // A server that is switched off allows nothing.
        (Some("26.1.1-57288"), vec![off()], None, ("26.3.3-57507", "", "26.3.3-57507 switched-off")),
        // Numbered as in the guide, the build decides.
        (
            Some("26.1.1-57288"),
            vec![build("26.0.57507.1")],
            None,
            ("26 (build 57507)", "26 (build 57507)", ""),
        ),
        (Some("26.3.3-57507"), vec![build("26.0.57507.1")], None, ("", "", "")),
        (
            Some("26.3.3"),
            vec![build("26.0.57507.1")],
            None,
            ("26 (build 57507)", "", "26 (build 57507) incomparable"),
        ),
        (
            Some("26.3.3-57507"),
            vec![build("27.0.58001.1")],
            Some(26),
            ("27 (build 58001)", "", "27 (build 58001) next-major"),
        ),
        // What is not known is not allowed.
        (None, vec![release("26.3.3-57507")], None, ("26.3.3-57507", "", "26.3.3-57507 incomparable")),
        (None, vec![], None, ("", "", "")),
    ] {
        let (available, allowed, held) = decided(installed, &offers, kept);
        assert_eq!((available.as_str(), allowed.as_str(), held.as_str()), expected, "{installed:?} {kept:?}");
    }
}

#[test]
fn what_is_held_back_is_named_once_and_not_without_end() {
    let offers: Vec<Offer> = (0..50)
        .flat_map(|patch| [27, 27].map(|major| release(&format!("{major}.0.{patch}-58000"))))
        .collect();
    let decision = decide(Some(&"26.1.1".parse().unwrap()), &offers, Some(26));
    assert_eq!(decision.held.len(), MOST_HELD);
    assert_eq!(decision.held[0].offer.to_string(), "27.0.49-58000");
    assert_eq!(decision.allowed, None);
}

#[test]
fn where_both_numberings_are_offered_the_build_ranks_all() {
    let offers = [release("26.3.0-100"), build("26.0.20000.1"), release("26.2.0-30000"), release("27.1.0-5")];
    let told = decided(Some("26.1.1-50"), &offers, Some(26));
    assert_eq!(told, ("27.1.0-5".to_owned(), "26.2.0-30000".to_owned(), "27.1.0-5 next-major".to_owned()));
}

proptest::proptest! {
    /// However many there are and whatever they say, as hostile servers may offer.
    #[test]
    fn the_order_is_total(
        numbers in proptest::collection::vec(((26_u64..28, 0_u64..3, 0_u64..3, 0_u64..4), 0_u8..4), 0..80),
        kept in proptest::option::of(25_u64..28),
    ) {
        let offers: Vec<_> = numbers
            .iter()
            .map(|((major, minor, patch, number), kind)| match kind {
                0 => offer(&format!("{major}.0.{}.1", 1_000 + number), Numbering::Build, true),
                1 => offer(&format!("{major}.{minor}.{patch}-{}", 1_000 + number), Numbering::Release, false),
                _ => release(&format!("{major}.{minor}.{patch}-{}", 1_000 + number)),
            })
            .collect();
        let decision = decide(Some(&"26.1.1-1002".parse().unwrap()), &offers, kept);
        let by_build = offers.iter().any(|offer| offer.numbering == Numbering::Build);
        let newer = |a: &Offer, b: &Offer| between(a, b, by_build) == Ordering::Greater;
        for pair in decision.held.windows(2) {
            assert!(!newer(&pair[1].offer, &pair[0].offer));
        }
        for held in &decision.held {
            assert!(!newer(&held.offer, decision.available.as_ref().unwrap()));
        }
        if let (Some(allowed), Some(kept)) = (&decision.allowed, kept) {
            assert!(allowed.version.major() <= kept);
        }
    }
}
