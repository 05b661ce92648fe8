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
            "line 27: <FilePath> names version 27, and the elements say 26.3.3.57507",
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
        ("<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n<ParallelsUpdates/>", "line 1: it is not UTF-8"),
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
fn every_place_names_the_same_version_or_none() {
    let flaws = |(from, to): (&str, &str)| {
        let changed = std::str::from_utf8(LOCAL).unwrap().replacen(from, to, 1);
        assert_ne!(changed.as_bytes(), LOCAL, "{from}");
        let feed = read(changed.as_bytes()).unwrap();
        (
            feed.offers.len(),
            feed.flaws.iter().map(|flaw| flaw.kind.to_string()).collect::<Vec<_>>().join("; "),
        )
    };
    let address = "https://updates.example.com/v26/ParallelsDesktop-26.3.3-57507.dmg";
    for other in [
        "http://10.0.0.5/pd.dmg",
        "https://updates.example.com/pd-2026.05.30.dmg",
        "https://updates.example.com/api/v2.0/26.3/pd.dmg",
        "https://updates.example.com/26.3.3.57507/pd%2026.dmg",
    ] {
        assert_eq!(flaws((address, other)), (2, String::new()), "{other}");
    }
    for (other, named) in [
        ("https://pd-27.0.2-58001.example.com/pd.dmg", "27.0.2"),
        ("https://updates.example.com/27.0.2/pd.dmg", "27.0.2"),
        ("https://updates.example.com/v27.0/pd.dmg", "27.0"),
        ("https://updates.example.com/V27/pd.dmg", "27"),
        ("https://updates.example.com/v2%37/pd.dmg", "27"),
        ("https://updates.example.com/pd27%2E0.2.dmg", "27.0.2"),
        ("https://updates.example.com/pd-27.0.dmg", "27.0"),
        ("https://updates.example.com/ParallelsDesktop-26.1.0-50000.dmg", "26.1.0"),
        ("https://updates.example.com/26.3.3.dmg?or=https://x/27.0.2.dmg#v28", "27.0.2"),
        ("https://10.0.0.5/v27/pd.dmg", "27"),
    ] {
        let told = format!("<FilePath> names version {named}, and the elements say 26.3.3.57507");
        assert_eq!(flaws((address, other)), (1, told), "{other}");
    }
    let words = "<StringRepresentation>26.3.3";
    assert_eq!(flaws((words, "<StringRepresentation>Sumer")), (2, String::new()));
    let told = "<StringRepresentation> names version 27.0.2, and the elements say 26.3.3.57507";
    assert_eq!(flaws((words, "<StringRepresentation>27.0.2")), (1, told.to_owned()));
}

#[test]
fn what_decides_stands_once() {
    for (element, twice, left) in [
        ("Major", "<Major>27</Major><Major>", 1),
        ("StringRepresentation", "<StringRepresentation>26</StringRepresentation><StringRepresentation>", 1),
        ("FilePath", "<FilePath>file:///etc/passwd</FilePath><FilePath>", 1),
        ("OsType", "<OsType>windows</OsType><OsType>", 1),
        ("ProductName", "<ProductName>Parallels Desktop</ProductName><ProductName>", 0),
        ("UpdateEnabled", "<UpdateEnabled>0</UpdateEnabled><UpdateEnabled>", 2),
    ] {
        let text = std::str::from_utf8(LOCAL).unwrap().replacen(&format!("<{element}>"), twice, 1);
        let feed = read(text.as_bytes()).unwrap();
        let told = feed.flaws.iter().map(|flaw| flaw.kind.to_string()).collect::<Vec<_>>();
        assert_eq!((feed.offers.len(), told), (left, vec![format!("<{element}> stands more than once")]));
        assert!(element != "UpdateEnabled" || feed.offers.iter().all(|offer| !offer.enabled));
    }
}

#[test]
fn an_address_has_no_blanks_and_no_control_characters() {
    for bad in [
        "https://h/ pd.dmg",
        "https://h/&#9;pd.dmg",
        "ftp://h/pd.dmg",
        "https://u:p@h/pd.dmg",
        "file:///etc/passwd",
    ] {
        let text = std::str::from_utf8(LOCAL).unwrap();
        let text = text.replacen("https://updates.example.com/v27/ParallelsDesktop-27.0.2-58001.dmg", bad, 1);
        assert_eq!(
            read(text.as_bytes()).unwrap().flaws,
            [Flaw { line: 28, kind: FlawKind::Address }],
            "{bad}"
        );
    }
}
