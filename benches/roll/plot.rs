//! The durations as a picture: a line per world, a mark per policy, hours on a logarithmic scale.

use std::fmt::Write as _;

use crate::Row;
use crate::measure::Measured;
use crate::table::duration;

const WIDTH: f64 = 860.0;
/// Where the scale begins and ends.
const LEFT: f64 = 210.0;
const RIGHT: f64 = 790.0;
const TOP: f64 = 62.0;
/// Height of a world's line.
const LINE: f64 = 28.0;
/// Seconds at both ends of the scale.
const SHORTEST: f64 = 300.0;
const LONGEST: f64 = 100.0 * 3600.0;
const TICKS: [(i64, &str); 7] = [
    (600, "10 min"),
    (1800, "30 min"),
    (3600, "1 h"),
    (3 * 3600, "3 h"),
    (10 * 3600, "10 h"),
    (30 * 3600, "30 h"),
    (100 * 3600, "100 h"),
];
/// Legible on white and on black.
const COLOURS: [&str; 4] = ["#2f81f7", "#2da44e", "#db6d28", "#a371f7"];
/// A reader's dark mode is followed where the picture is shown by itself and where it is embedded.
const STYLE: &str = "text{font:12px sans-serif;fill:#1f2328}.grid{stroke:#8b949e;stroke-opacity:.35}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}}";

/// The picture as SVG.
pub fn plot(rows: &[Row]) -> String {
    let bottom = rows.iter().fold(TOP, |y, _| y + LINE);
    let height = bottom + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Duration of a rolling update by world and policy\">\n<style>{STYLE}</style>\n"
    );
    legend(&mut svg, rows);
    for (seconds, label) in TICKS {
        let x = place(seconds);
        line(&mut svg, &format!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>"));
        text(&mut svg, x, bottom + 18.0, "middle", label);
    }
    let mut y = TOP + LINE / 2.0;
    for row in rows {
        text(&mut svg, LEFT - 20.0, y + 4.0, "end", &row.world);
        world(&mut svg, row, y);
        y += LINE;
    }
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String, rows: &[Row]) {
    let mut x = LEFT;
    let names = rows.first().into_iter().flat_map(|row| &row.results).map(|(name, _)| name);
    for (name, colour) in names.zip(COLOURS) {
        mark(svg, x, 18.0, colour, Mark::Kept);
        text(svg, x + 10.0, 22.0, "start", name);
        x += 120.0;
    }
    mark(svg, LEFT, 40.0, "#8b949e", Mark::Broken);
    text(svg, LEFT + 10.0, 44.0, "start", "budgets broken");
    mark(svg, LEFT + 120.0, 40.0, "#8b949e", Mark::GaveUp);
    text(svg, LEFT + 130.0, 44.0, "start", "gives up there");
}

/// A world's marks, and the durations of the fastest and the slowest policy.
fn world(svg: &mut String, row: &Row, y: f64) {
    for ((offset, colour), (_, it)) in [-6.0, -2.0, 2.0, 6.0].into_iter().zip(COLOURS).zip(&row.results) {
        let kind = match it {
            Measured { stopped: Some(_), .. } => Mark::GaveUp,
            Measured { violations: 1.., .. } => Mark::Broken,
            _ => Mark::Kept,
        };
        mark(svg, place(it.seconds), y + offset, colour, kind);
    }
    let through = || row.results.iter().filter(|(_, it)| it.stopped.is_none()).map(|(_, it)| it.seconds);
    if let Some((fastest, slowest)) = through().min().zip(through().max()) {
        text(svg, place(fastest) - 9.0, y + 4.0, "end", &duration(fastest));
        text(svg, place(slowest) + 9.0, y + 4.0, "start", &duration(slowest));
    }
}

#[derive(Clone, Copy)]
enum Mark {
    Kept,
    Broken,
    GaveUp,
}

fn mark(svg: &mut String, x: f64, y: f64, colour: &str, kind: Mark) {
    let shape = match kind {
        Mark::Kept => format!("<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"4\" fill=\"{colour}\"/>"),
        Mark::Broken => {
            format!("<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"3.5\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>")
        }
        Mark::GaveUp => {
            format!("<path d=\"M{:.1} {}l8 8m0 -8l-8 8\" stroke=\"{colour}\" stroke-width=\"2\"/>", x - 4.0, y - 4.0)
        }
    };
    line(svg, &shape);
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    line(svg, &format!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>"));
}

fn line(svg: &mut String, element: &str) {
    // Writing to a string never fails.
    let _ = writeln!(svg, "{element}");
}

/// Where a duration stands on the scale.
fn place(seconds: i64) -> f64 {
    let seconds = f64::from(i32::try_from(seconds).unwrap_or(i32::MAX));
    let share = (seconds.clamp(SHORTEST, LONGEST) / SHORTEST).ln() / (LONGEST / SHORTEST).ln();
    LEFT + share * (RIGHT - LEFT)
}
