//! What holds while a profile is away: pure.
//!
//! macOS deletes and re-creates every managed preference file when any profile changes, and some MDM services remove a profile to
//! replace it. So a file that vanished keeps its last values for [`GRACE`] of wall time, counted across restarts; a file that
//! is there but corrupt or half-written keeps them for as long as it stays so. A key that is gone from a file that is there
//! lapses at once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::read::{Document, Reading};
use super::{Preferences, Unreadable};

/// How long a vanished profile keeps its values.
pub const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// What must be kept on disk between two steps. It holds the enrollment token: root's eyes only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The last good file.
    document: Document,
    /// When this content was first seen.
    since: Timestamp,
    /// Set while the file is away.
    away: Option<Away>,
}

/// How long a file has been away.
///
/// Time is added up from step to step, so that a clock set back gains nothing, and one that once ran far ahead holds nothing up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Away {
    vanished_at: Timestamp,
    elapsed: SignedDuration,
    last_step: Timestamp,
}

impl Away {
    fn step(self, now: Timestamp) -> Self {
        let passed = now.duration_since(self.last_step).max(SignedDuration::ZERO);
        Self { elapsed: self.elapsed.saturating_add(passed), last_step: now, ..self }
    }
}

/// What is wrong with the agent's profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The file is away, and its last values still hold.
    #[error("the profile is gone since {vanished_at}; its values lapse in {} s", lapses_in.as_secs())]
    Vanished {
        /// When it was first found gone.
        vanished_at: Timestamp,
        /// How long its values still hold.
        lapses_in: SignedDuration,
    },
    /// The file is there and unreadable; its last good values hold.
    #[error("the profile cannot be read; its last good values are kept")]
    Kept(#[source] Unreadable),
    /// The file is there and unreadable, and there are no values from before.
    #[error("the profile cannot be read")]
    Unreadable(#[source] Unreadable),
}

/// One step: what holds now, what to keep on disk, what is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Grace {
    /// What holds, its layer dated with when this content was first seen.
    pub preferences: Option<Preferences>,
    /// What to keep for the next step; the same as before while nothing changes and the file is there.
    pub remembered: Option<Remembered>,
    /// What is wrong with the file.
    pub trouble: Option<Trouble>,
}

impl Grace {
    const NOTHING: Self = Self { preferences: None, remembered: None, trouble: None };

    /// What holds now that the file was read like this.
    #[must_use]
    pub fn step(last: Option<Remembered>, reading: Reading<Document>, now: Timestamp) -> Self {
        match reading {
            Reading::Read(document) => match Preferences::parse(&document.file, &document.bytes.0) {
                Ok(preferences) => Self::read(last, document, preferences, now),
                Err(why) => Self::unreadable(last, why),
            },
            Reading::Unreadable(why) => Self::unreadable(last, why),
            Reading::Absent => Self::absent(last, now),
        }
    }

    fn read(
        last: Option<Remembered>,
        document: Document,
        mut preferences: Preferences,
        now: Timestamp,
    ) -> Self {
        let since = last.filter(|last| last.document == document).map_or(now, |last| last.since);
        preferences.settings.since = Some(since);
        let remembered = Some(Remembered { document, since, away: None });
        Self { preferences: Some(preferences), remembered, trouble: None }
    }

    fn unreadable(last: Option<Remembered>, why: Unreadable) -> Self {
        match last {
            // It is there: what it said is not withdrawn.
            Some(last) => Self::keep(Remembered { away: None, ..last }, Trouble::Kept(why)),
            None => Self { trouble: Some(Trouble::Unreadable(why)), ..Self::NOTHING },
        }
    }

    fn absent(last: Option<Remembered>, now: Timestamp) -> Self {
        let Some(last) = last else { return Self::NOTHING };
        let away = match last.away {
            Some(away) => away.step(now),
            None => Away { vanished_at: now, elapsed: SignedDuration::ZERO, last_step: now },
        };
        let lapses_in = GRACE.saturating_sub(away.elapsed);
        if lapses_in <= SignedDuration::ZERO {
            return Self::NOTHING;
        }
        let trouble = Trouble::Vanished { vanished_at: away.vanished_at, lapses_in };
        Self::keep(Remembered { away: Some(away), ..last }, trouble)
    }

    fn keep(last: Remembered, trouble: Trouble) -> Self {
        // What an older agent read may be unreadable to this one; then there is nothing to keep.
        let Ok(mut preferences) = Preferences::parse(&last.document.file, &last.document.bytes.0) else {
            let trouble = match trouble {
                Trouble::Kept(why) => Some(Trouble::Unreadable(why)),
                Trouble::Vanished { .. } | Trouble::Unreadable(_) => None,
            };
            return Self { trouble, ..Self::NOTHING };
        };
        preferences.settings.since = Some(last.since);
        Self { preferences: Some(preferences), remembered: Some(last), trouble: Some(trouble) }
    }
}

#[cfg(test)]
mod tests;
