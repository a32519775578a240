//! What the benches share: statistics, a table, and the clock.
//!
//! Figures are taken in the build profile of the demo (docs/decisions/0006) and always beside something outside the
//! project in the same run: what the machine can do, or what somebody else's program does with the same card.

use std::time::Duration;

/// A stopwatch.
#[derive(Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts.
    #[expect(clippy::disallowed_methods, reason = "benches read the clock here, and nowhere else")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The middle value; `NaN` of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints one row of a Markdown table.
#[expect(clippy::print_stdout, reason = "a report")]
pub fn row(what: &str, figure: &str, beside: &str) {
    println!("| {what} | {figure} | {beside} |");
}

/// Prints the head of the table.
pub fn head() {
    row("what", "measured", "beside it, in the same run");
    row("---", "---", "---");
}
