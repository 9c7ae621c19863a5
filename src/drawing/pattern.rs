//! Patterns that repeat: stripes, checks, dots, bricks, scales, weaves, rings, spirals and cells,
//! straight or warped.

use super::arithmetic::{direction, ease, exponential, length, sine};
use super::canvas::{Canvas, Colour, Point, blend};
use super::noise::{cell, hash, hashed};
use super::palette::Palette;
use super::texture::Warp;
use crate::random::Random;

/// What repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stripes,
    Checks,
    Dots,
    Bricks,
    Scales,
    Weave,
    Zigzag,
    Rings,
    Spiral,
    Cells,
    Cracks,
    Pebbles,
}

const KINDS: [Kind; 12] = [
    Kind::Stripes,
    Kind::Checks,
    Kind::Dots,
    Kind::Bricks,
    Kind::Scales,
    Kind::Weave,
    Kind::Zigzag,
    Kind::Rings,
    Kind::Spiral,
    Kind::Cells,
    Kind::Cracks,
    Kind::Pebbles,
];

/// What a pattern has at a place: a level between two colours, and the piece it belongs to.
struct Piece {
    level: f32,
    id: u32,
}

/// Draws a pattern.
pub(super) fn pattern(side: usize, random: &mut Random) -> Canvas {
    let kind = *random.pick(&KINDS);
    let palette = Palette::new(random);
    let period = exponential(random.between(1.5, 3.5));
    let [cos, sin] = direction(random.unit());
    let aspect = if random.chance(0.5) {
        1.0
    } else {
        random.between(0.4, 2.5)
    };
    let warp = random.chance(0.6).then(|| {
        let size = random.between(20.0, 60.0);
        let strength = size * random.between(0.05, 0.5);
        Warp::new(random, size, strength)
    });
    let centre = [random.between(0.0, 128.0), random.between(0.0, 128.0)];
    let seed = random.bits() as u32;
    let form = Form {
        duty: random.between(0.25, 0.75),
        soft: if random.chance(0.35) { 0.5 } else { 0.06 },
        spread: random.between(0.2, 1.0),
        seed,
    };
    let (ground, own) = (palette.pick(random), random.between(0.0, 1.0));
    let several = random.chance(0.6);
    let single = palette.pick(random);
    Canvas::new(side, |point| {
        let p = warp.as_ref().map_or(point, |warp| warp.at(point));
        let (x, y) = (p[0] - centre[0], p[1] - centre[1]);
        let u = (x * cos + y * sin) / period;
        let v = (y * cos - x * sin) / (period * aspect);
        let piece = form.at(kind, [u, v]);
        let colour = if several {
            palette.step(hashed(piece.id))
        } else {
            single
        };
        let tint: Colour =
            colour.map(|c| c + own * 0.12 * (hashed(hash(piece.id as i32, 2, seed)) - 0.5));
        blend(ground, tint, piece.level)
    })
}

/// How a pattern's pieces look.
struct Form {
    /// Share of the period that a piece takes.
    duty: f32,
    /// Softness of edges, in periods.
    soft: f32,
    /// How far pieces stray.
    spread: f32,
    seed: u32,
}

impl Form {
    /// Returns 1 well below `edge`, 0 well above.
    fn inside(&self, value: f32, edge: f32) -> f32 {
        1.0 - ease(value, edge - self.soft, edge + self.soft)
    }

    fn at(&self, kind: Kind, [u, v]: Point) -> Piece {
        let id = |a: f32, b: f32| hash(a as i32, b as i32, self.seed);
        let folded = |t: f32| (t - t.round()).abs() * 2.0;
        match kind {
            Kind::Stripes => Piece {
                level: self.inside(folded(u), self.duty),
                id: id(u.round(), 0.0),
            },
            Kind::Checks => {
                let odd = (u.floor() + v.floor()).rem_euclid(2.0);
                Piece {
                    level: odd,
                    id: id(u.floor(), v.floor()),
                }
            }
            Kind::Dots => {
                let row = v.round();
                let u = u + 0.5 * row.rem_euclid(2.0);
                Piece {
                    level: self.inside(length(u - u.round(), v - row), self.duty * 0.6),
                    id: id(u.round(), row),
                }
            }
            Kind::Bricks => {
                let row = v.floor();
                let along = u * 0.5 + 0.5 * row.rem_euclid(2.0);
                let gap = (0.5 - (along - along.floor() - 0.5).abs()) * 2.0;
                let level = gap.min(0.5 - (v - row - 0.5).abs());
                Piece {
                    level: ease(level, 0.03, 0.06 + self.soft * 0.4),
                    id: id(along.floor(), row),
                }
            }
            Kind::Scales => self.scale([u, v]),
            Kind::Weave => {
                let over = (u.floor() + v.floor()).rem_euclid(2.0) > 0.5;
                let (across, along) = if over { (u, v) } else { (v, u) };
                let round = 1.0 - (across - across.floor() - 0.5).abs() * 1.7;
                let bend = 0.6 + 0.4 * sine((along - along.floor()) * 0.5);
                Piece {
                    level: (round * bend).clamp(0.0, 1.0),
                    id: id(across.floor(), f32::from(u8::from(over))),
                }
            }
            Kind::Zigzag => {
                let bent = u + folded(v * 0.5) * (1.0 + self.spread);
                Piece {
                    level: self.inside(folded(bent), self.duty),
                    id: id(bent.round(), 3.0),
                }
            }
            Kind::Rings | Kind::Spiral => {
                let turn = if kind == Kind::Spiral {
                    angle([u, v])
                } else {
                    0.0
                };
                let far = length(u, v) + turn;
                Piece {
                    level: self.inside(folded(far), self.duty),
                    id: id(far.round(), 5.0),
                }
            }
            Kind::Cells | Kind::Cracks | Kind::Pebbles => self.cells(kind, [u, v]),
        }
    }

    /// Rows of round scales, each over the one above it.
    fn scale(&self, [u, v]: Point) -> Piece {
        let row = (v * 2.0).floor();
        // The scales of the lower rows hang over those above.
        for ahead in [1.0, 0.0, -1.0] {
            let row = row + ahead;
            let along = u + 0.5 * row.rem_euclid(2.0);
            let middle = along.floor() + 0.5;
            let far = length(along - middle, v - row * 0.5 + 0.25);
            if far < 0.56 && v - row * 0.5 + 0.25 >= 0.0 || ahead < 0.0 {
                return Piece {
                    level: 1.0 - ease(far, 0.56 - 0.2 - self.soft * 0.6, 0.56),
                    id: hash(middle as i32, row as i32, self.seed),
                };
            }
        }
        Piece { level: 0.0, id: 0 }
    }

    fn cells(&self, kind: Kind, point: Point) -> Piece {
        let cell = cell(point, self.spread, self.seed);
        let level = if kind == Kind::Cracks {
            ease(cell.next - cell.near, 0.05, 0.1 + self.soft * 0.3)
        } else if kind == Kind::Pebbles {
            1.0 - (cell.near * 1.3).min(1.0)
        } else {
            1.0
        };
        Piece { level, id: cell.id }
    }
}

/// Returns the angle of a direction in turns, -0.5 to 0.5, to within a hundredth.
fn angle([x, y]: Point) -> f32 {
    // Exact on the axes and diagonals; between them a fraction of a degree off.
    let (a, b) = (x.abs(), y.abs());
    let t = a.min(b) / a.max(b).max(1e-6);
    let part = t * (0.1591 - 0.0341 * t * t);
    let quarter = if b > a { 0.25 - part } else { part };
    let half = if x < 0.0 { 0.5 - quarter } else { quarter };
    if y < 0.0 { -half } else { half }
}
