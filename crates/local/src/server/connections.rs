//! Who is connected, and who gives way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Between looks for somebody who may give way, while all seats are taken.
const ROOM_AGAIN: Duration = Duration::from_millis(100);

/// The open connections, and one more that is being let in.
pub(super) struct Connections {
    seats: Arc<Semaphore>,
    waiting: Mutex<ConnectionQueue>,
}

/// Connections that wait for their clients: for a request, for the rest of one, or to take an answer. The one that
/// has waited longest comes first.
#[derive(Default)]
struct ConnectionQueue {
    turns: u64,
    by_turn: BTreeMap<u64, Arc<Notify>>,
}

impl Connections {
    pub(super) fn new(count_max: usize) -> Self {
        // One of them waits for whoever comes next, so that this one finds out that somebody has to give way.
        Connections { seats: Arc::new(Semaphore::new(count_max + 1)), waiting: Mutex::default() }
    }

    /// A seat for whoever comes next, once there is one.
    pub(super) async fn seat(this: &Arc<Self>) -> Seat {
        let permit = loop {
            match tokio::time::timeout(ROOM_AGAIN, this.seats.clone().acquire_owned()).await {
                Ok(permit) => break permit.ok(),
                Err(_) => this.make_room(),
            }
        };
        let place = ConnectionState { turn: None, has_begun: false };
        Seat { connections: this.clone(), leave: Arc::default(), place: Mutex::new(place), _permit: permit }
    }

    /// Sees to it that there is a seat for the next one, if anybody waits for a client: the longest goes.
    pub(super) fn make_room(&self) {
        if self.seats.available_permits() > 0 {
            return;
        }
        if let Some((_, leave)) = lock(&self.waiting).by_turn.pop_first() {
            leave.notify_one();
        }
    }
}

/// One connection's place.
pub(super) struct Seat {
    connections: Arc<Connections>,
    leave: Arc<Notify>,
    place: Mutex<ConnectionState>,
    /// Given back when the connection has ended.
    _permit: Option<OwnedSemaphorePermit>,
}

struct ConnectionState {
    /// Among those that wait for their clients.
    turn: Option<u64>,
    /// A whole head has arrived.
    has_begun: bool,
}

impl Seat {
    /// Ends when the connection has to give way to another.
    pub(super) async fn told_to_leave(&self) {
        loop {
            self.leave.notified().await;
            // Its request may have arrived meanwhile: then another one goes.
            if lock(&self.place).turn.is_some() {
                return;
            }
        }
    }

    /// From now on something is under way that is brought to its end also when the process is told to stop.
    pub(super) fn begins(&self) {
        lock(&self.place).has_begun = true;
    }

    pub(super) fn has_begun(&self) -> bool {
        lock(&self.place).has_begun
    }

    /// From now on it waits for its client.
    pub(super) fn waits(&self) {
        let mut place = lock(&self.place);
        let mut waiting = lock(&self.connections.waiting);
        if let Some(turn) = place.turn.take() {
            waiting.by_turn.remove(&turn);
        }
        waiting.turns += 1;
        let turn = waiting.turns;
        waiting.by_turn.insert(turn, self.leave.clone());
        place.turn = Some(turn);
    }

    /// From now on its client waits.
    pub(super) fn works(&self) {
        if let Some(turn) = lock(&self.place).turn.take() {
            lock(&self.connections.waiting).by_turn.remove(&turn);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.works();
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_told(seat: &Seat) -> bool {
        use std::task::{Context, Poll, Waker};
        let told = std::pin::pin!(seat.leave.notified());
        matches!(told.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[tokio::test]
    async fn the_one_that_waited_longest_for_its_client_gives_way() {
        let connections = Arc::new(Connections::new(3));
        let mut seats = Vec::new();
        for _ in 0..4 {
            let seat = Connections::seat(&connections).await;
            seat.waits();
            seats.push(seat);
        }
        seats[0].works();
        seats[1].waits();
        connections.make_room();
        assert_eq!(seats.iter().map(is_told).collect::<Vec<_>>(), [false, false, true, false]);
        seats.remove(2);
        connections.make_room();
        assert!(!seats.iter().any(is_told), "there is room again");
    }
}
