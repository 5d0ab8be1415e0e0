use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::Error;

type Flight<T> = BoxFuture<'static, Result<T, Error>>;

/// Calls for the same thing that come while one is under way wait for it and share its outcome, also when it fails.
///
/// Only those who wait keep a flight alive: when all of them have gone, it is dropped.
pub(crate) struct Flights<K, T: Clone>(Mutex<HashMap<K, WeakShared<Flight<T>>>>);

impl<K: Eq + Hash, T: Clone> Flights<K, T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(crate) async fn join(&self, key: K, start: impl FnOnce() -> Flight<T>) -> Result<T, Error> {
        let flight = self.find_or_start(key, start);
        flight.await
    }

    fn find_or_start(&self, key: K, start: impl FnOnce() -> Flight<T>) -> Shared<Flight<T>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = flights.get(&key).and_then(WeakShared::upgrade);
        if let Some(flight) = under_way.filter(|flight| flight.peek().is_none()) {
            return flight;
        }
        flights.retain(|_, flight| flight.upgrade().is_some_and(|flight| flight.peek().is_none()));
        let flight = start().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        flight
    }

    pub(crate) fn is_under_way(&self, key: &K) -> bool {
        let flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flight = flights.get(key).and_then(WeakShared::upgrade);
        flight.is_some_and(|flight| flight.peek().is_none())
    }
}

impl<K, T: Clone> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
    }
}
