use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::digest::Digest;
use crate::wire::assignment::ImageFiles;

const ADA: Uid = Uid(501);

fn id(number: u128) -> ImageId {
    ImageId::of(Uuid::from_u128(number))
}

fn file(url: &str) -> Option<ImageFile> {
    Some(ImageFile { url: url.to_owned(), sha256: Digest::of(b"x"), size: 1, unpacked_size: 2 })
}

fn image(number: u128, arm64: Option<ImageFile>, x86_64: Option<ImageFile>) -> GoldenImage {
    let images = ImageFiles { arm64, x86_64 };
    GoldenImage { id: id(number), name: format!("Image {number}"), description: String::new(), images }
}

fn good(number: u128) -> GoldenImage {
    image(number, file("https://images.example/a.pvmp"), None)
}

const MAC: Mac = Mac { arch: Arch::Arm64, one_per_user: false, obstacle: None };

fn ada(has: &[u128]) -> Candidate {
    Candidate { uid: ADA, user: "ada".to_owned(), obstacle: None, has: has.iter().copied().map(id).collect() }
}

#[test]
fn each_reason_has_its_case() {
    let intel = || image(1, None, file("https://images.example/i.zip"));
    let bad = || image(1, file("file:///etc/passwd"), None);
    let one = Mac { one_per_user: true, ..MAC };
    let stopped = Mac { obstacle: Some(WhyNot::ServiceUnavailable), ..MAC };
    let away = Candidate { obstacle: Some(WhyNot::NotLoggedIn), ..ada(&[]) };
    for (image, mac, user, expected) in [
        (good(1), MAC, ada(&[]), Ok(())),
        (good(1), MAC, ada(&[2]), Ok(())),
        (good(1), MAC, ada(&[1]), Err(WhyNot::Installed)),
        (good(1), one, ada(&[]), Ok(())),
        (good(1), one, ada(&[2]), Err(WhyNot::OnePerUser)),
        (good(1), one, ada(&[1]), Err(WhyNot::OnePerUser)),
        (intel(), MAC, ada(&[]), Err(WhyNot::WrongProcessor)),
        (intel(), Mac { arch: Arch::X86, ..MAC }, ada(&[]), Ok(())),
        (bad(), MAC, ada(&[]), Err(WhyNot::BadAddress)),
        (good(1), stopped, ada(&[]), Err(WhyNot::ServiceUnavailable)),
        (intel(), stopped, ada(&[]), Err(WhyNot::WrongProcessor)),
        (good(1), MAC, away, Err(WhyNot::NotLoggedIn)),
    ] {
        let (images, users) = ([image], [user]);
        let offers = offers(&images, mac, &users);
        assert_eq!(offers[0].users[0].1, expected, "{images:?} {mac:?} {users:?}");
    }
}

#[test]
fn the_first_that_is_offered_is_taken_unless_one_is_named() {
    let images = [image(1, None, None), good(2), good(3), good(2)];
    let users = [ada(&[])];
    let offers = offers(&images, MAC, &users);
    assert_eq!(offers.len(), 3, "one that is assigned twice counts once");
    let chosen = |named: Option<&str>| choose(&offers, ADA, named).map(|(image, _)| image.id);
    assert_eq!(chosen(None), Ok(id(2)));
    assert_eq!(chosen(Some("Image 3")), Ok(id(3)));
    assert_eq!(chosen(Some(&id(3).to_string())), Ok(id(3)));
    assert_eq!(chosen(Some("Image 1")), Err(Some(WhyNot::WrongProcessor)));
    assert_eq!(chosen(Some("Image 9")), Err(None));
    assert_eq!(choose(&offers, Uid(777), None).map(|(image, _)| image.id), Err(None));
}

proptest! {
    /// Whatever is assigned: nobody gets a second corporate machine where one is allowed, and nothing for another processor.
    #[test]
    fn nothing_is_offered_against_the_policy(
        files in prop::collection::vec((any::<bool>(), any::<bool>()), 0..5), arm in any::<bool>(), one in any::<bool>(),
        has in prop::collection::vec(0_u128..5, 0..3),
    ) {
        let images: Vec<_> = files.iter().enumerate().map(|(number, (arm64, x86_64))| {
            let of = |there: &bool| file("https://images.example/a").filter(|_| *there);
            image(number as u128, of(arm64), of(x86_64))
        }).collect();
        let arch = if arm { Arch::Arm64 } else { Arch::X86 };
        let users = [ada(&has)];
        let offers = offers(&images, Mac { arch, one_per_user: one, obstacle: None }, &users);
        for offer in &offers {
            if offer.users[0].1.is_ok() {
                prop_assert!(offer.image.images.of(arch).is_some());
                prop_assert!(!one || has.is_empty());
                prop_assert!(!users[0].has.contains(&offer.image.id));
            }
        }
        if let Ok((chosen, _)) = choose(&offers, ADA, None) {
            let first = offers.iter().find(|offer| offer.users[0].1.is_ok()).unwrap();
            prop_assert_eq!(chosen.id, first.image.id);
        }
    }
}
