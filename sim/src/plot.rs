//! A picture of one run: errors over time, as SVG.
//!
//! Each column of the picture stands for many seconds and shows the smallest and the largest error in them. The
//! scale fits what remains after settling; what is larger leaves the picture.

use std::fmt::Write as _;

use crate::case::Case;
use crate::statistics::Errors;
use crate::table::time;
use crate::trial::Moment;

const COLUMNS: usize = 900;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 90.0;
const TOP: f64 = 40.0;
const GAP: f64 = 50.0;
/// The scale ends so far beyond the size that all but one second in a thousand keep to.
const MARGIN: f64 = 1.4;
const COMMON: f64 = 0.999;

/// Collects the moments of a run.
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    seconds: u64,
    settle: u64,
    clock: Trace,
    served: Trace,
    sigma: Trace,
    frequency: Trace,
}

impl Plot {
    /// Of a run of this case.
    #[must_use]
    pub fn new(case: &Case, seed: u64) -> Self {
        Self {
            title: format!("{}: {}, seed {seed}", case.name, case.title),
            seconds: case.seconds,
            settle: case.settle,
            clock: Trace::default(),
            served: Trace::default(),
            sigma: Trace::default(),
            frequency: Trace::default(),
        }
    }

    /// One more second.
    pub fn add(&mut self, moment: &Moment<'_>) {
        let column = (moment.second * COLUMNS as u64 / (self.seconds + 1)) as usize;
        let settled = moment.second > self.settle;
        self.clock.add(column, moment.error, settled);
        self.served.add(column, moment.served, settled);
        if let Some(sigma) = moment.tracking.stddev_s {
            self.sigma.add(column, sigma, settled);
        }
        let ppm = moment.world.clock().frequency_error().to_ppm();
        self.frequency.add(column, ppm, settled);
    }

    /// The picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let (width, height) = (LEFT + COLUMNS as f64 + 20.0, TOP + 2.0 * (HEIGHT + GAP));
        let mut svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' font-family='sans-serif' \
             font-size='12'>\n<rect width='{width}' height='{height}' fill='white'/>\n\
             <text x='{LEFT}' y='20' font-size='15'>{}</text>\n",
            escaped(&self.title)
        );
        let upper = Panel { top: TOP, scale: self.clock.scale().max(self.sigma.scale()) };
        upper.frame(
            &mut svg,
            "time error: clock (blue), served time (orange), stated deviation (grey)",
            time,
        );
        upper.mirrored(&mut svg, &self.sigma, "#ddd");
        upper.band(&mut svg, &self.clock, "#2060c0");
        upper.band(&mut svg, &self.served, "#e08020");
        let lower = Panel { top: TOP + HEIGHT + GAP, scale: self.frequency.scale() };
        lower.frame(&mut svg, "frequency error of the clock, slews included", |ppm| format!("{ppm:.3} ppm"));
        lower.band(&mut svg, &self.frequency, "#2060c0");
        for panel in [&upper, &lower] {
            self.hours(&mut svg, panel);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Marks along the time axis, about ten of them, and where errors begin to count.
    fn hours(&self, svg: &mut String, panel: &Panel) {
        let x = |second: u64| LEFT + second as f64 / self.seconds as f64 * COLUMNS as f64;
        let bottom = panel.top + HEIGHT;
        let steps = [60, 300, 900, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];
        let step = steps.into_iter().find(|step| self.seconds / step <= 12).unwrap_or(2_592_000);
        for second in (0..=self.seconds).step_by(step as usize) {
            let words =
                if step < 3_600 { format!("{} min", second / 60) } else { format!("{} h", second / 3_600) };
            let _ = writeln!(
                svg,
                "<path d='M{0:.1} {bottom}v5' stroke='black'/><text x='{0:.1}' y='{1}' text-anchor='middle'>{words}</text>",
                x(second),
                bottom + 18.0,
            );
        }
        let (settled, top) = (x(self.settle), panel.top);
        let _ =
            writeln!(svg, "<path d='M{settled:.1} {top}v{HEIGHT}' stroke='#888' stroke-dasharray='4 4'/>");
    }
}

/// One quantity over time.
#[derive(Clone, Debug, Default)]
struct Trace {
    columns: Vec<Option<(f64, f64)>>,
    settled: Errors,
}

impl Trace {
    fn add(&mut self, column: usize, value: f64, settled: bool) {
        if self.columns.len() <= column {
            self.columns.resize(column + 1, None);
        }
        let (low, high) = self.columns[column].unwrap_or((value, value));
        self.columns[column] = Some((low.min(value), high.max(value)));
        if settled {
            self.settled.add(value);
        }
    }

    fn scale(&self) -> f64 {
        (self.settled.quantile(COMMON) * MARGIN).max(1e-12)
    }
}

/// A place for traces, zero in the middle.
struct Panel {
    top: f64,
    scale: f64,
}

impl Panel {
    fn y(&self, value: f64) -> f64 {
        self.top + HEIGHT / 2.0 * (1.0 - (value / self.scale).clamp(-1.0, 1.0))
    }

    fn frame(&self, svg: &mut String, title: &str, words: impl Fn(f64) -> String) {
        let top = self.top;
        let _ = writeln!(
            svg,
            "<text x='{LEFT}' y='{:.1}'>{title}</text>\n\
             <rect x='{LEFT}' y='{top}' width='{COLUMNS}' height='{HEIGHT}' fill='none' stroke='black'/>",
            top - 5.0
        );
        for share in [-1.0, -0.5, 0.0, 0.5, 1.0] {
            let (y, value) = (self.y(share * self.scale), share * self.scale);
            let _ = writeln!(
                svg,
                "<path d='M{LEFT} {y:.1}h{COLUMNS}' stroke='#eee'/><text x='{:.1}' y='{:.1}' text-anchor='end'>{}</text>",
                LEFT - 6.0,
                y + 4.0,
                words(value)
            );
        }
    }

    /// From the smallest to the largest value of each column.
    fn band(&self, svg: &mut String, trace: &Trace, colour: &str) {
        self.columns(svg, trace, colour, |low, high| (low, high));
    }

    /// A size, on both sides of zero.
    fn mirrored(&self, svg: &mut String, trace: &Trace, colour: &str) {
        self.columns(svg, trace, colour, |_, high| (-high, high));
    }

    fn columns(&self, svg: &mut String, trace: &Trace, colour: &str, ends: impl Fn(f64, f64) -> (f64, f64)) {
        let _ = write!(svg, "<path stroke='{colour}' stroke-width='1' d='");
        for (column, value) in trace.columns.iter().enumerate() {
            let Some((low, high)) = *value else { continue };
            let (low, high) = ends(low, high);
            let (top, bottom) = (self.y(high), self.y(low));
            // A column without height would not be seen.
            let height = (bottom - top).max(1.0);
            let _ = write!(svg, "M{} {top:.1}v{height:.1}", LEFT + column as f64 + 0.5);
        }
        svg.push_str("'/>\n");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_holds_its_extremes_and_the_scale_what_is_common() {
        let mut trace = Trace::default();
        trace.add(0, 5.0, false);
        for i in 0..10_000 {
            trace.add(1, f64::from(i % 3 - 1) * 0.1, true);
        }
        trace.add(1, 2.0, true);
        assert_eq!(trace.columns, [Some((5.0, 5.0)), Some((-0.1, 2.0))]);
        assert!((trace.scale() - 0.14).abs() < 0.01, "{}", trace.scale());
    }

    #[test]
    fn what_is_too_large_ends_at_the_frame() {
        let panel = Panel { top: 10.0, scale: 1.0 };
        assert_eq!((panel.y(0.0), panel.y(7.0), panel.y(-7.0)), (10.0 + HEIGHT / 2.0, 10.0, 10.0 + HEIGHT));
    }
}
