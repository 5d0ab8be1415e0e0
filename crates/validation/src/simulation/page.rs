use std::fmt::Write;

use super::campaign::Run;
use super::chart::{Axis, Estimate, Series, chart, escaped};
use super::curves::Curve;
use super::report::Line;
use super::score::Score;

const STYLE: &str = include_str!("page.css");
const STRATEGIES: [(&str, &str); 2] = [("robust", "robust"), ("majority", "the plain vote")];
/// Worlds in which what is accepted moves by less than this from epoch to epoch make a dull chart.
const MOVES: f64 = 0.005;

/// A page that stands alone: curves over the share of attackers for each attack and strategy, with 95 % bands over
/// seeds; the worlds in which something changes from epoch to epoch; and the table.
pub fn page(curves: &[Curve], lines: &[Line], runs: &[Run]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>Consensus under attack</title><style>{STYLE}</style></head><body>\
         <h1>Consensus under attack</h1><p class=\"key\"><span class=\"robust\">robust</span> \
         <span class=\"majority\">the plain vote</span> Bands are 95 % over seeds; hover over a point for its \
         figures.</p>"
    );
    html += &curves_section(curves, runs);
    html += &epochs_section(lines, runs);
    html += &table_section(lines);
    html + "</body></html>\n"
}

/// The estimate of one figure of one strategy in one scenario.
fn estimate(
    runs: &[Run],
    scenario: &str,
    strategy: &str,
    figure: impl Fn(&Run) -> Option<f64>,
) -> Option<Estimate> {
    let of = runs.iter().filter(|run| run.scenario == scenario && run.strategy == strategy);
    Estimate::of(&of.filter_map(figure).collect::<Vec<_>>())
}

fn curves_section(curves: &[Curve], runs: &[Run]) -> String {
    let mut html = String::new();
    for curve in curves {
        let ticks: Vec<(f64, String)> = curve
            .points
            .iter()
            .map(|(share, _)| (*share, format!("{:.0}", share * 100.0)))
            .collect();
        let drawn = |title: &str, figure: fn(&Score) -> f64| {
            let series = STRATEGIES.map(|(class, name)| {
                let of = |run: &Run| Some(figure(&run.pooled()));
                let point = |(share, scenario): &(f64, super::Scenario)| {
                    Some((*share, estimate(runs, &scenario.name, class, of)?))
                };
                Series { class, name, points: curve.points.iter().filter_map(point).collect() }
            });
            chart(title, Axis { title: "attackers, % of miners", ticks: &ticks }, &series)
        };
        let _ = write!(
            html,
            "<section><h2>{}</h2><div class=\"pair\">{}{}</div></section>",
            escaped(&curve.name),
            drawn("true, of what is accepted", Score::truth),
            drawn("accepted, of what could be known", Score::coverage),
        );
    }
    if html.is_empty() { html } else { format!("<div class=\"grid\">{html}</div>") }
}

fn epochs_section(lines: &[Line], runs: &[Run]) -> String {
    let moves = |line: &&Line| {
        let accepted = || line.robust.by_epoch.iter().map(|figures| figures.accepted);
        accepted().fold(0.0, f64::max) - accepted().fold(1.0, f64::min) > MOVES
    };
    let mut html = String::new();
    for line in lines.iter().filter(moves) {
        let epochs = line.robust.by_epoch.len();
        let every = epochs.div_ceil(12);
        let label = |epoch: usize| {
            if epoch.is_multiple_of(every) { (epoch + 1).to_string() } else { String::new() }
        };
        let ticks: Vec<(f64, String)> =
            (0..epochs).map(|epoch| (epoch as f64, label(epoch))).collect();
        let series = STRATEGIES.map(|(class, name)| {
            let point = |epoch: usize| {
                let of = |run: &Run| Some(run.epochs.get(epoch)?.coverage());
                Some((epoch as f64, estimate(runs, &line.scenario, class, of)?))
            };
            Series { class, name, points: (0..epochs).filter_map(point).collect() }
        });
        let axis = Axis { title: "epoch; accepted, of what could be known", ticks: &ticks };
        html += &chart(&line.scenario, axis, &series);
    }
    if html.is_empty() {
        return html;
    }
    format!("<h2>What changes from epoch to epoch</h2><div class=\"small\">{html}</div>")
}

fn table_section(lines: &[Line]) -> String {
    let mut html = String::from(
        "<h2>The table</h2><p class=\"key\">The plain vote on the same answers in the second of each two columns.</p>\
         <div class=\"scroll\"><table><thead><tr><th>world<th>seeds<th colspan=\"2\">true\
         <th colspan=\"2\">accepted<th>attackers found<th colspan=\"2\">honest flagged<th>goal</thead><tbody>",
    );
    for line in lines {
        let (robust, majority) = (&line.robust.figures, &line.majority.figures);
        let found =
            robust.found.map_or("–".to_owned(), |found| format!("{:.1} %", found * 100.0));
        let goal = line.met.map_or("–", |met| if met { "met" } else { "missed" });
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td>{:.3} %<td class=\"beside\">{:.2} %<td>{:.2} %<td class=\"beside\">{:.2} %<td>{found}\
             <td>{:.2} %<td class=\"beside\">{:.1} %<td class=\"{goal}\">{goal}",
            escaped(&line.scenario),
            line.seeds,
            robust.truth * 100.0,
            majority.truth * 100.0,
            robust.accepted * 100.0,
            majority.accepted * 100.0,
            robust.honest_flagged * 100.0,
            majority.honest_flagged * 100.0,
        );
    }
    html + "</tbody></table></div>"
}
