//! Tables that become stacked rows on a phone. Roles are said again, because the stacked layout takes them away.

use maud::{Markup, html};

/// A column.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    /// Aligned to the right.
    Number(&'static str),
}

impl Column {
    fn label(self) -> &'static str {
        match self {
            Column::Text(label) | Column::Number(label) => label,
        }
    }

    fn class(self) -> Option<&'static str> {
        matches!(self, Column::Number(_)).then_some("number")
    }
}

/// A table; the first cell of each row is its heading, and each row has as many cells as there are columns.
pub(crate) fn table(caption: &str, columns: &[Column], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table role="table" {
            caption.unseen { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for column in columns {
                        th role="columnheader" scope="col" class=[column.class()] { (column.label()) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (column, cell) in columns.iter().zip(row).take(1) {
                            th role="rowheader" scope="row" data-label=(column.label()) { (cell) }
                        }
                        @for (column, cell) in columns.iter().zip(row).skip(1) {
                            td role="cell" class=[column.class()] data-label=(column.label()) { (cell) }
                        }
                    }
                }
            }
        }
    }
}
