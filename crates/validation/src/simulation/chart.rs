//! Small line charts as SVG, with a band around each line.

use std::fmt::Write;

/// A mean and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    /// Half the width of the 95 % confidence band; 0 of a single value.
    pub(super) margin: f64,
}

/// Student's t for 95 %, by degrees of freedom from 1 on; a few seeds are too few for the normal distribution.
const STUDENT: [f64; 19] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
];

impl Estimate {
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let margin = match values.len() {
            1 => 0.0,
            many => {
                let student = STUDENT.get(many - 2).copied().unwrap_or(1.96 + 2.4 / (count - 1.0));
                student * (squares / (count - 1.0) / count).sqrt()
            }
        };
        Some(Self { mean, margin })
    }
}

/// One line: its class in the style sheet, its name, and points from left to right. Values are parts of a whole.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, Estimate)>,
}

/// Where a line is drawn over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis<'a> {
    pub(super) title: &'a str,
    /// Where, and what stands there, from left to right.
    pub(super) ticks: &'a [(f64, String)],
}

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 40.0;

/// A chart from 0 to 100 %.
pub(super) fn chart(title: &str, axis: Axis<'_>, series: &[Series]) -> String {
    let (Some(first), Some(last)) = (axis.ticks.first(), axis.ticks.last()) else {
        return String::new();
    };
    let (title, below) = (escaped(title), escaped(axis.title));
    let width = (last.0 - first.0).max(f64::MIN_POSITIVE);
    let x = |value: f64| LEFT + (value - first.0) / width * (WIDTH - LEFT - RIGHT);
    let y = |part: f64| TOP + (1.0 - part.clamp(0.0, 1.0)) * (HEIGHT - TOP - BOTTOM);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    let _ = write!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"16\">{title}</text>");
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (line, text) = (y(part), y(part) + 3.5);
        let _ = write!(
            svg,
            "<line class=\"rule\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{line:.1}\" y2=\"{line:.1}\"/>\
             <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{text:.1}\">{:.0} %</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            part * 100.0
        );
    }
    for (value, text) in axis.ticks {
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
        draw(line, axis.ticks, &x, &y, &mut svg);
    }
    svg + "</svg>"
}

fn draw(
    line: &Series,
    ticks: &[(f64, String)],
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64) -> f64,
    svg: &mut String,
) {
    let upper = line.points.iter().map(|(at, of)| (x(*at), y(of.mean + of.margin)));
    let lower = line.points.iter().rev().map(|(at, of)| (x(*at), y(of.mean - of.margin)));
    let middle: Vec<(f64, f64)> = line.points.iter().map(|(at, of)| (x(*at), y(of.mean))).collect();
    let _ = write!(
        svg,
        "<polygon class=\"band {0}\" points=\"{1}\"/><polyline class=\"line {0}\" points=\"{2}\"/>",
        line.class,
        points(upper.chain(lower)),
        points(middle.iter().copied())
    );
    for ((at, of), (across, down)) in line.points.iter().zip(&middle) {
        let tick = ticks.iter().find(|(value, _)| value == at).map_or("", |(_, text)| text);
        let _ = write!(
            svg,
            "<circle class=\"{}\" cx=\"{across:.1}\" cy=\"{down:.1}\" r=\"2.4\">\
             <title>{}, {tick}: {:.2} % ± {:.2}</title></circle>",
            line.class,
            line.name,
            of.mean * 100.0,
            of.margin * 100.0
        );
    }
}

fn points(points: impl Iterator<Item = (f64, f64)>) -> String {
    points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// As text of HTML: names come from files of others.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_value_has_no_band_and_few_have_a_wide_one() {
        assert_eq!(Estimate::of(&[0.5]), Some(Estimate { mean: 0.5, margin: 0.0 }));
        assert_eq!(Estimate::of(&[]), None);
        let margin = |count: usize| {
            let values: Vec<f64> = (0..count).map(|at| 0.4 + 0.2 * (at % 2) as f64).collect();
            Estimate::of(&values).map(|estimate| (estimate.margin * 10_000.0).round())
        };
        assert_eq!(
            (margin(2), margin(20), margin(1_000)),
            (Some(12_706.0), Some(480.0), Some(62.0))
        );
    }

    #[test]
    fn a_chart_has_a_point_for_each_value_and_no_markup_of_others() {
        let points = [0.1, 0.2].map(|at| (at, Estimate { mean: at, margin: 0.01 })).to_vec();
        let ticks = [(0.1, "10 %".to_owned()), (0.2, "20 %".to_owned())];
        let axis = Axis { title: "share", ticks: &ticks };
        let series = [Series { class: "robust", name: "robust", points }];
        let svg = chart("<script>", axis, &series);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("robust, 20 %: 20.00 % ± 1.00"));
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"));
    }
}
