//! How a table is looked at: search, sorting, page and the opened row, read from a page's address and written to it.
//!
//! An address that says nothing sensible is no error: what is unknown in it counts as not said.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use url::form_urlencoded;

/// How many rows a page has.
pub(super) const PAGE: usize = 100;

/// The longest value that is read from an address, in characters.
const VALUE: usize = 300;

/// The parameters of an address or of a form; of twins, the first counts.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads `a=b&c=d`.
    pub(super) fn parse(raw: &[u8]) -> Self {
        let mut found = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(raw).take(32) {
            found.entry(key.into_owned()).or_insert_with(|| value.chars().take(VALUE).collect());
        }
        Self(found)
    }

    /// The value of a parameter; empty where it is not there.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// The number that a parameter holds.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.get(key).parse().ok()
    }
}

/// A word of a closed list that stands in an address: a column, or a filter's choice.
pub(super) trait Word: Copy + PartialEq + 'static {
    /// All of them in the order in which they are shown.
    const ALL: &'static [Self];

    /// The word in the address.
    fn word(self) -> &'static str;

    /// The word for a person.
    fn title(self) -> &'static str;

    /// Reads the word in an address.
    fn read(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|choice| choice.word() == text)
    }
}

/// A column to sort by.
pub(super) trait Column: Word {
    /// The column by which an untouched page is sorted.
    const FIRST: Self;

    /// Whether the greatest goes first when a person first asks for this column.
    fn descends(self) -> bool;
}

/// How a table is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Browse<C> {
    /// What is searched for, as typed.
    pub(super) search: String,
    /// The column to sort by.
    pub(super) sort: C,
    /// Whether the greatest goes first.
    pub(super) descending: bool,
    /// The page, from 0.
    pub(super) page: usize,
    /// The key of the row whose details are shown; empty for none.
    pub(super) open: String,
}

impl<C: Column> Browse<C> {
    /// Reads it from an address.
    pub(super) fn read(params: &Params) -> Self {
        let sort = C::read(params.get("sort")).unwrap_or(C::FIRST);
        Self {
            search: params.get("q").to_owned(),
            sort,
            descending: match params.get("dir") {
                "asc" => false,
                "desc" => true,
                _ => sort.descends(),
            },
            page: params
                .number("page")
                .and_then(|page| usize::try_from(page).ok())
                .unwrap_or(1)
                .saturating_sub(1),
            open: params.get("open").to_owned(),
        }
    }

    /// Writes what is not as on an untouched page.
    pub(super) fn write(&self, pairs: &mut Vec<(&'static str, String)>) {
        let mut say = |key, value: &str| {
            if !value.is_empty() {
                pairs.push((key, value.to_owned()));
            }
        };
        say("q", &self.search);
        if self.sort != C::FIRST {
            say("sort", self.sort.word());
        }
        if self.descending != self.sort.descends() {
            say("dir", if self.descending { "desc" } else { "asc" });
        }
        if self.page > 0 {
            say("page", &self.page.saturating_add(1).to_string());
        }
        say("open", &self.open);
    }

    /// The same, sorted by this column: the other way round where it is sorted by it already.
    pub(super) fn sorted_by(&self, column: C) -> Self {
        let descending = if self.sort == column { !self.descending } else { column.descends() };
        Self { sort: column, descending, page: 0, ..self.clone() }
    }

    /// The same with this row opened, or closed where it is open.
    pub(super) fn toggled(&self, key: &str) -> Self {
        let open = if self.open == key { String::new() } else { key.to_owned() };
        Self { open, ..self.clone() }
    }

    /// What `aria-sort` says of a column.
    pub(super) fn aria_sort(&self, column: C) -> &'static str {
        match (self.sort == column, self.descending) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        }
    }

    /// The order of two rows by the chosen column, then by what tells them apart.
    pub(super) fn order(&self, by_column: Ordering, otherwise: impl FnOnce() -> Ordering) -> Ordering {
        let order = if self.descending { by_column.reverse() } else { by_column };
        order.then_with(otherwise)
    }
}

/// The address of a page with these parameters.
pub(super) fn address(path: &str, pairs: &[(&'static str, String)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// What is searched for: all of its words have to be somewhere in a row.
#[derive(Debug)]
pub(super) struct Needle(Vec<String>);

impl Needle {
    /// The words of a search.
    pub(super) fn new(search: &str) -> Self {
        Self(search.split_whitespace().map(str::to_lowercase).collect())
    }

    /// Whether a row with these texts is found.
    pub(super) fn finds<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let hay: Vec<String> = texts.map(str::to_lowercase).collect();
        self.0.iter().all(|word| hay.iter().any(|text| text.contains(word.as_str())))
    }
}

/// The order that people expect: case does not count, and 9 stands before 10.
pub(super) fn natural(left: &str, right: &str) -> Ordering {
    let (left_pieces, right_pieces) = (pieces(left), pieces(right));
    left_pieces.cmp(&right_pieces).then_with(|| left.cmp(right))
}

/// A piece of a text; numbers go first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// Digits without leading zeros: the longer number is the greater.
    Number(usize, String),
    Text(String),
}

/// The first pieces of a text; names that are longer are told apart by the rest as it is.
fn pieces(text: &str) -> Vec<Piece> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next().filter(|_| found.len() < 32) {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        found.push(if digits {
            let number = piece.trim_start_matches('0');
            Piece::Number(number.len(), number.to_owned())
        } else {
            Piece::Text(piece.to_lowercase())
        });
    }
    found
}

/// The part of the rows that a page shows, and which page that is: the last one where there are fewer.
pub(super) fn paged<T>(rows: Vec<T>, page: usize) -> (Vec<T>, Pages) {
    let total = rows.len();
    let last = total.saturating_sub(1) / PAGE;
    let page = page.min(last);
    let first = page.saturating_mul(PAGE);
    let shown: Vec<T> = rows.into_iter().skip(first).take(PAGE).collect();
    let pages =
        Pages { page, last, first: first.saturating_add(1), end: first.saturating_add(shown.len()), total };
    (shown, pages)
}

/// Where in the rows a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pages {
    /// The page, from 0.
    pub(super) page: usize,
    /// The last page, from 0.
    pub(super) last: usize,
    /// The number of its first row, from 1.
    pub(super) first: usize,
    /// The number of its last row.
    pub(super) end: usize,
    /// How many rows there are.
    pub(super) total: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names =
            vec!["vm 10", "VM 9", "vm 1", "", "10.2", "9.1", "20.1.0", "b", "Äpfel", "A", "vm 09"];
        names.sort_by(|left, right| natural(left, right));
        assert_eq!(names, ["", "9.1", "10.2", "20.1.0", "A", "b", "vm 1", "VM 9", "vm 09", "vm 10", "Äpfel"]);
    }

    #[test]
    fn all_words_have_to_be_found_in_any_text() {
        let row = ["Windows 11", "mac-berlin", "anna"];
        for (search, found) in
            [("", true), ("  ", true), ("WIN", true), ("anna 11", true), ("11anna", false), ("x", false)]
        {
            assert_eq!(Needle::new(search).finds(row.iter().copied()), found, "{search}");
        }
    }

    #[test]
    fn a_page_beyond_the_last_is_the_last() {
        let rows: Vec<usize> = (0..250).collect();
        for (page, first, end) in [(0, 1, 100), (2, 201, 250), (9, 201, 250)] {
            let (shown, pages) = paged(rows.clone(), page);
            assert_eq!((pages.first, pages.end, shown.len()), (first, end, end + 1 - first));
        }
        assert_eq!(paged(Vec::<u8>::new(), 3).1, Pages { page: 0, last: 0, first: 1, end: 0, total: 0 });
    }

    #[test]
    fn of_twin_parameters_the_first_counts_and_long_ones_are_cut() {
        let params = Params::parse(format!("q=a+b&q=c&x={}", "y".repeat(900)).as_bytes());
        assert_eq!((params.get("q"), params.get("x").len(), params.get("z")), ("a b", VALUE, ""));
    }

    proptest! {
        #[test]
        fn any_address_can_be_read(raw in any::<Vec<u8>>()) {
            Params::parse(&raw);
        }

        #[test]
        fn the_natural_order_is_total(a in "[aA0-9 ]{0,6}", b in "[aA0-9 ]{0,6}", c in "[aA0-9 ]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }
}
