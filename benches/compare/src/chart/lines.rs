//! Lines over a common axis, several panels of them one above the other.

use super::axis::Axis;
use super::style;
use super::svg::{Anchor, Svg};

const WIDTH: f64 = 854.0;
/// The inner part of a panel.
const LEFT: f64 = 80.0;
const RIGHT: f64 = WIDTH - 120.0;
const INNER: f64 = 300.0;
const ABOVE: f64 = 56.0;
const BELOW: f64 = 56.0;
/// Between the first and the last place and the edges.
const INDENT: f64 = 14.0;
/// Between the names at the lines' ends.
const NAME: f64 = 15.0;

/// One set of lines.
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) about: String,
    /// What stands below the places, which lie equally far apart.
    pub(super) places: Vec<String>,
    pub(super) places_are: &'static str,
    pub(super) axis: Axis,
    pub(super) number: fn(f64) -> String,
    pub(super) lines: Vec<Line>,
}

/// A number for each place, or none where it is unknown.
pub(super) struct Line {
    pub(super) peer: &'static str,
    pub(super) numbers: Vec<Option<f64>>,
}

pub(super) fn draw(panels: &[Panel], title: &str) -> String {
    let height = ABOVE + INNER + BELOW;
    let mut svg = Svg::new(WIDTH, height * panels.len() as f64);
    for (at, panel) in panels.iter().enumerate() {
        draw_panel(&mut svg, height * at as f64, panel);
    }
    svg.finish(title)
}

fn draw_panel(svg: &mut Svg, top: f64, panel: &Panel) {
    svg.text((14.0, top + 24.0), Anchor::Start, "head", &panel.title);
    svg.text((14.0, top + 42.0), Anchor::Start, "dim", &panel.about);
    let (high, low) = (top + ABOVE, top + ABOVE + INNER);
    let y = |number: f64| low - panel.axis.place(number) * INNER;
    let step = (RIGHT - LEFT - 2.0 * INDENT) / (panel.places.len().max(2) - 1) as f64;
    let x = |place: usize| LEFT + INDENT + step * place as f64;

    for tick in panel.axis.ticks() {
        svg.path([(LEFT, y(tick)), (RIGHT, y(tick))], "grid");
        let number = (panel.number)(tick);
        svg.text((LEFT - 8.0, y(tick) + 4.0), Anchor::End, "dim", &number);
    }
    for (place, name) in panel.places.iter().enumerate() {
        svg.path([(x(place), high), (x(place), low)], "grid");
        svg.text((x(place), low + 18.0), Anchor::Middle, "dim", name);
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    svg.text((middle, low + 38.0), Anchor::Middle, "", panel.places_are);

    let mut ends = Vec::new();
    // Ours last, so on top.
    let is_ours = |line: &&Line| style::OURS.contains(&line.peer);
    let (ours, others): (Vec<&Line>, Vec<&Line>) = panel.lines.iter().partition(is_ours);
    for line in others.into_iter().chain(ours) {
        let known = line.numbers.iter().enumerate();
        let points: Vec<_> = known
            .filter_map(|(place, number)| Some((x(place), y((*number)?))))
            .collect();
        svg.path(points.iter().copied(), &style::line_of(line.peer));
        for point in &points {
            svg.dot(*point, &style::dot_of(line.peer));
        }
        if let Some(end) = points.last() {
            ends.push((line.peer, *end));
        }
    }
    ends.sort_by(|one, other| one.1.1.total_cmp(&other.1.1));
    let wanted: Vec<f64> = ends.iter().map(|(_, (_, y))| *y).collect();
    for ((peer, end), y) in ends.iter().zip(spread(&wanted, high, low)) {
        svg.path([*end, (RIGHT + 2.0, end.1), (RIGHT + 14.0, y)], "lead");
        let class = if style::OURS.contains(peer) {
            "strong"
        } else {
            ""
        };
        let class = format!("{class} {}", style::dot_of(peer));
        svg.text((RIGHT + 18.0, y + 4.0), Anchor::Start, &class, peer);
    }
}

/// Places for names near where they are wanted, from top to bottom, apart from
/// each other and between the bounds as far as that can be.
fn spread(wanted: &[f64], high: f64, low: f64) -> Vec<f64> {
    let mut places: Vec<f64> = wanted.to_vec();
    let mut free = high;
    for place in &mut places {
        *place = place.max(free);
        free = *place + NAME;
    }
    let mut free = low;
    for place in places.iter_mut().rev() {
        *place = place.min(free);
        free = *place - NAME;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_apart() {
        let places = spread(&[10.0, 11.0, 99.0, 100.0], 0.0, 100.0);
        assert_eq!(places, [10.0, 25.0, 85.0, 100.0]);
        assert!(spread(&[], 0.0, 100.0).is_empty());
    }
}
