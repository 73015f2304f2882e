//! Tables that become stacked rows on a phone. Roles are said again, because the stacked layout takes them away.

use maud::{Markup, html};

/// A column.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    /// Aligned to the right.
    Number(&'static str),
    /// What a badge says; beside the heading of a stacked row.
    Mark(&'static str),
    /// Says what it is by itself: a stacked row does not repeat the heading.
    Plain(&'static str),
}

impl Column {
    fn label(self) -> &'static str {
        match self {
            Column::Text(label) | Column::Number(label) | Column::Mark(label) | Column::Plain(label) => label,
        }
    }

    fn class(self) -> Option<&'static str> {
        match self {
            Column::Text(_) => None,
            Column::Number(_) => Some("number"),
            Column::Mark(_) => Some("mark"),
            Column::Plain(_) => Some("own"),
        }
    }
}

/// A row with what it is about: focus follows it, wherever a later answer puts it.
pub(crate) struct Keyed {
    pub(crate) key: String,
    pub(crate) cells: Vec<Markup>,
}

/// A table; the first cell of each row is its heading, and each row has as many cells as there are columns.
pub(crate) fn table(caption: &str, columns: &[Column], rows: &[Vec<Markup>]) -> Markup {
    let rows = rows.iter().map(|cells| row(columns, None, cells));
    framed(caption, None, columns, html! { @for row in rows { (row) } })
}

/// The same of rows that come and go; on a phone each takes two or three lines, so that a list stays short.
pub(crate) fn keyed_table(caption: &str, columns: &[Column], rows: &[Keyed]) -> Markup {
    let rows = rows.iter().map(|keyed| row(columns, Some(&keyed.key), &keyed.cells));
    framed(caption, Some("rows"), columns, html! { @for row in rows { (row) } })
}

fn framed(caption: &str, class: Option<&str>, columns: &[Column], rows: Markup) -> Markup {
    html! {
        table role="table" class=[class] {
            caption.unseen { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns {
                        th role="columnheader" scope="col" class=[column.class()] { (column.label()) }
                    }
                }
            }
            tbody role="rowgroup" { (rows) }
        }
    }
}

fn row(columns: &[Column], key: Option<&str>, cells: &[Markup]) -> Markup {
    html! {
        tr role="row" data-key=[key] {
            @for (column, cell) in columns.iter().zip(cells).take(1) {
                th role="rowheader" scope="row" data-label=(column.label()) { (cell) }
            }
            @for (column, cell) in columns.iter().zip(cells).skip(1) {
                td role="cell" class=[column.class()] data-label=(column.label()) { (cell) }
            }
        }
    }
}
