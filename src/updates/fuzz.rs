//! Any bytes, and ten thousand mutations of a good feed: nothing panics, and nothing that is held back is ever allowed.

use proptest::prelude::*;
use proptest::sample::Index;

use super::decision::decide;
use super::feed::read;
use crate::domain::version::ParallelsVersion;

const LOCAL: &[u8] = include_bytes!("../../tests/golden/updates/local.xml");
const GUIDE: &[u8] = include_bytes!("../../tests/golden/updates/guide.xml");

/// A change of a file.
#[derive(Debug, Clone)]
enum Mutation {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index, Index),
    Cut(Index),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let size = bytes.len() + 1;
        let span = |a: &Index, b: &Index| {
            let (a, b) = (a.index(size), b.index(size));
            a.min(b)..a.max(b)
        };
        match self {
            Self::Set(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Set(..) => {}
            Self::Insert(at, new) => {
                let at = at.index(size);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Remove(from, to) => drop(bytes.drain(span(from, to))),
            Self::Repeat(from, to, at) => {
                let copy = bytes[span(from, to)].to_vec();
                let at = at.index(size);
                bytes.splice(at..at, copy);
            }
            Self::Cut(at) => bytes.truncate(at.index(size)),
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    let word = prop_oneof![
        Just("<!--"),
        Just("-->"),
        Just("<![CDATA["),
        Just("]]>"),
        Just("&#50;"),
        Just("&lol;"),
        Just("<!DOCTYPE a>"),
        Just("</Version><Version>"),
        Just("26"),
        Just("27"),
        Just("\u{0}"),
    ];
    let bytes =
        prop_oneof![word.prop_map(|word| word.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 1..6)];
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (index(), prop::sample::select(b"0123456789<>/.v".to_vec()))
            .prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (index(), bytes).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (index(), index()).prop_map(|(from, to)| Mutation::Remove(from, to)),
        (index(), index(), index()).prop_map(|(from, to, at)| Mutation::Repeat(from, to, at)),
        index().prop_map(Mutation::Cut),
    ]
}

/// Reads and decides on a Mac with 26.1.1 that stays on 26, and says what is allowed against that. How the address of 27.0.2 is
/// found again is on purpose another way than the reader's.
fn blocked_but_allowed(bytes: &[u8]) -> Option<String> {
    let installed: ParallelsVersion = "26.1.1-57288".parse().unwrap();
    let allowed = decide(Some(&installed), &read(bytes).ok()?.offers, Some(26)).allowed?;
    let address = allowed.file.to_lowercase().replace("%32", "2").replace("%37", "7").replace("%2e", ".");
    let names_next = address.contains("27.0") || address.contains("/v27/");
    (allowed.version.major() > 26 || names_next).then(|| format!("{allowed:?}"))
}

/// A feed of many entries with few numbers, in both numberings.
fn feed_of_many() -> impl Strategy<Value = String> {
    let entry = (26_u8..28, 0_u8..3, 0_u8..3, 1_000_u32..1_004, any::<bool>());
    prop::collection::vec(entry, 0..80).prop_map(|entries| {
        let versions = entries.into_iter().map(|(major, minor, patch, build, guide)| {
            let numbers = if guide {
                [major.into(), 0, build, patch.into()]
            } else {
                [major.into(), minor.into(), patch.into(), build]
            };
            let [a, b, c, d] = numbers;
            format!(
                "<Version><Major>{a}</Major><Minor>{b}</Minor><SubMinor>{c}</SubMinor><SubSubMinor>{d}</SubSubMinor>\
                 <Update uuid=\"desktop.{a}.{b}.{c}.{d}.en_US.parallels.mac\"><FilePath>http://h/pd.dmg</FilePath>\
                 </Update></Version>"
            )
        });
        let versions: String = versions.collect();
        format!("<ParallelsUpdates><Product><ProductName>Parallels Desktop</ProductName>{versions}</Product></ParallelsUpdates>")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_panics_or_allows_what_is_held_back(
        of_guide: bool,
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let mut bytes = if of_guide { GUIDE.to_vec() } else { LOCAL.to_vec() };
        for mutation in &mutations {
            mutation.apply(&mut bytes);
        }
        prop_assert_eq!(blocked_but_allowed(&bytes), None);
    }

    #[test]
    fn no_number_of_entries_panics(feed in feed_of_many()) {
        prop_assert_eq!(read(feed.as_bytes()).map(|feed| feed.flaws), Ok(vec![]));
        prop_assert_eq!(blocked_but_allowed(feed.as_bytes()), None);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(blocked_but_allowed(&bytes), None);
    }

    #[test]
    fn no_text_like_xml_panics(text in "(<[a-zP!?/]{0,3}[>&; \"='-]?){0,40}") {
        prop_assert_eq!(blocked_but_allowed(text.as_bytes()), None);
    }
}
