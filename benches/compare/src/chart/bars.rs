//! Ratios as bars, several panels of them.

use super::style;
use super::svg::{Anchor, Svg};

/// Longer bars are cut off, or nobody could compare the short ones.
const LONGEST: f64 = 3.0;

const PANEL_WIDTH: f64 = 420.0;
/// Room for names on the left.
const NAMES: f64 = 100.0;
/// Room for numbers on the right.
const NUMBERS: f64 = 60.0;
const ROW: f64 = 20.0;
const BAR: f64 = 13.0;
/// Room for the two lines above the bars.
const HEAD: f64 = 48.0;
const MARGIN: f64 = 14.0;

/// The bars of one scenario.
pub(super) struct Panel {
    pub(super) title: String,
    /// What is divided by what.
    pub(super) about: String,
    /// Names and ratios.
    pub(super) bars: Vec<(&'static str, f64)>,
}

/// Panels side by side in two columns, each with its shortest bar first.
pub(super) fn draw(mut panels: Vec<Panel>, title: &str) -> String {
    for panel in &mut panels {
        panel.bars.sort_by(|one, other| one.1.total_cmp(&other.1));
    }
    let height_of = |pair: &[Panel]| {
        let most = pair.iter().map(|panel| panel.bars.len()).max();
        HEAD + ROW * most.unwrap_or(0) as f64 + MARGIN
    };
    let height: f64 = panels.chunks(2).map(height_of).sum();
    let mut svg = Svg::new(2.0 * PANEL_WIDTH + MARGIN, height + MARGIN);
    let mut top = MARGIN;
    for pair in panels.chunks(2) {
        for (column, panel) in pair.iter().enumerate() {
            draw_panel(&mut svg, MARGIN + PANEL_WIDTH * column as f64, top, panel);
        }
        top += height_of(pair);
    }
    svg.finish(title)
}

fn draw_panel(svg: &mut Svg, left: f64, top: f64, panel: &Panel) {
    svg.text((left, top + 14.0), Anchor::Start, "head", &panel.title);
    svg.text((left, top + 32.0), Anchor::Start, "dim", &panel.about);
    let zero = left + NAMES;
    let longest = panel.bars.last().map_or(1.0, |bar| bar.1.max(1.0));
    let unit = (PANEL_WIDTH - NAMES - NUMBERS - MARGIN) / longest.min(LONGEST);
    let bottom = top + HEAD + ROW * panel.bars.len() as f64;
    svg.path(
        [(zero + unit, top + HEAD - 5.0), (zero + unit, bottom)],
        "one",
    );
    for (at, (name, ratio)) in panel.bars.iter().enumerate() {
        let y = top + HEAD + ROW * at as f64;
        let base = y + BAR - 2.0;
        let class = if style::OURS.contains(name) {
            "strong"
        } else {
            ""
        };
        svg.text((zero - 8.0, base), Anchor::End, class, name);
        let length = ratio.min(LONGEST) * unit;
        svg.rect((zero, y), length, BAR, &style::bar_of(name));
        if *ratio > LONGEST {
            let x = zero + length - 16.0;
            let tear = [(x - 4.0, y + BAR + 1.0), (x + 4.0, y - 1.0)];
            svg.path(tear, "tear");
        }
        let digits = if *ratio < 10.0 { 2 } else { 0 };
        let number = format!("{ratio:.digits$} ×");
        svg.text(
            (zero + length + 6.0, base),
            Anchor::Start,
            &format!("over {class}"),
            &number,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_cut() {
        let panel = Panel {
            title: "keep-alive".to_owned(),
            about: String::new(),
            bars: vec![("gevent", 20.0), ("maypole", 0.9), ("hyper", 1.0)],
        };
        let svg = draw(vec![panel], "ratios");
        let at = |text: &str| {
            svg.find(text)
                .unwrap_or_else(|| panic!("no {text} in {svg}"))
        };
        assert!(at(">0.90 ×<") < at(">1.00 ×<") && at(">1.00 ×<") < at(">20 ×<"));
        assert_eq!(svg.matches(r#"class="tear""#).count(), 1);
    }
}
