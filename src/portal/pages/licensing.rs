//! What the pages Licenses and User Groups share: the words for licenses and seats, and how full they are.

use super::filter::titled;
use super::parts::{Gauge, Tone};
use super::text::Shown;
use crate::domain::license::MaskedKey;
use crate::portal::rows::{LicenseStanding, Licensing, SeatMode};
use crate::wire::lease::Product;

titled!(Product {
    Enterprise = "enterprise", "Enterprise Edition",
    EnterpriseTrial = "trial", "Enterprise Edition trial",
    Business = "business", "Business Edition",
});

titled!(Licensing {
    PerDevice = "device", "Per device",
    PerUser = "user", "Per user",
    Mixed = "mixed", "Mixed",
});

titled!(LicenseStanding {
    Active = "active", "Active",
    Suspended = "suspended", "Suspended",
    Replaced = "replaced", "Replaced",
    Expired = "expired", "Expired",
});

titled!(SeatMode {
    Reserved = "reserved", "Reserved",
    Dynamic = "dynamic", "Dynamic",
});

/// A key in a cell by what tells it from others, its first and last group; who points at it is told all that may be shown.
pub(super) fn short_key(key: Option<&MaskedKey>, placeholder: &'static str) -> Shown {
    let Some(key) = key.map(ToString::to_string) else { return Shown::cell("", placeholder) };
    match key.split_once('-').zip(key.rsplit_once('-')) {
        Some(((first, _), (_, last))) => Shown::named(format!("{first}-…-{last}"), &key),
        None => Shown::ours(key),
    }
}

/// How many seats are taken, as a bar where there is a limit.
pub(super) fn seats(used: u32, limit: Option<u32>) -> Gauge {
    let Some(limit) = limit else {
        return Gauge::open(format!("{used}, no limit"));
    };
    let text = format!("{used} of {limit}");
    let tone = match fullness(used, limit) {
        1001.. => Tone::Bad,
        900.. => Tone::Warn,
        _ => Tone::Busy,
    };
    Gauge::new(tone, u64::from(used), u64::from(limit), text)
}

/// How much of a limit is taken, in thousandths; more than that where there is none to take and some is taken.
pub(super) fn fullness(used: u32, limit: u32) -> u64 {
    let (used, limit) = (u64::from(used), u64::from(limit));
    match used.saturating_mul(1000).checked_div(limit) {
        // One over a limit of a million is still over it.
        Some(taken) if used > limit => taken.max(1001),
        Some(taken) => taken,
        None if used > 0 => u64::MAX,
        None => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_by_its_first_and_last_group() {
        let of = |key: &str| short_key(Some(&MaskedKey::of(key)), "no key").to_string();
        assert_eq!(
            of("B2W8KC-AAAAAA-BBBBBB-CCCCCC-9D3V1C"),
            "<bdi title=\"B2W8KC-******-******-******-9D3V1C\">B2W8KC-…-9D3V1C</bdi>"
        );
        assert_eq!(of("of another form"), "<bdi>******</bdi>");
        assert_eq!(short_key(None, "no key").to_string(), "<span class=\"none\">no key</span>");
    }

    #[test]
    fn what_is_over_its_limit_is_never_merely_full() {
        for (used, limit, taken) in [
            (0, 10, 0),
            (9, 10, 900),
            (10, 10, 1000),
            (11, 10, 1100),
            (1_000_001, 1_000_000, 1001),
            (0, 0, 1000),
            (1, 0, u64::MAX),
            (u32::MAX, 1, 4_294_967_295_000),
        ] {
            assert_eq!(fullness(used, limit), taken, "{used} of {limit}");
        }
    }
}
