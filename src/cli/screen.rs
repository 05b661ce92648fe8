//! A screen: lines under each other, labels in a column, tables that fit.
//!
//! In go [`Line`]s; out comes the text for a terminal of a given [`Style`], every row within its width.

use super::ink::{Line, Style, Tone};

/// The gap between the columns of a table.
const GAP: usize = 2;

/// The least cells that a column which gives way is cut to.
const LEAST: usize = 8;

/// The least that one is cut to before the others are: enough for a date and for most words.
const LEAST_FIRST: usize = 12;

/// A screen that is being put together.
pub struct Screen<'a> {
    style: &'a Style,
    text: String,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    right: bool,
    /// Who gives way first has the higher number; 0 never does.
    gives_way: u8,
    /// What does not fit is not cut, but stands on a line of its own.
    whole: bool,
}

impl Column {
    /// A column that keeps its width.
    #[must_use]
    pub const fn firm(title: &'static str) -> Self {
        Self { title, right: false, gives_way: 0, whole: false }
    }

    /// A column that is cut where the screen is too narrow.
    #[must_use]
    pub const fn giving_way(title: &'static str) -> Self {
        Self { title, right: false, gives_way: 1, whole: false }
    }

    /// The first column, where what stands in it is to be typed elsewhere: it gives way, but is never cut.
    #[must_use]
    pub const fn whole(title: &'static str) -> Self {
        Self { title, right: false, gives_way: 1, whole: true }
    }

    /// A column that is cut before the others are.
    #[must_use]
    pub const fn giving_way_first(title: &'static str) -> Self {
        Self { title, right: false, gives_way: 2, whole: false }
    }

    /// The least cells that it is cut to.
    const fn least(self) -> usize {
        if self.gives_way > 1 { LEAST_FIRST } else { LEAST }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(title: &'static str) -> Self {
        Self { title, right: true, gives_way: 0, whole: false }
    }
}

/// A table.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug)]
enum Row {
    /// A cell for each column.
    Cells(Vec<Line>),
    /// A mark and a remark across all columns, wrapped.
    Note(Line, Line),
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub const fn of(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; it has a cell for each column.
    pub fn row(&mut self, cells: Vec<Line>) {
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a remark on the row before it, behind a mark.
    pub fn note(&mut self, mark: Line, remark: Line) {
        self.rows.push(Row::Note(mark, remark));
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &Line> {
        self.rows.iter().filter_map(move |row| match row {
            Row::Cells(cells) => cells.get(column),
            Row::Note(..) => None,
        })
    }

    /// The cells of each column, so that all fit in `limit` as far as columns give way.
    fn widths(&self, limit: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let cells = self.cells(index).map(Line::width);
                cells.chain([column.title.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > limit {
            let widest = self
                .columns
                .iter()
                .zip(&mut widths)
                .filter(|(column, width)| column.gives_way > 0 && **width > column.least())
                .max_by_key(|(column, width)| (column.gives_way, **width));
            match widest {
                Some((_, width)) => *width -= 1,
                None => break,
            }
        }
        widths
    }
}

impl<'a> Screen<'a> {
    /// An empty screen.
    #[must_use]
    pub const fn new(style: &'a Style) -> Self {
        Self { style, text: String::new() }
    }

    /// An empty row.
    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line, wrapped.
    pub fn line(&mut self, line: &Line) {
        self.hanging(0, &Line::new(), line);
    }

    /// A heading with an empty row above it.
    pub fn heading(&mut self, title: &str) {
        self.blank();
        self.line(&Line::of(Tone::Strong, title));
    }

    /// A line behind a mark; what is wrapped hangs below the line and not below the mark.
    pub fn hanging(&mut self, indent: usize, mark: &Line, line: &Line) {
        let hang = indent + mark.width();
        for (index, row) in line.wrap(self.style.width.saturating_sub(hang)).iter().enumerate() {
            let margin = match index {
                0 => Line::plain(" ".repeat(indent)).join(mark.clone()),
                _ => Line::plain(" ".repeat(hang)),
            };
            self.put(&margin.join(row.clone()));
        }
    }

    /// A label of `column` cells and what it labels.
    pub fn labelled(&mut self, column: usize, label: &str, line: &Line) {
        let label = Line::of(Tone::Faint, format!("{label:<column$}"));
        self.hanging(2, &label, line);
    }

    /// A table with its header.
    pub fn table(&mut self, indent: usize, table: &Table) {
        let widths = table.widths(self.style.width.saturating_sub(indent));
        let header: Vec<_> = table.columns.iter().map(|column| Line::of(Tone::Faint, column.title)).collect();
        self.put(&table_row(indent, &header, &table.columns, &widths).cut(self.style.width));
        self.rows(indent, table);
    }

    /// A table without its header.
    pub fn rows(&mut self, indent: usize, table: &Table) {
        let widths = table.widths(self.style.width.saturating_sub(indent));
        for row in &table.rows {
            match row {
                Row::Cells(cells) => self.cells(indent, cells, &table.columns, &widths),
                Row::Note(mark, remark) => self.hanging(indent, mark, remark),
            }
        }
    }

    fn cells(&mut self, indent: usize, cells: &[Line], columns: &[Column], widths: &[usize]) {
        let too_long = match (cells.split_first(), columns.first(), widths.first()) {
            (Some((first, rest)), Some(column), Some(width)) if column.whole && first.width() > *width => {
                Some((first, rest))
            }
            _ => None,
        };
        let Some((first, rest)) = too_long else {
            return self.put(&table_row(indent, cells, columns, widths).cut(self.style.width));
        };
        self.put(&Line::plain(" ".repeat(indent)).join(first.clone()));
        let rest: Vec<_> = [Line::new()].into_iter().chain(rest.iter().cloned()).collect();
        self.put(&table_row(indent, &rest, columns, widths).cut(self.style.width));
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn put(&mut self, line: &Line) {
        let painted = line.paint(self.style);
        self.text.push_str(painted.trim_end());
        self.text.push('\n');
    }
}

fn table_row(indent: usize, cells: &[Line], columns: &[Column], widths: &[usize]) -> Line {
    let mut line = Line::plain(" ".repeat(indent));
    for (index, ((cell, column), width)) in cells.iter().zip(columns).zip(widths).enumerate() {
        if index > 0 {
            line = line.text(" ".repeat(GAP));
        }
        let cell = cell.cut(*width);
        let padding = Line::plain(" ".repeat(width - cell.width()));
        let last = index + 1 == columns.len();
        line = match (column.right, last) {
            (true, _) => line.join(padding).join(cell),
            (false, true) => line.join(cell),
            (false, false) => line.join(cell).join(padding),
        };
    }
    line
}
