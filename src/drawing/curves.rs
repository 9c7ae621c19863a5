//! Lines for their own sake: bundles of sinuous bands, loops, spirals, branches and lettering-like
//! marks, each on a ground.

use super::arithmetic::{direction, sine};
use super::canvas::{Canvas, EXTENT, Point, blend, shade};
use super::flow::Flow;
use super::noise::Noise;
use super::palette::Palette;
use super::shape::Shape;
use crate::random::Random;

/// Draws lines.
pub(super) fn curves(side: usize, random: &mut Random) -> Canvas {
    let palette = Palette::new(random);
    match random.below(5) {
        0 | 1 => bands(side, &palette, random),
        2 => spirals(side, &palette, random),
        3 => branches(side, &palette, random),
        _ => marks(side, &palette, random),
    }
}

/// Bands that lie beside each other along a flow, as in a sky of swirls.
fn bands(side: usize, palette: &Palette, random: &mut Random) -> Canvas {
    let flow = Flow::new(random, None);
    let tint = Noise::new(random, 45.0, 2, 0.5);
    let ground = palette.pick(random);
    let mut canvas = Canvas::new(side, |p| shade(ground, 1.0 + 0.2 * tint.at(p)));
    let width = random.between(1.2, 5.0);
    let far = random.between(16.0, 60.0);
    let count = (2.2 * EXTENT * EXTENT / (width * far)) as usize;
    let pen = random.chance(0.4).then(|| palette.extremes().0);
    for _ in 0..count.min(900) {
        let start = [random.between(-10.0, EXTENT), random.between(-10.0, EXTENT)];
        let points = flow.follow(start, far, 10);
        let level = 0.5 + 0.5 * tint.at(start) + 0.15 * random.normal();
        let colour = palette.at(level);
        if let Some(pen) = pen {
            let width = width + 1.2;
            canvas.fill(
                &Shape::Line {
                    points: points.clone(),
                    width,
                },
                |_| pen,
            );
        }
        canvas.fill(&Shape::Line { points, width }, |_| colour);
    }
    canvas
}

/// Spirals and rings of lines.
fn spirals(side: usize, palette: &Palette, random: &mut Random) -> Canvas {
    let ground = palette.pick(random);
    let mut canvas = Canvas::new(side, |_| ground);
    for _ in 0..5 + random.below(20) {
        let centre = [random.between(0.0, EXTENT), random.between(0.0, EXTENT)];
        let step = random.between(2.0, 5.0);
        let turns = 1.5 + random.below(4) as f32;
        let (phase, way) = (random.unit(), if random.chance(0.5) { 1.0 } else { -1.0 });
        let closed = random.chance(0.3);
        let points: Vec<Point> = (0..=(turns * 12.0) as usize)
            .map(|index| {
                let t = index as f32 / 12.0;
                let far = step * if closed { t.floor() + 1.0 } else { t };
                let [x, y] = direction(phase + way * t);
                [centre[0] + far * x, centre[1] + far * y]
            })
            .collect();
        let width = step * random.between(0.25, 0.7);
        let colour = palette.pick(random);
        canvas.fill(&Shape::Line { points, width }, |_| colour);
    }
    canvas
}

/// Branches that fork, thinner and thinner.
fn branches(side: usize, palette: &Palette, random: &mut Random) -> Canvas {
    let (dark, light) = palette.extremes();
    let sky = Noise::new(random, 50.0, 3, 0.5);
    let mut canvas = Canvas::new(side, |p| {
        blend(light, palette.at(p[1] / EXTENT), 0.4 + 0.3 * sky.at(p))
    });
    for _ in 0..2 + random.below(4) {
        let mut tips = vec![(
            [random.between(0.0, EXTENT), EXTENT],
            0.75_f32,
            26.0_f32,
            random.between(3.0, 7.0),
        )];
        let bend = random.between(0.04, 0.12);
        while let Some((start, turn, far, width)) = tips.pop() {
            let [x, y] = direction(turn);
            let far_now = far * random.between(0.6, 1.1);
            let end = [start[0] + x * far_now, start[1] + y * far_now];
            let points = vec![start, end];
            canvas.fill(&Shape::Line { points, width }, |_| dark);
            if width > 0.7 && far > 3.0 {
                for _ in 0..2 + random.below(2) {
                    let turn = turn + random.normal() * bend;
                    tips.push((end, turn, far * 0.75, width * 0.66));
                }
            } else if random.chance(0.3) {
                let colour = palette.pick(random);
                canvas.fill(&Shape::ellipse(end, [1.6, 1.2]), |_| colour);
            }
        }
    }
    canvas
}

/// Rows of small marks, as in writing or ornament.
fn marks(side: usize, palette: &Palette, random: &mut Random) -> Canvas {
    let (dark, light) = palette.extremes();
    let inverted = random.chance(0.3);
    let (ink, paper) = if inverted {
        (light, dark)
    } else {
        (dark, light)
    };
    let mut canvas = Canvas::new(side, |_| paper);
    let size = random.between(3.0, 14.0);
    let width = size * random.between(0.1, 0.3);
    let (angular, sway) = (random.chance(0.4), random.between(0.0, 0.25));
    let alphabet: Vec<Vec<Point>> = (0..3 + random.below(12))
        .map(|_| {
            (0..2 + random.below(5))
                .map(|_| {
                    let snap = |v: f32| if angular { (v * 2.0).round() / 2.0 } else { v };
                    [snap(random.unit()), snap(random.unit())]
                })
                .collect()
        })
        .collect();
    for row in 0..=(EXTENT / size) as usize {
        for column in 0..=(EXTENT / (0.9 * size)) as usize {
            if random.chance(0.12) {
                continue;
            }
            let x = column as f32 * 0.9 * size;
            let y = row as f32 * 1.3 * size + sway * size * sine(x / 40.0);
            let points: Vec<Point> = random
                .pick(&alphabet)
                .iter()
                .map(|p| [x + p[0] * size * 0.7, y + p[1] * size])
                .collect();
            canvas.fill(&Shape::Line { points, width }, |_| ink);
        }
    }
    canvas
}
