use std::fmt::Write;

use super::report::{Figures, Line};

/// The tables of the documentation: each figure of the robust strategy with the plain vote's beside it; how sure batches
/// are where not everybody answers; how credibilities stand once they have settled.
pub fn markdown(lines: &[Line]) -> String {
    let mut text = worlds(lines);
    for more in [batch_confidence(lines), credibility(lines)].into_iter().flatten() {
        text += &format!("\n{more}");
    }
    text
}

fn worlds(lines: &[Line]) -> String {
    let mut text = String::from(
        "| world | seeds | true | plain vote | accepted | plain vote | attackers found, epoch 1 | all epochs | honest flagged | plain vote | goal |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for line in lines {
        let (robust, majority) = (&line.robust.figures, &line.majority.figures);
        let percent = |value: f64, digits: usize| format!("{:.digits$} %", value * 100.0);
        let found = |figures: Option<&Figures>| {
            figures
                .and_then(|figures| figures.found)
                .map_or("–".to_owned(), |found| percent(found, 1))
        };
        let goal = line.met.map_or("–", |met| if met { "met" } else { "**missed**" });
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {goal} |",
            line.scenario,
            line.seeds,
            percent(robust.truth, 3),
            percent(majority.truth, 2),
            percent(robust.accepted, 2),
            percent(majority.accepted, 2),
            found(line.robust.by_epoch.first()),
            found(Some(robust)),
            percent(robust.honest_flagged, 2),
            percent(majority.honest_flagged, 1),
        );
    }
    text
}

fn batch_confidence(lines: &[Line]) -> Option<String> {
    let mut text = String::from(
        "| world | batches over 0.9 | mean of 0.6 × count + 0.4 × price |\n| --- | ---: | ---: |\n",
    );
    let partial: Vec<&Line> = lines.iter().filter(|line| line.partial_answers).collect();
    for line in &partial {
        let figures = &line.robust.figures;
        let _ = writeln!(
            text,
            "| {} | {:.1} % | {:.3} |",
            line.scenario,
            figures.confident_batches * 100.0,
            figures.zipcode_agreement.unwrap_or(0.0),
        );
    }
    (!partial.is_empty()).then_some(text)
}

fn credibility(lines: &[Line]) -> Option<String> {
    let mut text = String::from(
        "| world | seeds | deviation over epochs of an honest miner, mean | largest | least honest less most convicted |\n\
         | --- | ---: | ---: | ---: | ---: |\n",
    );
    let settled = |line: &Line| Some((line.scenario.clone(), line.seeds, line.robust.standing?));
    let settled: Vec<_> = lines.iter().filter_map(settled).collect();
    for (scenario, seeds, standing) in &settled {
        let _ = writeln!(
            text,
            "| {scenario} | {seeds} | {:.4} | {:.4} | {:.3} |",
            standing.honest_deviation,
            standing.honest_deviation_most,
            standing.honest_less_convicted,
        );
    }
    (!settled.is_empty()).then_some(text)
}
