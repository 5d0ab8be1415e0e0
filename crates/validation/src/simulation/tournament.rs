use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::campaign::{Run, run};
use super::scenario::Scenario;

/// A scenario that is played with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Game {
    /// What is played.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
}

/// Plays all `games` on so many threads, and gives their runs in the order of the games. `ended` hears of each as it ends,
/// on the thread that played it.
///
/// # Errors
/// The first that `ended` gives; no game is begun after it.
pub fn play_all<E: Send>(
    games: &[Game],
    threads: NonZeroUsize,
    ended: impl Fn(&Game, &[Run]) -> Result<(), E> + Sync,
) -> Result<Vec<Run>, E> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut played = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(game) = games.get(position) else { break };
            let runs = run(&game.scenario, game.seed);
            if let Err(error) = ended(game, &runs) {
                failed.store(true, Ordering::Relaxed);
                return Err(error);
            }
            played.push((position, runs));
        }
        Ok(played)
    };
    let workers = threads.get().min(games.len());
    let mut played = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut played = Vec::new();
        for worker in workers {
            played.extend(worker.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(played)
    })?;
    played.sort_unstable_by_key(|(position, _)| *position);
    Ok(played.into_iter().flat_map(|(_, runs)| runs).collect())
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::*;

    fn games() -> Vec<Game> {
        let world = World { miners: 24, batches: 2, zipcodes: 1, homes: 10, ..World::default() };
        let scenario = Scenario { world, ..Scenario::honest("small", 1) };
        (1..=5).map(|seed| Game { scenario: scenario.clone(), seed }).collect()
    }

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).expect("not zero")
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let play = |count| play_all(&games(), threads(count), |_, _| Ok::<(), ()>(()));
        assert_eq!(play(1), play(3));
        assert_eq!(play(1).map(|runs| runs.len()), Ok(10));
    }

    #[test]
    fn who_listens_can_stop_it() {
        let heard = AtomicUsize::new(0);
        let stopped = play_all(&games(), threads(1), |game, _| {
            heard.fetch_add(1, Ordering::Relaxed);
            if game.seed == 2 { Err("enough") } else { Ok(()) }
        });
        assert_eq!((stopped, heard.into_inner()), (Err("enough"), 2));
    }
}
