//! Places that are taken and given back: so many in all, and so many for each who takes them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// For all together.
    pub all: usize,
    /// For each.
    pub each: usize,
}

/// Places, by who holds them.
#[derive(Debug)]
pub(crate) struct Places<W: Eq + Hash> {
    room: Room,
    held: Arc<Mutex<Held<W>>>,
}

#[derive(Debug)]
struct Held<W> {
    all: usize,
    by: HashMap<W, usize>,
}

/// Why no place was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// All are taken.
    All,
    /// All that one may hold.
    Share,
}

impl<W: Clone + Eq + Hash> Places<W> {
    pub(crate) fn new(room: Room) -> Self {
        Self { room, held: Arc::new(Mutex::new(Held { all: 0, by: HashMap::new() })) }
    }

    /// A place for `who`, until it is dropped.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn take(&self, who: W) -> Result<Place<W>, Taken> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.all >= self.room.all {
            return Err(Taken::All);
        }
        let of_who = held.by.get(&who).copied().unwrap_or(0);
        if of_who >= self.room.each {
            return Err(Taken::Share);
        }
        held.all += 1;
        held.by.insert(who.clone(), of_who + 1);
        drop(held);
        Ok(Place { who, held: self.held.clone() })
    }
}

/// A place that somebody holds.
#[derive(Debug)]
pub(crate) struct Place<W: Eq + Hash> {
    who: W,
    held: Arc<Mutex<Held<W>>>,
}

impl<W: Eq + Hash> Drop for Place<W> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(1);
        if let Some(of_who) = held.by.get_mut(&self.who) {
            *of_who = of_who.saturating_sub(1);
            if *of_who == 0 {
                held.by.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_a_share_and_all_together_no_more_than_there_are() {
        let places = Places::new(Room { all: 3, each: 2 });
        let of_a = [places.take("a").unwrap(), places.take("a").unwrap()];
        assert_eq!(places.take("a").unwrap_err(), Taken::Share);
        let of_b = places.take("b").unwrap();
        assert_eq!(places.take("b").unwrap_err(), Taken::All);
        drop(of_a);
        let again = [places.take("b").unwrap(), places.take("a").unwrap()];
        assert_eq!(places.take("c").unwrap_err(), Taken::All);
        drop((of_b, again));
        assert_eq!(places.held.lock().unwrap().by.len(), 0, "who holds nothing is forgotten");
    }
}
