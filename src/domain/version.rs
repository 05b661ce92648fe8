//! Versions of Parallels Desktop, in every form that its tools and its property list write them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Version};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Policies, golden images and monitoring need this version (facts: Parallels' administrator's guide).
pub const POLICY_GATE: Gate = Gate::new(20, 1, 0);

/// Settings of virtual machines need this version (facts: Parallels' administrator's guide).
pub const VM_SETTINGS_GATE: Gate = Gate::new(26, 1, 0);

/// From this number on, the third of four numbers is a build and no patch: `9.0.12345.123456` is a build of 9.0,
/// `26.3.3.57507` one of 26.3.3 (facts: real output and a real update feed).
const LEAST_BUILD: u64 = 1_000;

/// A version of Parallels Desktop: three numbers and, where shown, the build.
///
/// Ordered by number, then by build; one without a build comes before the same with one. 26 follows 20.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParallelsVersion(Version);

/// The least version that has a feature. Builds do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    major: u64,
    minor: u64,
    patch: u64,
}

/// A text in which no version is found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version of Parallels Desktop, such as 26.1.1 or 20.2.0-55872")]
pub struct NotAVersion;

impl Gate {
    /// The gate at `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self { major, minor, patch }
    }
}

impl From<(u64, u64, u64)> for Gate {
    fn from((major, minor, patch): (u64, u64, u64)) -> Self {
        Self::new(major, minor, patch)
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl ParallelsVersion {
    /// `major.minor.patch` without a build.
    #[must_use]
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(Version::new(major, minor, patch))
    }

    /// The same version with this build.
    #[must_use]
    pub fn with_build(self, build: u64) -> Self {
        let Self(mut version) = self;
        version.build = BuildMetadata::new(&build.to_string()).unwrap_or(BuildMetadata::EMPTY);
        Self(version)
    }

    /// The first number. Staying on it is what the portal calls no major upgrade.
    #[must_use]
    pub const fn major(&self) -> u64 {
        self.0.major
    }

    /// Major, minor, patch.
    #[must_use]
    pub const fn numbers(&self) -> (u64, u64, u64) {
        (self.0.major, self.0.minor, self.0.patch)
    }

    /// The build, where the text had one.
    #[must_use]
    pub fn build(&self) -> Option<u64> {
        self.0.build.as_str().parse().ok()
    }

    /// How it stands to another by its three numbers, as `semver` compares them. The build is ignored.
    #[must_use]
    pub fn cmp_numbers(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }

    /// Whether this version has what came with `gate`. The build is ignored: 20.1.0-1 is a 20.1.0.
    #[must_use]
    pub fn reaches(&self, gate: Gate) -> bool {
        let gate = Version::new(gate.major, gate.minor, gate.patch);
        self.0.cmp_precedence(&gate) != Ordering::Less
    }
}

impl fmt::Display for ParallelsVersion {
    /// `26.1.1`, or `20.2.0-55872` with a build, as `prlsrvctl info` writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version { major, minor, patch, .. } = self.0;
        write!(f, "{major}.{minor}.{patch}")?;
        self.build().map_or(Ok(()), |build| write!(f, "-{build}"))
    }
}

impl fmt::Debug for ParallelsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ParallelsVersion {
    type Err = NotAVersion;

    /// Takes the first word that starts with a digit, and a build in parentheses after it.
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let mut words =
            text.split_ascii_whitespace().skip_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
        let word = words.next().ok_or(NotAVersion)?;
        let (numbers, dashed) = match word.split_once('-') {
            Some((numbers, build)) => (numbers, Some(number(build)?)),
            None => (word, None),
        };
        let in_parentheses = words
            .next()
            .and_then(|word| word.strip_prefix('(')?.strip_suffix(')'))
            .map(number)
            .transpose()?;
        let mut parts = [0; 4];
        let mut count = 0;
        for part in numbers.split('.') {
            *parts.get_mut(count).ok_or(NotAVersion)? = number(part)?;
            count += 1;
        }
        let [major, minor, third, fourth] = parts;
        let (patch, dotted) = match count {
            2 | 3 => (third, None),
            4 if third >= LEAST_BUILD => (0, Some(third)),
            4 => (third, Some(fourth)),
            _ => return Err(NotAVersion),
        };
        let version = Self::new(major, minor, patch);
        Ok(match dashed.or(in_parentheses).or(dotted) {
            Some(build) => version.with_build(build),
            None => version,
        })
    }
}

/// A number of digits alone: `u64` itself would also take a sign.
fn number(text: &str) -> Result<u64, NotAVersion> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| NotAVersion)
    } else {
        Err(NotAVersion)
    }
}

impl Serialize for ParallelsVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ParallelsVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> ParallelsVersion {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_that_parallels_writes_is_read() {
        for (text, read) in [
            ("20.1.0-55732", "20.1.0-55732"),
            ("Desktop 20.2.0-55872", "20.2.0-55872"),
            ("prlctl version 26.4.1 (57516)\n", "26.4.1-57516"),
            ("prlctl version 10.0.0 (12345) rev 123456", "10.0.0-12345"),
            ("prlctl version 9.0.12345.123456", "9.0.0-12345"),
            ("26.3.3.57507", "26.3.3-57507"),
            ("26.1.1", "26.1.1"),
            ("26.1", "26.1.0"),
        ] {
            assert_eq!(version(text).to_string(), read, "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "Desktop",
            "26",
            "26.",
            ".26",
            "26.x",
            "26.1.1.1.1",
            "+26.1",
            "26.+1",
            "26.1-",
            "26.1-beta",
            "99999999999999999999.1",
            "26.1 (x)",
        ] {
            let read = text.parse::<ParallelsVersion>();
            assert_eq!(read, Err(NotAVersion), "{text}");
        }
    }

    #[test]
    fn versions_compare_by_number_and_the_build_counts_last() {
        let ascending = [
            "9.0.0-99999",
            "18.3.2",
            "20.1.0",
            "20.1.0-9999",
            "20.1.0-55732",
            "20.1.1-1",
            "20.10.0",
            "26.0.0",
            "26.1.0",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn a_build_of_20_1_passes_the_gate_of_20_1() {
        for (text, policies, vm_settings) in [
            ("20.0.9-99999", false, false),
            ("20.1.0-1", true, false),
            ("20.1.0", true, false),
            ("26.0.9-57000", true, false),
            ("26.1.0-57107", true, true),
            ("27.0.2", true, true),
        ] {
            assert_eq!(version(text).reaches(POLICY_GATE), policies, "{text}");
            assert_eq!(version(text).reaches(VM_SETTINGS_GATE), vm_settings, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_version_reads_back_as_written(major: u64, minor: u64, patch: u64, build in prop::option::of(any::<u64>())) {
            let written = ParallelsVersion::new(major, minor, patch);
            let written = match build { Some(build) => written.with_build(build), None => written };
            prop_assert_eq!(&version(&written.to_string()), &written);
            let json = serde_json::to_string(&written).unwrap();
            prop_assert_eq!(serde_json::from_str::<ParallelsVersion>(&json).unwrap(), written);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<ParallelsVersion>();
        }
    }
}
