//! Pictures drawn here: bars that stretch with the page, with their words beside them and a table for those who hear
//! the page. What differs, differs by pattern; the colour only says it again.

use maud::{Markup, html};

/// Units of the drawing; the page stretches them, so words stand outside.
const WIDTH: u64 = 1_200;
const HEIGHT: u64 = 120;
/// A value that is not nothing is seen.
const BAR_HEIGHT_MIN: u64 = 3;

/// One bar: its parts from below to above.
pub(crate) struct Bar {
    /// In the table.
    pub(crate) label: String,
    pub(crate) values: Vec<u64>,
}

/// A picture of bars.
pub(crate) struct Chart<'a> {
    /// Unique on the page.
    pub(crate) id: &'a str,
    pub(crate) heading: &'a str,
    /// What it shows, in a sentence.
    pub(crate) summary: &'a str,
    /// What the bars are of, as the heading of the table's first column.
    pub(crate) of: &'a str,
    /// What the parts of a bar are, at most two.
    pub(crate) parts: &'a [&'a str],
    pub(crate) bars: &'a [Bar],
    /// Words below: one for each bar, or spread over the width.
    pub(crate) axis: &'a [&'a str],
}

pub(crate) fn chart(chart: &Chart<'_>) -> Markup {
    let sum = |bar: &Bar| bar.values.iter().sum::<u64>();
    let highest = chart.bars.iter().map(sum).max().unwrap_or(0);
    let (title, text) = (format!("{}-title", chart.id), format!("{}-text", chart.id));
    html! {
        figure.chart {
            figcaption { h3 id=(title) { (chart.heading) } p id=(text) { (chart.summary) } }
            div.plot {
                div.scale aria-hidden="true" { span { (highest) } span { "0" } }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-labelledby={ (title) " " (text) } {
                    title { (chart.heading) ": " (chart.summary) }
                    (hatch(chart.id, HEIGHT / 12))
                    @for line in [0, HEIGHT / 2] { path.grid d={ "M0 " (line) "H" (WIDTH) } vector-effect="non-scaling-stroke" {} }
                    path.base d={ "M0 " (HEIGHT) "H" (WIDTH) } vector-effect="non-scaling-stroke" {}
                    @for (index, bar) in chart.bars.iter().enumerate() { (drawn(chart, index, bar, highest)) }
                }
            }
            div.axis.each[chart.axis.len() == chart.bars.len()] aria-hidden="true" { @for word in chart.axis { span { (word) } } }
            @if chart.parts.len() > 1 {
                ul.legend aria-hidden="true" {
                    @for (part, name) in chart.parts.iter().enumerate() { li { (swatch(part)) (name) } }
                }
            }
            (as_table(chart))
        }
    }
}

fn drawn(chart: &Chart<'_>, index: usize, bar: &Bar, highest: u64) -> Markup {
    let count = chart.bars.len().max(1) as u64;
    let (slot, index) = (WIDTH / count, index as u64);
    let gap = slot / 6;
    let mut top = HEIGHT;
    let mut parts = Vec::new();
    for (part, value) in bar.values.iter().enumerate().filter(|(_, value)| **value > 0) {
        let height = (value * HEIGHT / highest.max(1)).max(BAR_HEIGHT_MIN).min(top);
        top -= height;
        parts.push((part, top, height));
    }
    html! {
        @for (part, y, height) in parts {
            rect class=(if part == 0 { "bar" } else { "other" }) x=(index * slot + gap) y=(y) width=(slot - 2 * gap) height=(height)
                fill=[(part > 0).then(|| format!("url(#{}-hatch)", chart.id))] vector-effect="non-scaling-stroke" {
                title { (bar.label) ": " (bar.values[part]) " " (chart.parts.get(part).copied().unwrap_or_default()) }
            }
        }
    }
}

fn hatch(id: &str, size: u64) -> Markup {
    html! {
        defs {
            pattern id={ (id) "-hatch" } width=(size) height=(size) patternUnits="userSpaceOnUse" {
                path.hatch d={ "M0 " (size) "L" (size) " 0" } vector-effect="non-scaling-stroke" {}
            }
        }
    }
}

fn swatch(part: usize) -> Markup {
    html! {
        svg.swatch viewBox="0 0 14 14" width="14" height="14" {
            @if part == 0 { rect.bar x="1" y="1" width="12" height="12" {} }
            @else { rect.other x="1" y="1" width="12" height="12" fill="none" {} path.hatch.fine d="M1 9 9 1M5 13 13 5" {} }
        }
    }
}

/// The same in numbers; bars of nothing are left out.
fn as_table(chart: &Chart<'_>) -> Markup {
    let filled = |bar: &&Bar| bar.values.iter().any(|value| *value > 0);
    html! {
        details.numbers {
            summary { "In numbers" span.unseen { ": " (chart.heading) } }
            @if !chart.bars.iter().any(|bar| filled(&bar)) { p.muted { "Nothing in this time." } }
            @else {
                table.plain {
                    caption.unseen { (chart.heading) }
                    thead { tr { th scope="col" { (chart.of) } @for part in chart.parts { th.number scope="col" { (part) } } } }
                    tbody {
                        @for bar in chart.bars.iter().filter(filled) {
                            tr { th scope="row" { (bar.label) } @for value in &bar.values { td.number { (value) } } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_within_the_picture_and_are_told_in_numbers() {
        let bars = [
            Bar { label: "12:00".to_owned(), values: vec![1_000_000, 1] },
            Bar { label: "13:00".to_owned(), values: vec![0, 0] },
        ];
        let shown = chart(&Chart {
            id: "c",
            heading: "Events",
            summary: "Many.",
            of: "Hour",
            parts: &["delivered", "waiting"],
            bars: &bars,
            axis: &["first", "last"],
        })
        .into_string();
        assert!(shown.contains("role=\"img\" aria-labelledby=\"c-title c-text\""), "{shown}");
        assert!(shown.contains("<th scope=\"row\">12:00</th><td class=\"number\">1000000</td>"), "{shown}");
        assert!(!shown.contains("13:00") && !shown.contains(" style="), "{shown}");
        assert!(shown.contains("url(#c-hatch)"), "{shown}");
    }
}
