//! Which name a person probably meant.

use std::collections::BTreeSet;

/// At most three of the names that are near `given`, the nearest first: few letters away, or with it inside.
#[must_use]
pub fn to<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    // Names are short; text that is longer than any is near to none, and costs nothing.
    let given: Vec<char> = given.chars().take(64).flat_map(char::to_lowercase).collect();
    let text: String = given.iter().collect();
    let near: BTreeSet<_> = names
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let away = distance(&given, &lower.chars().collect::<Vec<_>>());
            let inside = given.len() >= 3 && lower.contains(&text);
            (inside || away <= (given.len() / 3).max(1)).then_some((if inside { 0 } else { away }, name))
        })
        .collect();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Whether somebody who wrote `given` meant `name`, and slipped: at most three letters are others.
#[must_use]
pub fn is_slip(given: &str, name: &str) -> bool {
    let letters = |text: &str| text.chars().take(64).flat_map(char::to_lowercase).collect::<Vec<_>>();
    given != name && distance(&letters(given), &letters(name)) <= 3
}

/// How many letters to insert, delete or change (Levenshtein).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_slip_is_a_few_letters() {
        for (given, slipped) in [
            ("dev.meridian.agnet", true),
            ("Dev.Meridian.Agent", true),
            ("dev.meridian.agents", true),
            ("dev.meridian.agent", false),
            ("dev.example.agent", false),
            ("", false),
        ] {
            assert_eq!(super::is_slip(given, "dev.meridian.agent"), slipped, "{given}");
        }
    }

    #[test]
    fn near_names_are_found() {
        let names = ["restrict.create_vm", "restrict.clone_vm", "vm.network", "PortalURL"];
        let to = |given| super::to(given, names.into_iter());
        assert_eq!(to("restrict.creat_vm"), ["restrict.create_vm", "restrict.clone_vm"]);
        assert_eq!(to("network"), ["vm.network"]);
        assert_eq!(to("PortalUrl"), ["PortalURL"]);
        assert_eq!(to("RESTRICT.CLONE_VM").first(), Some(&"restrict.clone_vm"));
        assert!(to("something else").is_empty());
        assert!(to("").is_empty());
        assert!(to(&"x".repeat(10_000)).is_empty());
    }
}
