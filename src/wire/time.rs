//! Times as the protocol writes them: `YYYY-MM-DDTHH:MM:SSZ`, and `iat` as a number of seconds.
//!
//! Used as `#[serde(with = "crate::wire::time")]` on a [`Timestamp`]. Writing drops fractions of a second; reading
//! takes this one form, to the letter.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is no time of the protocol's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form YYYY-MM-DDTHH:MM:SSZ")]
pub struct NotATime;

/// The time as the protocol writes it, truncated to the second.
#[must_use]
pub fn write(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a time of exactly the protocol's form.
///
/// # Errors
/// [`NotATime`] for every other form, also those that ISO 8601 allows, and for times beyond the year 9999.
pub fn read(text: &str) -> Result<Timestamp, NotATime> {
    if text.len() != "YYYY-MM-DDTHH:MM:SSZ".len() {
        return Err(NotATime);
    }
    let time: Timestamp = text.parse().map_err(|_| NotATime)?;
    // The parser is more generous (offsets, lower case, a leap second); what it writes back is the one form.
    if write(time) == text { Ok(time) } else { Err(NotATime) }
}

/// For `#[serde(with)]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write(*time))
}

/// For `#[serde(with)]`.
///
/// # Errors
/// Those of the deserializer, and [`NotATime`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    read(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// `iat`: whole seconds since 1970, within the times that the protocol can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumericDate(Timestamp);

impl NumericDate {
    /// The second in which this time lies.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        // A time within range stays within range without its fraction.
        Self(Timestamp::from_second(time.as_second()).unwrap_or(time))
    }

    /// The start of that second.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.as_second()
    }
}

impl Serialize for NumericDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.seconds())
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::from_second(i64::deserialize(deserializer)?).map(Self).map_err(de::Error::custom)
    }
}

/// The same for a time that may be absent.
pub mod optional {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes the time, or null.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the time, or null.
    ///
    /// # Errors
    /// A text that is no time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|text| super::read(&text)).transpose().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_form_is_read_and_written() {
        let time = read("2025-12-24T16:00:00Z").unwrap();
        assert_eq!(write(time), "2025-12-24T16:00:00Z");
        assert_eq!(write("2025-12-24T16:00:00.999Z".parse().unwrap()), "2025-12-24T16:00:00Z");
        for text in [
            "",
            "2025-12-24 16:00:00Z",
            "2025-12-24t16:00:00z",
            "2025-12-24T16:00:00",
            "2025-12-24T16:00:00.0Z",
            "2025-12-24T16:00:00+00:00",
            "2025-12-24T16:00:60Z",
            "2025-12-24T24:00:00Z",
            "2025-02-29T16:00:00Z",
            "2025-358T016:00:00.0",
            "20251224T160000.000Z",
            "+002025-12-24T16:00Z",
            "9999-12-31T23:59:59Z",
            "２025-12-24T16:00:0Z",
        ] {
            assert_eq!(read(text), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn a_numeric_date_is_whole_seconds_within_reach() {
        let date: NumericDate = serde_json::from_str("1764000000").unwrap();
        assert_eq!(write(date.timestamp()), "2025-11-24T16:00:00Z");
        assert_eq!(serde_json::to_string(&NumericDate::of(Timestamp::MAX)).unwrap(), "253402207200");
        for text in
            ["1764000000.5", "1.764e9", "\"1764000000\"", "null", "9007199254740991", "-9223372036854775808"]
        {
            assert!(serde_json::from_str::<NumericDate>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = read(&text);
        }

        #[test]
        fn every_time_of_the_protocol_reads_back(second in 0_i64..253_402_207_200) {
            let time = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(read(&write(time)), Ok(time));
        }
    }
}
