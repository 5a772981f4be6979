//! Axes: from numbers to places, and the numbers to write beside them.

/// How numbers are laid out.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// A power of ten takes as much room as the next.
    Log,
}

/// An axis that has room for some numbers.
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    /// Begins and ends a little outside of the numbers, which are more than 0.
    pub(super) fn around(scale: Scale, numbers: impl Iterator<Item = f64> + Clone) -> Self {
        let most = numbers.clone().fold(f64::MIN_POSITIVE, f64::max);
        let least = numbers.fold(most, f64::min);
        match scale {
            Scale::Linear => Self {
                scale,
                low: 0.0,
                high: most * 1.05,
            },
            Scale::Log => Self {
                scale,
                low: least / 1.3,
                high: most * 1.3,
            },
        }
    }

    /// From 0 at its begin to 1 at its end.
    pub(super) fn place(&self, number: f64) -> f64 {
        match self.scale {
            Scale::Linear => (number - self.low) / (self.high - self.low),
            Scale::Log => (number / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// Round numbers on it, about five.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let rough = self.high / 5.0;
                let power = 10_f64.powf(rough.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0]
                    .map(|factor| factor * power)
                    .into_iter()
                    .find(|step| *step >= rough)
                    .unwrap_or(rough);
                let count = (self.high / step).floor() as usize;
                (0..=count).map(|at| at as f64 * step).collect()
            }
            Scale::Log => {
                let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
                let decades = (self.high / self.low).log10();
                let factors: &[f64] = if decades < 2.5 {
                    &[1.0, 2.0, 5.0]
                } else {
                    &[1.0]
                };
                powers
                    .flat_map(|power| {
                        factors
                            .iter()
                            .map(move |factor| factor * 10_f64.powi(power))
                    })
                    .filter(|number| (self.low..=self.high).contains(number))
                    .collect()
            }
        }
    }
}

/// A count, in thousands or millions.
pub(super) fn count(number: f64) -> String {
    match number {
        ..1e3 => short(number),
        ..1e6 => format!("{}k", short(number / 1e3)),
        _ => format!("{}M", short(number / 1e6)),
    }
}

/// A time in microseconds, with its unit.
pub(super) fn time(micros: f64) -> String {
    match micros {
        ..1e3 => format!("{} µs", short(micros)),
        ..1e6 => format!("{} ms", short(micros / 1e3)),
        _ => format!("{} s", short(micros / 1e6)),
    }
}

/// Mebibytes, with the unit.
pub(super) fn mebibytes(number: f64) -> String {
    match number {
        ..1024.0 => format!("{} MiB", short(number)),
        _ => format!("{} GiB", short(number / 1024.0)),
    }
}

/// With a digit behind the point where it tells something.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let log = Axis::around(Scale::Log, [1.0, 100.0].into_iter());
        assert!((log.place(10.0) - 0.5).abs() < 1e-9);
        let linear = Axis::around(Scale::Linear, [50.0, 100.0].into_iter());
        assert_eq!(linear.place(0.0), 0.0);
        assert!(linear.place(100.0) < 1.0);
    }

    #[test]
    fn ticks() {
        let linear = Axis::around(Scale::Linear, [210_000.0].into_iter());
        assert_eq!(linear.ticks(), [0.0, 5e4, 1e5, 1.5e5, 2e5]);
        let log = Axis::around(Scale::Log, [3.0, 4000.0].into_iter());
        assert_eq!(log.ticks(), [10.0, 100.0, 1000.0]);
        let narrow = Axis::around(Scale::Log, [9.0, 30.0].into_iter());
        assert_eq!(narrow.ticks(), [10.0, 20.0]);
    }

    #[test]
    fn units() {
        assert_eq!(count(250_000.0), "250k");
        assert_eq!(count(2_000_000.0), "2M");
        assert_eq!(time(1500.0), "1.5 ms");
        assert_eq!(mebibytes(100.0), "100 MiB");
    }
}
