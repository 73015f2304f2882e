//! What was measured, as one table, as JSON and as a plot.

use crate::command_line::CommandLine;
use crate::curve::Curve;
use crate::plot;
use serde_json::{Value, json};
use std::io::Write;

/// One number.
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    value: f64,
    /// At most, or with a minus at least.
    mark: Option<f64>,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Row { what: what.into(), unit, value, mark: None }
    }

    /// It should be at most this.
    pub(crate) fn at_most(self, mark: f64) -> Self {
        Row { mark: Some(mark), ..self }
    }
}

/// All of a run.
pub(crate) struct Table {
    is_quick: bool,
    rows: Vec<Row>,
    curves: Vec<Curve>,
}

impl Table {
    pub(crate) fn new(is_quick: bool) -> Self {
        Table { is_quick, rows: Vec::new(), curves: Vec::new() }
    }

    pub(crate) fn add(&mut self, out: &mut dyn Write, row: Row) -> std::io::Result<()> {
        if self.rows.is_empty() {
            let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
            let load = load.split(' ').next().unwrap_or_default().to_owned();
            writeln!(out, "At load {load}{}.\n", if self.is_quick { ", quick" } else { "" })?;
            writeln!(out, "| what | measured | unit | mark |\n|---|---|---|---|")?;
        }
        let mark =
            row.mark.map_or("-".to_owned(), |mark| format!("{}{}", number(mark), verdict(row.value, mark)));
        writeln!(out, "| {} | {} | {} | {mark} |", row.what, number(row.value), row.unit)?;
        self.rows.push(row);
        out.flush()
    }

    /// A curve as two rows: each of its points, and its exponent.
    pub(crate) fn add_curve(&mut self, out: &mut dyn Write, curve: Curve) -> std::io::Result<()> {
        for (count, cost) in &curve.points {
            self.add(out, Row::new(format!("{}, {count} {}", curve.what, curve.of), curve.unit, *cost))?;
        }
        if let Some(count) = curve.given_up {
            // No number of them may take that long.
            self.add(
                out,
                Row::new(format!("{}: given up", curve.what), curve.of, count as f64).at_most(0.0),
            )?;
        }
        let exponent = Row::new(format!("{}, {}: exponent", curve.what, curve.unit), "-", curve.exponent());
        self.add(out, exponent.at_most(curve.exponent_max()))?;
        self.curves.push(curve);
        Ok(())
    }

    pub(crate) fn keep(&self, line: &CommandLine) -> anyhow::Result<()> {
        if let Some(file) = &line.json {
            std::fs::write(file, self.json().to_string())?;
        }
        if let Some(file) = &line.svg {
            std::fs::write(file, plot::svg(&self.curves))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let row =
            |row: &Row| json!({ "what": row.what, "unit": row.unit, "value": row.value, "mark": row.mark });
        json!({ "quick": self.is_quick, "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}

fn verdict(value: f64, mark: f64) -> &'static str {
    if value > mark { ": MISSED" } else { "" }
}

/// Three digits that count, or all before the point.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        value if value >= 100.0 || value == value.trunc() => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count() {
        let shown: Vec<String> = [0.0123, 1.0, 1.234, 12.34, 123.4, 123_456.7].map(number).into();
        assert_eq!(shown, ["0.012", "1", "1.23", "12.3", "123", "123457"]);
    }

    #[test]
    fn a_missed_mark_is_said() {
        let (mut table, mut out) = (Table::new(true), Vec::new());
        table.add(&mut out, Row::new("a", "ms", 2.0).at_most(1.0)).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with("| a | 2 | ms | 1: MISSED |\n"));
    }
}
