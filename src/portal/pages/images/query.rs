//! Which golden images are shown, and in which order. Pure.

use std::cmp::Ordering;

use crate::portal::pages::browse::{Browse, Column, Needle, Params, Word, natural};
use crate::portal::pages::filter::words;
use crate::portal::pages::query::Query;
use crate::portal::rows::ImageRow;

words! {
    /// What to sort images by.
    ImageColumn {
        /// The name.
        Image = "image", "Golden image",
        /// Whether there is a file for Apple silicon.
        Apple = "arm64", "Apple silicon",
        /// Whether there is a file for Intel.
        Intel = "x86_64", "Intel",
        /// The policies that carry it.
        Policy = "policy", "Policies",
        /// The groups that get it.
        Groups = "groups", "Groups",
    }
}

impl Column for ImageColumn {
    const FIRST: Self = Self::Image;

    fn descends(self) -> bool {
        matches!(self, Self::Apple | Self::Intel)
    }
}

words! {
    /// What an administrator looks for among images.
    StandingFilter {
        /// Some group gets it.
        Assigned = "assigned", "Assigned",
        /// No group gets it.
        Idle = "idle", "Not assigned",
        /// Nothing of it is enabled.
        Disabled = "disabled", "Disabled",
    }
}

impl StandingFilter {
    /// Whether an image stands so.
    pub(super) fn admits(self, row: &ImageRow) -> bool {
        match self {
            Self::Assigned => !row.groups.is_empty(),
            Self::Idle => row.groups.is_empty(),
            Self::Disabled => !row.files.iter().any(|file| file.enabled),
        }
    }
}

/// What the address of the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageQuery {
    /// Search, sorting, page and the opened row.
    pub(super) browse: Browse<ImageColumn>,
    /// How it stands.
    pub(super) standing: Option<StandingFilter>,
}

impl Query for ImageQuery {
    type Row = ImageRow;
    type By = ImageColumn;
    const PATH: &'static str = super::PATH;

    fn read(params: &Params) -> Self {
        Self { browse: Browse::read(params), standing: StandingFilter::read(params.get("standing")) }
    }

    fn browse(&self) -> &Browse<ImageColumn> {
        &self.browse
    }

    fn browsing(&self, browse: Browse<ImageColumn>) -> Self {
        Self { browse, ..self.clone() }
    }

    fn filters(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("standing", self.standing.map(|standing| standing.word().to_owned()))]
    }

    fn admits(&self, row: &ImageRow, needle: &Needle) -> bool {
        self.standing.is_none_or(|standing| standing.admits(row)) && found(row, needle)
    }

    fn order(&self, left: &ImageRow, right: &ImageRow) -> Ordering {
        let enabled = |row: &ImageRow, arch: &str| {
            row.files.iter().any(|file| file.enabled && file.arch.name() == arch)
        };
        let by_column = match self.browse.sort {
            ImageColumn::Image => natural(&left.name, &right.name),
            ImageColumn::Apple => enabled(left, "arm64").cmp(&enabled(right, "arm64")),
            ImageColumn::Intel => enabled(left, "x86_64").cmp(&enabled(right, "x86_64")),
            ImageColumn::Policy => natural(&left.policies.join(" "), &right.policies.join(" ")),
            ImageColumn::Groups => natural(&left.groups.join(" "), &right.groups.join(" ")),
        };
        self.browse.order(by_column, || natural(&left.name, &right.name).then_with(|| left.id.cmp(&right.id)))
    }
}

/// Whether the row holds what is searched for: in its names, its addresses and digests, its policies and groups.
fn found(row: &ImageRow, needle: &Needle) -> bool {
    let texts = [row.name.as_str(), row.description.as_str()].into_iter();
    let files = row.files.iter().flat_map(|file| [file.url.as_str(), file.sha256.as_str(), file.arch.name()]);
    let places = row.policies.iter().chain(&row.groups).map(String::as_str);
    needle.finds(texts.chain(files).chain(places))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::host::Arch;
    use crate::domain::ids::ImageId;
    use crate::portal::rows::ImageFileRow;

    fn row(number: u128, name: &str, enabled: bool, groups: &[&str]) -> ImageRow {
        let file = ImageFileRow {
            arch: Arch::Arm64,
            enabled,
            url: "https://images.example/a.pvmp".to_owned(),
            sha256: "sha256:00".to_owned(),
            size: 1,
            unpacked_size: 2,
        };
        ImageRow {
            id: ImageId::of(uuid::Uuid::from_u128(number)),
            name: name.to_owned(),
            description: String::new(),
            files: vec![file],
            policies: Vec::new(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            several: false,
        }
    }

    fn names(address: &str) -> Vec<String> {
        let rows = vec![row(1, "b 10", true, &["Sales"]), row(2, "b 9", false, &[]), row(3, "a", true, &[])];
        let query = ImageQuery::read(&Params::parse(address.as_bytes()));
        assert_eq!(
            ImageQuery::read(&Params::parse(
                super::super::super::browse::address("", &query.pairs()).trim_start_matches('?').as_bytes()
            )),
            query
        );
        query.select(rows).into_iter().map(|row| row.name).collect()
    }

    #[test]
    fn rows_are_found_filtered_and_ordered() {
        assert_eq!(names(""), ["a", "b 9", "b 10"]);
        assert_eq!(names("sort=image&dir=desc"), ["b 10", "b 9", "a"]);
        assert_eq!(names("standing=assigned"), ["b 10"]);
        assert_eq!(names("standing=disabled"), ["b 9"]);
        assert_eq!(names("q=sales"), ["b 10"]);
        assert_eq!(names("q=nothing"), Vec::<String>::new());
    }
}
