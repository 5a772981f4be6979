//! What is measured, and how much of it.

/// One kind of measurement. A subject that does not know it has no figures.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    /// What its figures are.
    pub(crate) rows: &'static [&'static str],
    /// Rounds at most, where each takes long.
    pub(crate) rounds: usize,
}

pub(crate) const MEASURES: &[Measure] = &[
    new("spawn-join", &["spawn + join, one at a time, ns"]),
    new("spawn-1000", &["spawn + join, 1000 live, ns"]),
    new("switch", &["switch by yield, 2 greenlets, ns"]),
    new(
        "parked",
        &["resident bytes of a parked greenlet, of 20,000"],
    ),
    new(
        "event",
        &["1000 woken by an event, run to their end, ns each"],
    ),
    new(
        "queue",
        &["queue of 100, put and get by two greenlets, ns an item"],
    ),
    new(
        "semaphore",
        &["semaphore, 10 greenlets at 1 permit, ns a turn"],
    ),
    new("pool", &["pool of 100, spawn and end, ns"]),
    new(
        "wake",
        &[
            "woken by another thread, hub idle, p50 µs",
            "the same, p99 µs",
        ],
    ),
    new(
        "kill",
        &[
            "killed by another thread, hub idle, p50 µs",
            "the same, p99 µs",
        ],
    ),
    new(
        "timeout",
        &[
            "time-out of 1 ms, hub idle, late by p50 µs",
            "the same, p99 µs",
        ],
    ),
    Measure {
        name: "sleep",
        rows: &[
            "many greenlets that sleep 1 s each, CPU ns each",
            "the same, last one late by ms",
            "the same, resident bytes each",
            "how many",
        ],
        rounds: 3,
    },
];

const fn new(name: &'static str, rows: &'static [&'static str]) -> Measure {
    Measure {
        name,
        rows,
        rounds: usize::MAX,
    }
}

pub(crate) const SPAWNS: usize = 200_000;
pub(crate) const SWITCHES: usize = 4_000_000;
pub(crate) const PARKED: usize = 20_000;
pub(crate) const WAITERS: usize = 1000;
pub(crate) const SETS: usize = 100;
pub(crate) const ITEMS: usize = 1_000_000;
pub(crate) const CAPACITY: usize = 100;
pub(crate) const HOLDERS: usize = 10;
pub(crate) const TURNS: usize = 500_000;
pub(crate) const POOL: usize = 100;
/// Latencies measured in a round.
pub(crate) const LATENCIES: usize = 400;
pub(crate) const SLEEPERS: usize = 100_000;
/// On `may` a greenlet takes two mappings of 65,530.
pub(crate) const SLEEPERS_ON_MAY: usize = 30_000;
