//! Filters that tables have, and the options of a `<select>`.

use std::collections::BTreeMap;

use super::browse::{Word, natural};
use super::text::cut;

/// Gives the choices of an enum the words that stand for them in an address, and their titles for a person.
macro_rules! titled {
    ($name:ty { $($choice:ident = $word:literal, $title:literal,)+ }) => {
        impl $crate::portal::pages::browse::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$choice),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$choice => $word,)+
                }
            }

            fn title(self) -> &'static str {
                match self {
                    $(Self::$choice => $title,)+
                }
            }
        }
    };
}
pub(super) use titled;

/// Defines a closed list of words that stand in an address, each with its title for a person.
macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident {
        $($(#[doc = $choice_doc:literal])+ $choice:ident = $word:literal, $title:literal,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::portal::pages) enum $name {
            $($(#[doc = $choice_doc])+ $choice,)+
        }

        $crate::portal::pages::filter::titled!($name { $($choice = $word, $title,)+ });
    };
}
pub(super) use words;

/// A user group to show alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GroupFilter {
    /// What is in no group.
    Without,
    /// What is in the group of this name.
    In(String),
}

impl GroupFilter {
    /// Reads `none` or `in:<name>`.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.strip_prefix("in:") {
            Some(name) => Some(Self::In(name.to_owned())),
            None => (text == "none").then_some(Self::Without),
        }
    }

    /// Writes what [`GroupFilter::read`] reads.
    pub(super) fn write(&self) -> String {
        match self {
            Self::Without => "none".to_owned(),
            Self::In(name) => format!("in:{name}"),
        }
    }

    /// Whether something in this group is shown.
    pub(super) fn admits(&self, group: Option<&str>) -> bool {
        match (self, group) {
            (Self::Without, None) => true,
            (Self::In(name), Some(group)) => name == group,
            _ => false,
        }
    }
}

/// An option of a `<select>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its value in the address.
    pub(super) value: String,
    /// Its text, with how many rows it stands for.
    pub(super) text: String,
    /// Whether it is the chosen one.
    pub(super) selected: bool,
}

/// A filter as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Select {
    /// The parameter.
    pub(super) name: &'static str,
    /// What it filters.
    pub(super) label: &'static str,
    /// The text of the option that filters nothing.
    pub(super) all: &'static str,
    /// The other options.
    pub(super) choices: Vec<Choice>,
}

impl Select {
    /// Whether one of its options is chosen.
    pub(super) fn is_set(&self) -> bool {
        self.choices.iter().any(|choice| choice.selected)
    }
}

/// The options of a closed list, with how many rows each stands for; those without rows are left out.
pub(super) fn choices<T, W: Word>(
    rows: &[T],
    chosen: Option<W>,
    admits: impl Fn(&T, W) -> bool,
) -> Vec<Choice> {
    W::ALL
        .iter()
        .map(|word| (*word, rows.iter().filter(|row| admits(row, *word)).count(), chosen == Some(*word)))
        .filter(|(_, number, selected)| *number > 0 || *selected)
        .map(|(word, number, selected)| Choice {
            value: word.word().to_owned(),
            text: format!("{} ({number})", word.title()),
            selected,
        })
        .collect()
}

/// The options of the filter by group.
pub(super) fn group_choices<'a>(
    groups: impl Iterator<Item = Option<&'a str>>,
    chosen: Option<&GroupFilter>,
) -> Vec<Choice> {
    let mut numbers: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for group in groups {
        let number = numbers.entry(group).or_default();
        *number = number.saturating_add(1);
    }
    match chosen {
        Some(GroupFilter::In(name)) => numbers.entry(Some(name)).or_default(),
        Some(GroupFilter::Without) => numbers.entry(None).or_default(),
        None => &mut 0,
    };
    let mut numbers: Vec<(Option<&str>, usize)> = numbers.into_iter().collect();
    numbers.sort_by(|(left, _), (right, _)| match (left, right) {
        (Some(left), Some(right)) => natural(left, right),
        _ => left.is_none().cmp(&right.is_none()),
    });
    numbers
        .into_iter()
        .map(|(group, number)| {
            let filter = group.map_or(GroupFilter::Without, |name| GroupFilter::In(name.to_owned()));
            let title = group.map_or("No group".to_owned(), |name| cut(name, 40));
            Choice {
                value: filter.write(),
                text: format!("{title} ({number})"),
                selected: chosen == Some(&filter),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_filter_reads_back() {
        for filter in [GroupFilter::Without, GroupFilter::In("none".into()), GroupFilter::In(String::new())] {
            assert_eq!(GroupFilter::read(&filter.write()), Some(filter));
        }
        assert_eq!(GroupFilter::read(""), None);
    }

    #[test]
    fn groups_are_counted_and_the_chosen_one_stays() {
        let groups = [Some("b"), None, Some("A"), Some("b")];
        let chosen = GroupFilter::In("gone".into());
        let choices = group_choices(groups.into_iter(), Some(&chosen));
        let texts: Vec<&str> = choices.iter().map(|choice| choice.text.as_str()).collect();
        assert_eq!(texts, ["A (1)", "b (2)", "gone (0)", "No group (1)"]);
        assert!(choices.iter().all(|choice| choice.selected == (choice.value == "in:gone")));
    }
}
