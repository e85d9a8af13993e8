//! Columns as wide as what is in them.

/// Between two columns.
const GAP: &str = "  ";

/// On which side a column's cells are flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table under a line of headings.
#[derive(Debug)]
pub(super) struct Table {
    aligns: Vec<Align>,
    /// The first one holds the headings.
    rows: Vec<Vec<String>>,
}

impl Table {
    /// No rows yet.
    pub(super) fn new(columns: &[(&str, Align)]) -> Self {
        let (headings, aligns) = columns.iter().map(|(name, align)| ((*name).to_owned(), *align)).unzip();
        Self { aligns, rows: vec![headings] }
    }

    /// One cell for each column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.aligns.len());
        self.rows.push(cells);
    }

    /// One line for the headings and each row.
    pub(super) fn render(&self) -> String {
        let columns: Vec<(Align, usize)> =
            self.aligns.iter().enumerate().map(|(i, align)| (*align, width(&self.rows, i))).collect();
        self.rows.iter().map(|row| line(row, &columns)).collect()
    }
}

/// A table of two columns without headings: names and values.
pub(super) fn pairs(rows: &[(&str, String)]) -> String {
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:<widest$}{GAP}{value}\n")).collect()
}

fn width(rows: &[Vec<String>], column: usize) -> usize {
    rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
}

fn line(row: &[String], columns: &[(Align, usize)]) -> String {
    let cells: Vec<String> = row.iter().zip(columns).map(|(cell, column)| pad(cell, *column)).collect();
    cells.join(GAP).trim_end().to_owned() + "\n"
}

fn pad(cell: &str, (align, width): (Align, usize)) -> String {
    match align {
        Align::Left => format!("{cell:<width$}"),
        Align::Right => format!("{cell:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("", Align::Left), ("name", Align::Left), ("n", Align::Right)]);
        table.row(vec!["*".into(), "ä".into(), "100".into()]);
        table.row(vec!["".into(), "longer".into(), "".into()]);
        assert_eq!(table.render(), "   name      n\n*  ä       100\n   longer\n");
    }

    #[test]
    fn pairs_line_up() {
        assert_eq!(pairs(&[("a", "1".into()), ("bcd", "2".into())]), "a    1\nbcd  2\n");
    }
}
