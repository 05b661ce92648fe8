//! Whether this Mac is fit for heavy work: on mains or with a battery that is not low, and awake as a whole. Pure.
//!
//! In goes what `pmset` prints; out comes a [`Fitness`]. A Mac that wakes for a moment with its lid closed has half a
//! network and loses what is begun there.

/// The least charge with which heavy work is begun without mains, in percent.
pub const LEAST_CHARGE: u8 = 40;

/// How the Mac is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feed {
    /// From mains.
    pub mains: bool,
    /// The charge of the weakest battery, in percent; none where there is no battery.
    pub charge: Option<u8>,
}

/// Whether heavy work may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitness {
    /// It may.
    Fit,
    /// The battery is too low.
    LowBattery(u8),
    /// The Mac is only half awake.
    HalfAwake,
}

/// Reads `pmset -g batt`: `Now drawing from 'AC Power'`, then a line a battery with `95%;` in it. A Mac without
/// batteries has mains. What is not understood stands in nobody's way.
#[must_use]
pub fn parse_feed(output: &[u8]) -> Feed {
    let text = String::from_utf8_lossy(output);
    let charges = text.lines().filter(|line| line.contains("InternalBattery")).filter_map(|line| {
        let (before, _) = line.split_once('%')?;
        let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u8>().ok().filter(|charge| *charge <= 100)
    });
    let charge = charges.min();
    let on_battery = text.lines().any(|line| line.contains("drawing from") && line.contains("Battery Power"));
    Feed { mains: !on_battery, charge }
}

/// Reads `pmset -g systemstate` (inferred: that a Mac that is half awake lists its capabilities without `Graphics`). What is
/// not understood counts as awake.
#[must_use]
pub fn parse_awake(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output);
    let capabilities = text.lines().find(|line| line.contains("Capabilities"));
    capabilities.and_then(|line| line.split_once(':')).is_none_or(|(_, words)| {
        words.trim().is_empty() || words.split_whitespace().any(|word| word.eq_ignore_ascii_case("graphics"))
    })
}

/// Whether heavy work may be done now.
#[must_use]
pub const fn fitness(feed: Feed, awake: bool) -> Fitness {
    match feed {
        _ if !awake => Fitness::HalfAwake,
        Feed { mains: false, charge: Some(charge) } if charge < LEAST_CHARGE => Fitness::LowBattery(charge),
        _ => Fitness::Fit,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAINS: &str = "Now drawing from 'AC Power'\n -InternalBattery-0 (id=4653155)\t12%; charging; 2:10 remaining present: true\n";

    #[test]
    fn mains_or_charge_and_a_full_wake_make_it_fit() {
        let battery = |charge: u8| {
            format!(
                "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=4653155)\t{charge}%; discharging; 3:01 remaining present: true\n"
            )
        };
        let awake = "Current System Capabilities are: CPU Graphics Audio Network \nCurrent Power State: 4\n";
        let dark = "Current System Capabilities are: CPU Network \nCurrent Power State: 3\n";
        for (feed, state, expected) in [
            (MAINS.to_owned(), awake, Fitness::Fit),
            (MAINS.to_owned(), dark, Fitness::HalfAwake),
            (battery(40), awake, Fitness::Fit),
            (battery(39), awake, Fitness::LowBattery(39)),
            (battery(100), dark, Fitness::HalfAwake),
            ("Now drawing from 'AC Power'\n".to_owned(), awake, Fitness::Fit),
            ("Now drawing from 'Battery Power'\n".to_owned(), awake, Fitness::Fit),
            (String::new(), "", Fitness::Fit),
        ] {
            let found = fitness(parse_feed(feed.as_bytes()), parse_awake(state.as_bytes()));
            assert_eq!(found, expected, "{feed} {state}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = fitness(parse_feed(&bytes), parse_awake(&bytes));
        }
    }
}
