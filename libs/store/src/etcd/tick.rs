//! What a tick says, and what another process's tick says about the clocks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prost::Message;
use reeve_model::Clock;

/// How far another clock may be ahead before it is spoken of.
const SKEW: Duration = Duration::from_secs(30);
/// How often at most.
const WARN_INTERVAL: Duration = Duration::from_mins(1);
/// How long a tick that was ahead counts: those who wrote it write again, unless they are gone.
const SKEW_MEMORY: Duration = Duration::from_mins(3);

/// The value of a tick.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Tick {
    /// Who wrote it: chosen at random by each open store.
    #[prost(fixed64, tag = "1")]
    pub(super) writer: u64,
    /// When, by the monotonic clock that only the writer can read.
    #[prost(fixed64, tag = "2")]
    pub(super) asked_ns: u64,
    /// When, by the writer's wall clock: milliseconds since 1970.
    #[prost(sfixed64, tag = "3")]
    pub(super) wall_ms: i64,
}

impl Tick {
    /// A tick of this moment.
    pub(super) fn now(writer: u64, clock: &dyn Clock) -> Self {
        let asked_ns = u64::try_from(clock.monotonic().as_nanos()).unwrap_or(u64::MAX);
        Self { writer, asked_ns, wall_ms: clock.now().as_millis() }
    }

    /// As it is stored.
    pub(super) fn value(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// Reads one. What cannot be read says nothing.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        Self::decode(value).ok()
    }

    /// When it was asked for, by the writer's monotonic clock.
    pub(super) fn asked(&self) -> Duration {
        Duration::from_nanos(self.asked_ns)
    }
}

/// How far this process's wall clock is behind those of others, as their ticks tell. A tick comes after it was written, so a
/// clock that is ahead of others learns nothing from theirs; they learn it from this one's.
pub(super) struct Skew {
    clock: Arc<dyn Clock>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// How far, and when that was found, by the monotonic clock.
    behind: Option<(Duration, Duration)>,
    warned: Option<Duration>,
}

impl Skew {
    /// Nothing is known yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, found: Mutex::default() }
    }

    /// Compares this process's clock to a tick of another one.
    pub(super) fn compare(&self, tick: &Tick) {
        let ahead = tick.wall_ms.saturating_sub(self.clock.now().as_millis());
        let ahead = Duration::from_millis(u64::try_from(ahead).unwrap_or(0));
        if ahead <= SKEW {
            return;
        }
        let now = self.clock.monotonic();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.behind = Some((ahead, now));
        if found.warned.is_none_or(|at| now.saturating_sub(at) >= WARN_INTERVAL) {
            found.warned = Some(now);
            tracing::warn!(
                seconds = ahead.as_secs(),
                "the clock of this machine is behind that of another Reeve process on the same etcd: tokens expire late or are \
                 refused as not yet valid; set both clocks right"
            );
        }
    }

    /// How far this clock is behind another one, if it is known to be so lately.
    pub(super) fn behind(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.behind.filter(|(_, at)| now.saturating_sub(*at) < SKEW_MEMORY).map(|(behind, _)| behind)
    }
}

#[cfg(test)]
mod tests {
    use reeve_model::{ManualClock, Timestamp};

    use super::*;

    fn tick(wall_ms: i64) -> Tick {
        Tick { writer: 1, asked_ns: 2, wall_ms }
    }

    #[test]
    fn a_tick_reads_back() {
        let tick = tick(-5);
        assert_eq!(Tick::read(&tick.value()), Some(tick));
        assert_eq!(Tick::read(b"\xff"), None);
    }

    #[test]
    fn a_clock_that_is_far_behind_is_found_out_and_forgotten_when_it_is_right() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
        let skew = Skew::new(clock.clone());
        for close in [0, 1_000_000, 1_030_000] {
            skew.compare(&tick(close));
            assert_eq!(skew.behind(), None, "{close}");
        }
        skew.compare(&tick(1_030_001));
        assert_eq!(skew.behind(), Some(Duration::from_millis(30_001)));
        clock.advance(SKEW_MEMORY);
        assert_eq!(skew.behind(), None);
    }
}
