use std::fmt::Write;

use super::campaign::Run;
use super::chart::{Estimate, Series, chart};
use super::curves::{CURVE_SHARES, curve_name};
use super::report::Line;
use super::score::Score;
use super::table::attacks;

const STYLE: &str = include_str!("page.css");
const STRATEGIES: [(&str, &str); 2] = [("robust", "robust"), ("majority", "the plain vote")];

/// A page that stands alone: curves over the share of attackers for each attack and strategy, with 95 % bands over
/// seeds; how adaptive rings are found out; and the table.
pub fn page(lines: &[Line], runs: &[Run]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Consensus under attack</title><style>{STYLE}</style></head><body>\
         <h1>Consensus under attack</h1><p class=\"key\"><span class=\"robust\">robust</span> \
         <span class=\"majority\">the plain vote</span> bands: 95 % over seeds, points: hover for figures</p>"
    );
    html += &curves_section(runs);
    html += &epochs_section(lines, runs);
    html += &table_section(lines);
    html + "</body></html>\n"
}

fn curves_section(runs: &[Run]) -> String {
    let ticks: Vec<(f64, String)> =
        CURVE_SHARES.iter().map(|share| (*share, format!("{:.0}", share * 100.0))).collect();
    let mut html = String::new();
    for (attack, _) in attacks() {
        let drawn = |figure: fn(&Score) -> f64| -> Vec<Series> {
            let series = |(strategy, name): (&'static str, &str)| {
                let estimate = |share: f64| {
                    let scenario = curve_name(attack, share);
                    let of = runs
                        .iter()
                        .filter(|run| run.scenario == scenario && run.strategy == strategy);
                    Estimate::of(&of.map(|run| figure(&run.pooled())).collect::<Vec<_>>())
                };
                let points = CURVE_SHARES
                    .iter()
                    .filter_map(|&share| Some((share, estimate(share)?)))
                    .collect();
                Series { class: strategy, name: name.to_owned(), points }
            };
            STRATEGIES.map(series).to_vec()
        };
        let truth = drawn(Score::truth);
        if truth.iter().all(|series| series.points.is_empty()) {
            continue;
        }
        let below = "attackers, % of miners";
        let _ = write!(
            html,
            "<section><h2>{attack}</h2><div class=\"pair\">{}{}</div></section>",
            chart("true, of what is accepted", below, &ticks, &truth),
            chart("accepted, of what could be known", below, &ticks, &drawn(Score::coverage)),
        );
    }
    if html.is_empty() { html } else { format!("<div class=\"grid\">{html}</div>") }
}

fn epochs_section(lines: &[Line], runs: &[Run]) -> String {
    let mut html = String::new();
    for line in lines.iter().filter(|line| line.scenario.starts_with("adaptive")) {
        let epochs = line.robust_by_epoch.len();
        let ticks: Vec<(f64, String)> =
            (0..epochs).map(|epoch| (epoch as f64, (epoch + 1).to_string())).collect();
        let series = STRATEGIES.map(|(strategy, name)| {
            let estimate = |epoch: usize| {
                let of = runs
                    .iter()
                    .filter(|run| run.scenario == line.scenario && run.strategy == strategy);
                Estimate::of(
                    &of.filter_map(|run| Some(run.epochs.get(epoch)?.coverage()))
                        .collect::<Vec<_>>(),
                )
            };
            let points =
                (0..epochs).filter_map(|epoch| Some((epoch as f64, estimate(epoch)?))).collect();
            Series { class: strategy, name: name.to_owned(), points }
        });
        html += &chart(&line.scenario, "epoch; accepted, of what could be known", &ticks, &series);
    }
    if html.is_empty() {
        return html;
    }
    format!("<h2>Adaptive rings, epoch by epoch</h2><div class=\"small\">{html}</div>")
}

fn table_section(lines: &[Line]) -> String {
    let mut html = String::from(
        "<h2>The table</h2><div class=\"scroll\"><table><thead><tr><th>world<th>seeds<th>true<th>plain vote<th>accepted\
         <th>plain vote<th>found<th>honest flagged<th>goal</thead><tbody>",
    );
    for line in lines {
        let (robust, majority) = (&line.robust, &line.majority);
        let found =
            robust.found().map_or("–".to_owned(), |found| format!("{:.1} %", found * 100.0));
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td>{:.3} %<td>{:.2} %<td>{:.2} %<td>{:.2} %<td>{found}<td>{:.2} %<td class=\"{}\">{}",
            line.scenario,
            line.seeds,
            robust.truth() * 100.0,
            majority.truth() * 100.0,
            robust.coverage() * 100.0,
            majority.coverage() * 100.0,
            robust.false_alarms() * 100.0,
            if line.met { "met" } else { "missed" },
            if line.met { "met" } else { "missed" },
        );
    }
    html + "</tbody></table></div>"
}
