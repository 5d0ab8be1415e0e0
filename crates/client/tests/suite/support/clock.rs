use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use resi_protocol::Timestamp;
use tokio::sync::{oneshot, watch};

/// A clock that stands until it is moved. Whoever sleeps by it sleeps until then; by an impatient one, nobody waits and
/// the clock jumps instead.
#[derive(Clone, Debug)]
pub(crate) struct TestClock {
    state: Arc<Mutex<State>>,
    sleepers: Arc<watch::Sender<usize>>,
}

#[derive(Debug)]
struct State {
    wall: Timestamp,
    monotonic: Duration,
    impatient: bool,
    asleep: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    slept: Vec<Duration>,
    count: u64,
}

impl TestClock {
    pub(crate) fn at(seconds: i64) -> Self {
        let state = State {
            wall: Timestamp::from_seconds(seconds),
            monotonic: Duration::from_secs(1_000),
            impatient: false,
            asleep: BTreeMap::new(),
            slept: Vec::new(),
            count: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), sleepers: Arc::new(watch::Sender::new(0)) }
    }

    pub(crate) fn impatient(seconds: i64) -> Self {
        let clock = Self::at(seconds);
        clock.state.lock().unwrap().impatient = true;
        clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state.lock().unwrap().wall
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap();
        state.wall = state.wall.plus(by);
        state.monotonic += by;
        let later = (state.monotonic + Duration::from_nanos(1), 0);
        let later = state.asleep.split_off(&later);
        let woken = std::mem::replace(&mut state.asleep, later);
        self.sleepers.send_replace(state.asleep.len());
        drop(state);
        for sleeper in woken.into_values() {
            // One that was cancelled meanwhile does not mind.
            let _ = sleeper.send(());
        }
    }

    /// As a machine that was suspended: only the wall clock goes on.
    pub(crate) fn suspend(&self, by: Duration) {
        let mut state = self.state.lock().unwrap();
        state.wall = state.wall.plus(by);
    }

    /// Moves to the moment when the first sleeper wakes.
    pub(crate) fn advance_to_next(&self) {
        let state = self.state.lock().unwrap();
        let (next, _) = *state.asleep.keys().next().expect("somebody sleeps");
        let by = next.saturating_sub(state.monotonic);
        drop(state);
        self.advance(by);
    }

    /// Waits until so many sleep.
    pub(crate) async fn asleep(&self, count: usize) {
        let mut sleepers = self.sleepers.subscribe();
        sleepers.wait_for(|asleep| *asleep >= count).await.expect("the clock is there");
    }

    pub(crate) fn sleeping(&self) -> usize {
        self.state.lock().unwrap().asleep.len()
    }

    /// How long every sleep was that has begun.
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.state.lock().unwrap().slept.clone()
    }
}

#[async_trait::async_trait]
impl resi_client::Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.now()
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().unwrap().monotonic
    }

    async fn sleep(&self, duration: Duration) {
        let (waker, woken) = oneshot::channel();
        let impatient = {
            let mut state = self.state.lock().unwrap();
            state.slept.push(duration);
            state.count += 1;
            let key = (state.monotonic + duration, state.count);
            if !state.impatient {
                state.asleep.insert(key, waker);
                self.sleepers.send_replace(state.asleep.len());
            }
            state.impatient
        };
        if impatient {
            self.advance(duration);
            tokio::task::yield_now().await;
        } else {
            woken.await.expect("the clock is there");
        }
    }
}

/// The service is on a machine that is never suspended.
impl resi_data_api::clock::Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.now()
    }

    fn monotonic(&self) -> Duration {
        self.now().since(Timestamp::UNIX_EPOCH)
    }
}

/// The same clock, so many seconds off.
#[derive(Debug)]
pub(crate) struct Skewed(pub(crate) TestClock, pub(crate) i64);

#[async_trait::async_trait]
impl resi_client::Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.now().micros() + self.1 * 1_000_000)
    }

    fn monotonic(&self) -> Duration {
        resi_client::Clock::monotonic(&self.0)
    }

    async fn sleep(&self, duration: Duration) {
        resi_client::Clock::sleep(&self.0, duration).await;
    }
}

/// Chance that is always the same.
#[derive(Debug)]
pub(crate) struct Always(pub(crate) f64);

impl resi_client::Jitter for Always {
    fn fraction(&self) -> f64 {
        self.0
    }
}
