//! Feeds, good and bad, each told with its line.

use super::*;

const REAL: &[u8] = include_bytes!("../../../tests/golden/updates/v26.xml");
const LOCAL: &[u8] = include_bytes!("../../../tests/golden/updates/local.xml");
const GUIDE: &[u8] = include_bytes!("../../../tests/golden/updates/guide.xml");
const FAULTS: &[u8] = include_bytes!("../../../tests/golden/updates/faults.xml");

fn told(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn both_numberings_are_read() {
    let offers = |bytes| {
        let feed = read(bytes).unwrap();
        assert_eq!(feed.flaws, []);
        let offer = |offer: Offer| (offer.version.to_string(), offer.numbering, offer.line);
        feed.offers.into_iter().map(offer).collect::<Vec<_>>()
    };
    assert_eq!(offers(REAL), [("26.3.3-57507".to_owned(), Numbering::Release, 12)]);
    assert_eq!(offers(GUIDE), [("26.0.0-57507".to_owned(), Numbering::Build, 11)]);
    assert_eq!(
        offers(LOCAL),
        [
            ("26.3.3-57507".to_owned(), Numbering::Release, 12),
            ("27.0.2-58001".to_owned(), Numbering::Release, 27)
        ]
    );
}

#[test]
fn an_address_keeps_its_ampersand() {
    let feed = read(LOCAL).unwrap();
    assert!(feed.offers[0].file.ends_with("57507.dmg?from=a&b=c"), "{}", feed.offers[0].file);
}

#[test]
fn each_fault_has_its_line_and_harms_its_own_entry() {
    let feed = read(FAULTS).unwrap();
    assert_eq!(feed.offers, []);
    let flaws: Vec<String> = feed.flaws.iter().map(ToString::to_string).collect();
    assert_eq!(
        flaws,
        [
            "line 5: <UpdateEnabled> is neither 0 nor 1",
            "line 9: <SubMinor> is not a number",
            "line 20: the uuid is not of version 26.3.3.57507, as the elements say; it has to be \
             desktop.26.3.3.57507.<locale>.<vendor>.<platform>",
            "line 24: <FilePath> is no http or https address without a user name, of at most 2048 bytes",
            "line 27: <FilePath> names version 27, and the elements say 26",
            "line 29: <Update> has no uuid",
            "line 32: <Update> has no <FilePath>",
            "line 38: <Version> has no <SubSubMinor>",
            "line 43: <Note> does not belong here; it does not count",
            "line 46: <ProductName> is not Parallels Desktop; this product does not count",
        ]
    );
}

#[test]
fn what_is_no_feed_is_told_with_its_line() {
    let open = "<ParallelsUpdates>\n";
    let deep = format!("{open}{}", "<a>".repeat(20));
    let many = format!("{open}{}</ParallelsUpdates>", "<a/>".repeat(20_001));
    let long = format!("{open}<a>{}</a></ParallelsUpdates>", "x".repeat(17 << 10));
    for (text, expected) in [
        ("", "line 1: it is not XML: there is no element"),
        ("<html>\n<body/></html>", "line 1: the root element is not <ParallelsUpdates>"),
        ("{\"a\": 1}", "line 1: it is not XML: there is text outside of the root element"),
        ("<ParallelsUpdates schemaVersion=\"2.0\"/>", "line 1: schemaVersion is not 1.0"),
        (
            "<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY a \"b\">]>\n<ParallelsUpdates/>",
            "line 2: a document type is not allowed in a feed",
        ),
        ("<ParallelsUpdates>\n\n&lol;</ParallelsUpdates>", "line 3: entities are not allowed in a feed"),
        (
            "<ParallelsUpdates>\n<a b=\"&lol;\"/></ParallelsUpdates>",
            "line 2: entities are not allowed in a feed",
        ),
        ("<ParallelsUpdates>\n<a>", "line 2: it is not XML: <a> of line 2 is not closed"),
        ("<ParallelsUpdates/>\n<x/>", "line 2: it is not XML: there is more than one root element"),
        (deep.as_str(), "line 2: elements are nested more than 16 deep"),
        (many.as_str(), "line 2: there are more than 20,000 elements"),
        (long.as_str(), "line 2: a text is longer than 16 KiB"),
    ] {
        assert_eq!(told(text.as_bytes()), expected);
    }
    assert!(told(b"<ParallelsUpdates>\n<a></b></ParallelsUpdates>").starts_with("line 2: it is not XML: "));
    assert_eq!(told(b"<ParallelsUpdates>\n\xff</ParallelsUpdates>"), "line 2: it is not UTF-8");
    assert_eq!(told(&vec![b' '; xml::LARGEST + 1]), "line 1: it is larger than 1 MiB");
}

#[test]
fn an_address_is_of_the_version_it_names_and_a_date_is_none() {
    for (path, expected) in [
        ("/desktop/v26/26.3.3-57507/ParallelsDesktop-26.3.3-57507.dmg", vec![26, 26]),
        ("/pd.dmg", vec![]),
        ("/vault/pd-2026.05.30.dmg", vec![]),
        ("/v27/x", vec![27]),
        ("/10.0.0.5/27.0.2.dmg", vec![27]),
        ("https://pd-27.0.2-58001.example.com/pd.dmg", vec![27]),
        ("/26.3.3.dmg?or=https://x/v27/27.0.2.dmg", vec![27, 26, 27]),
    ] {
        let url = Url::parse("https://10.0.0.5").unwrap().join(path).unwrap();
        assert_eq!(majors(&url).collect::<Vec<_>>(), expected, "{path}");
    }
}
