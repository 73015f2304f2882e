//! How cost grows, drawn with logarithmic axes: what is linear has a slope of one.

use crate::curve::Curve;
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 520.0;
/// Room for the axes' numbers and the names.
const MARGIN: f64 = 60.0;
const COLORS: [&str; 6] = ["#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d35400", "#34495e"];

/// An axis: powers of ten from one to the other.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let logs = values.filter(|value| *value > 0.0).map(f64::log10);
        let (least, most) = (logs.clone().fold(f64::MAX, f64::min), logs.fold(f64::MIN, f64::max));
        Axis { from: least.floor(), to: most.ceil().max(least.floor() + 1.0) }
    }

    /// From 0 to 1.
    fn at(&self, value: f64) -> f64 {
        (value.max(f64::MIN_POSITIVE).log10() - self.from) / (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = f64> + use<> {
        (self.from as i32..=self.to as i32).map(|power| 10f64.powi(power))
    }
}

/// A picture of these curves.
pub(crate) fn svg(curves: &[Curve]) -> String {
    let points = || curves.iter().flat_map(|curve| curve.points.iter());
    if points().next().is_none() {
        return format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n"
        );
    }
    let across = Axis::of(points().map(|(count, _)| *count as f64));
    let up = Axis::of(points().map(|(_, cost)| *cost));
    let x = |count: f64| MARGIN + across.at(count) * (WIDTH - 2.0 * MARGIN);
    let y = |cost: f64| HEIGHT - MARGIN - up.at(cost) * (HEIGHT - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    for count in across.decades() {
        let (at, bottom) = (x(count), HEIGHT - MARGIN);
        let _ = writeln!(svg, "<path d=\"M{at:.1} {MARGIN}V{bottom}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
            bottom + 18.0
        );
    }
    for cost in up.decades() {
        let (at, right) = (y(cost), WIDTH - MARGIN);
        let _ = writeln!(svg, "<path d=\"M{MARGIN} {at:.1}H{right}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{cost}</text>",
            MARGIN - 6.0,
            at + 4.0
        );
    }
    for (number, curve) in curves.iter().enumerate() {
        let color = COLORS[number % COLORS.len()];
        let line: Vec<String> = curve
            .points
            .iter()
            .map(|(count, cost)| format!("{:.1},{:.1}", x(*count as f64), y(*cost)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{color}\">{} [{}], by {}: {:.2}</text>",
            MARGIN + 8.0,
            MARGIN + 4.0 + 16.0 * number as f64,
            curve.what,
            curve.unit,
            curve.of,
            curve.exponent()
        );
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_curve_is_a_line_inside_the_picture() {
        let curve = Curve::new("polls", "changes", "ms", vec![(10, 1.0), (1_000, 100.0)]);
        let svg = svg(&[curve]);
        assert!(svg.contains("points=\"60.0,460.0 700.0,60.0\""), "{svg}");
        assert!(svg.contains("by changes: 1.00"));
    }

    #[test]
    fn nothing_measured_is_an_empty_picture() {
        assert!(svg(&[]).starts_with("<svg"));
    }
}
