//! Temporary driver.
use resi_validation::simulation::{Score, run, table};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let filter = args.get(1).cloned().unwrap_or_default();
    let seeds: u64 = args.get(2).and_then(|s| s.parse().ok()).unwrap_or(2);
    for row in table().into_iter().filter(|r| r.scenario.name.contains(&filter)) {
        let mut pooled = [Score::default(); 2];
        let mut curve = vec![Score::default(); 5];
        for seed in 1..=seeds {
            for (i, r) in run(&row.scenario, seed).into_iter().enumerate() {
                pooled[i] += r.pooled();
                if i == 1 && !r.false_alarms.is_empty() {
                    println!("      {:?}", r.false_alarms);
                }
                if i == 1 {
                    for (c, e) in curve.iter_mut().zip(&r.epochs) {
                        *c += *e;
                    }
                }
            }
        }
        let show = |s: &Score| {
            format!(
                "{:.3} {:.2} {:>6} {:.2} inv{} conf{:.2}",
                100.0 * s.truth(),
                100.0 * s.coverage(),
                s.found().map_or("-".into(), |f| format!("{:.1}", f * 100.0)),
                100.0 * s.false_alarms(),
                s.invented,
                s.confident_batches()
            )
        };
        let [m, r] = &pooled;
        let g = row.goal;
        let ok = r.truth() >= g.truth
            && r.coverage() >= g.coverage
            && r.found().is_none_or(|f| g.found.is_none_or(|w| f >= w))
            && r.false_alarms() <= g.false_alarms;
        println!(
            "{} {:45} R {} | M {}",
            if ok { "ok " } else { "BAD" },
            row.scenario.name,
            show(r),
            show(m)
        );
        if !ok || row.scenario.name.contains("adaptive") {
            for c in &curve {
                println!("        {}", show(c));
            }
        }
    }
}
