//! Figures of workers, to be summed.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;

/// How a figure behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FigureKind {
    /// It only rises: requests served. The sum keeps those of workers that have
    /// ended.
    Counter,
    /// It is what it is now: open connections. It ends with its worker.
    Gauge,
}

/// Named numbers that a worker tells its master, in an order of their own.
///
/// A name may have labels, spelled as Prometheus does: `answers_total{code="200"}`.
/// The `Display` is Prometheus' text. Those of several workers are summed, name
/// by name.
///
/// # Examples
///
/// ```
/// use maypole_server::arbiter::Figures;
///
/// let one = Figures::new().counter("answers_total", 3.0).gauge("connections", 1.0);
/// let other = Figures::new().counter("answers_total", 4.0);
/// let sum: Figures = [&one, &other].into_iter().sum();
/// assert_eq!(sum.get("answers_total"), Some(7.0));
/// let text = sum.to_string();
/// assert!(text.starts_with("# TYPE answers_total counter\nanswers_total 7\n"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    list: Vec<Figure>,
    // Where a name is in the list.
    places: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, PartialEq)]
struct Figure {
    name: String,
    value: f64,
    kind: FigureKind,
}

impl Figures {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number that only rises.
    #[must_use]
    pub fn counter(mut self, name: impl Into<String>, value: f64) -> Self {
        self.add(name, value, FigureKind::Counter);
        self
    }

    /// Adds a number that is what it is now.
    #[must_use]
    pub fn gauge(mut self, name: impl Into<String>, value: f64) -> Self {
        self.add(name, value, FigureKind::Gauge);
        self
    }

    /// Adds a number, to that of the same name if there is one.
    pub fn add(&mut self, name: impl Into<String>, value: f64, kind: FigureKind) {
        let name = name.into().replace(['\n', '\r'], " "); // each has a line of its own
        match self.places.get(&name) {
            Some(&place) => self.list[place].value += value,
            None => {
                self.places.insert(name.clone(), self.list.len());
                self.list.push(Figure { name, value, kind });
            }
        }
    }

    /// Adds all those of another to these.
    pub fn add_all(&mut self, other: &Self) {
        for figure in &other.list {
            self.add(figure.name.as_str(), figure.value, figure.kind);
        }
    }

    /// The number with this name, labels included.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        let place = self.places.get(name)?;
        Some(self.list[*place].value)
    }

    /// Names, numbers and kinds, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64, FigureKind)> {
        self.list
            .iter()
            .map(|figure| (&*figure.name, figure.value, figure.kind))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What is left of a worker that has ended.
    pub(super) fn counters(&self) -> Self {
        let mut counters = Self::new();
        for (name, value, kind) in self.iter() {
            if kind == FigureKind::Counter {
                counters.add(name, value, kind);
            }
        }
        counters
    }

    /// As they go from process to process: a line each.
    pub(super) fn encode(&self) -> String {
        let mut text = String::new();
        for (name, value, kind) in self.iter() {
            let kind = match kind {
                FigureKind::Counter => 'c',
                FigureKind::Gauge => 'g',
            };
            text.push_str(&format!("{kind} {value} {name}\n"));
        }
        text
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut figures = Self::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ' ');
            let kind = match parts.next()? {
                "c" => FigureKind::Counter,
                "g" => FigureKind::Gauge,
                _ => return None,
            };
            let value = parts.next()?.parse().ok()?;
            figures.add(parts.next()?, value, kind);
        }
        Some(figures)
    }
}

impl<'a> Sum<&'a Self> for Figures {
    fn sum<I: Iterator<Item = &'a Self>>(all: I) -> Self {
        let mut sum = Self::new();
        for figures in all {
            sum.add_all(figures);
        }
        sum
    }
}

impl Sum for Figures {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::new();
        for figures in all {
            sum.add_all(&figures);
        }
        sum
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Those that differ in labels only stand together under one heading.
        let mut families: Vec<(&str, Vec<&Figure>)> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for figure in &self.list {
            let family = figure.name.split('{').next().unwrap_or(&figure.name);
            let place = *places.entry(family).or_insert_with(|| {
                families.push((family, Vec::new()));
                families.len() - 1
            });
            families[place].1.push(figure);
        }
        for (family, members) in families {
            let kind = match members.first().map(|figure| figure.kind) {
                Some(FigureKind::Counter) => "counter",
                _ => "gauge",
            };
            writeln!(f, "# TYPE {family} {kind}")?;
            for figure in members {
                writeln!(f, "{} {}", figure.name, figure.value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Figures {
        Figures::new()
            .counter("a_total{code=\"200\"}", 2.0)
            .gauge("g", 0.5)
            .counter("a_total{code=\"404\", why=\"no such page\"}", 1e21)
    }

    #[test]
    fn they_survive_the_way_to_another_process() {
        assert_eq!(Figures::decode(&some().encode()), Some(some()));
        assert_eq!(Figures::decode(""), Some(Figures::new()));
        for broken in ["x 1 a", "c one a", "c 1", "c", "\n"] {
            assert_eq!(Figures::decode(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn gauges_end_with_their_worker() {
        let left = some().counters();
        assert_eq!(left.get("g"), None);
        assert_eq!(left.iter().count(), 2);
    }

    #[test]
    fn a_family_stands_together() {
        let text = some().to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "# TYPE a_total counter");
        assert!(lines[2].starts_with("a_total{code=\"404\""));
        assert_eq!(lines[3], "# TYPE g gauge");
    }

    #[test]
    fn a_name_cannot_pretend_to_be_two() {
        let figures = Figures::new().counter("a\nc 1 b", 1.0);
        assert_eq!(
            Figures::decode(&figures.encode()).unwrap().iter().count(),
            1
        );
    }
}
