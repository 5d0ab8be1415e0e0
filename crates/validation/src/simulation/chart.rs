//! Small line charts as SVG, with a band around each line.

use std::fmt::Write;

/// A mean and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    /// Half the width of the 95 % confidence band; 0 of a single value.
    pub(super) margin: f64,
}

impl Estimate {
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let margin =
            if values.len() > 1 { 1.96 * (squares / (count - 1.0) / count).sqrt() } else { 0.0 };
        Some(Self { mean, margin })
    }
}

/// One line: its class in the style sheet, its name, and points from left to right. Values are parts of a whole.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) class: &'static str,
    pub(super) name: String,
    pub(super) points: Vec<(f64, Estimate)>,
}

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 42.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 38.0;

/// A chart from 0 to 100 % over `ticks`, whose texts stand below.
pub(super) fn chart(
    title: &str,
    below: &str,
    ticks: &[(f64, String)],
    series: &[Series],
) -> String {
    let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else { return String::new() };
    let x = |value: f64| {
        LEFT + (value - first.0) / (last.0 - first.0).max(f64::MIN_POSITIVE)
            * (WIDTH - LEFT - RIGHT)
    };
    let y = |part: f64| TOP + (1.0 - part.clamp(0.0, 1.0)) * (HEIGHT - TOP - BOTTOM);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    let _ = write!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"16\">{title}</text>");
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (line, text) = (y(part), y(part) + 3.5);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{line:.1}\" y2=\"{line:.1}\"/>\
             <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{text:.1}\">{:.0} %</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            part * 100.0
        );
    }
    for (value, text) in ticks {
        let _ = write!(
            svg,
            "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            x(*value),
            HEIGHT - BOTTOM + 15.0
        );
    }
    let _ = write!(
        svg,
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{below}</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 6.0
    );
    for line in series {
        let upper = line.points.iter().map(|(at, of)| (x(*at), y(of.mean + of.margin)));
        let lower = line.points.iter().rev().map(|(at, of)| (x(*at), y(of.mean - of.margin)));
        let middle: Vec<(f64, f64)> =
            line.points.iter().map(|(at, of)| (x(*at), y(of.mean))).collect();
        let _ = write!(
            svg,
            "<polygon class=\"band {}\" points=\"{}\"/>",
            line.class,
            points(upper.chain(lower))
        );
        let _ = write!(
            svg,
            "<polyline class=\"line {}\" points=\"{}\"/>",
            line.class,
            points(middle.iter().copied())
        );
        for ((at, of), (across, down)) in line.points.iter().zip(&middle) {
            let _ = write!(
                svg,
                "<circle class=\"{}\" cx=\"{across:.1}\" cy=\"{down:.1}\" r=\"2.2\"><title>{}, {}: {:.2} % ± {:.2}</title></circle>",
                line.class,
                line.name,
                ticks.iter().find(|(value, _)| value == at).map_or("", |(_, text)| text),
                of.mean * 100.0,
                of.margin * 100.0
            );
        }
    }
    svg + "</svg>"
}

fn points(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_value_has_no_band() {
        assert_eq!(Estimate::of(&[0.5]), Some(Estimate { mean: 0.5, margin: 0.0 }));
        assert_eq!(Estimate::of(&[]), None);
        let two = Estimate::of(&[0.4, 0.6]).map(|estimate| (estimate.margin * 1000.0).round());
        assert_eq!(two, Some(196.0));
    }

    #[test]
    fn a_chart_has_a_point_for_each_value() {
        let points = [0.1, 0.2].map(|at| (at, Estimate { mean: at, margin: 0.01 })).to_vec();
        let ticks = [(0.1, "10 %".to_owned()), (0.2, "20 %".to_owned())];
        let svg = chart(
            "t",
            "b",
            &ticks,
            &[Series { class: "robust", name: "robust".to_owned(), points }],
        );
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("robust, 20 %: 20.00 % ± 1.00"));
    }
}
