//! Directions over the plane, which strokes and pen lines follow.

use super::arithmetic::{bell, direction, length};
use super::canvas::{Canvas, EXTENT, Point};
use super::noise::Noise;
use crate::random::Random;

/// Directions are kept on a grid of so many places a side.
const GRID: usize = 48;

/// A direction of length 1 for every place.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    grid: Vec<Point>,
}

impl Flow {
    /// Returns a flow of a random kind; over a picture it may follow the picture's edges.
    pub(super) fn new(random: &mut Random, over: Option<&Canvas>) -> Self {
        let kind = random.below(if over.is_some() { 7 } else { 4 });
        let steady = direction(random.unit());
        match (kind, over) {
            (0, _) => {
                let noise = Noise::new(random, 60.0, 2, 0.5);
                let (swing, base) = (random.between(0.0, 0.35), random.unit());
                Self::from_fn(|p| direction(base + swing * noise.at(p)))
            }
            (1, _) => {
                let noise = Noise::new(random, 45.0 + 20.0 * steady[0], 1, 1.0);
                Self::from_fn(|p| {
                    let value = noise.at(p);
                    let right = noise.at([p[0] + 1.0, p[1]]) - value;
                    let down = noise.at([p[0], p[1] + 1.0]) - value;
                    [steady[0] * 0.01 - down, steady[1] * 0.01 + right]
                })
            }
            (2 | 3, _) | (_, None) => Self::whirls(random, steady),
            (_, Some(picture)) => Self::along_edges(picture, steady, random),
        }
    }

    fn from_fn(mut vector: impl FnMut(Point) -> Point) -> Self {
        let step = EXTENT / GRID as f32;
        let grid = (0..GRID * GRID)
            .map(|index| {
                let (column, row) = ((index % GRID) as f32, (index / GRID) as f32);
                let [x, y] = vector([(column + 0.5) * step, (row + 0.5) * step]);
                let far = length(x, y);
                if far > 1e-6 {
                    [x / far, y / far]
                } else {
                    [1.0, 0.0]
                }
            })
            .collect();
        Self { grid }
    }

    /// Whirls in a steady drift.
    fn whirls(random: &mut Random, drift: Point) -> Self {
        let count = 1 + random.below(7);
        let whirls: Vec<(Point, f32, f32)> = (0..count)
            .map(|_| {
                let centre = [random.between(0.0, EXTENT), random.between(0.0, EXTENT)];
                let turn = if random.chance(0.5) { 1.0 } else { -1.0 };
                (
                    centre,
                    random.between(12.0, 60.0),
                    turn * random.between(1.0, 4.0),
                )
            })
            .collect();
        Self::from_fn(|p| {
            let mut sum = drift;
            for (centre, reach, turn) in &whirls {
                let (dx, dy) = (p[0] - centre[0], p[1] - centre[1]);
                let far = length(dx, dy).max(0.1);
                let pull = turn * bell(far / reach) / far;
                sum = [sum[0] - dy * pull, sum[1] + dx * pull];
            }
            sum
        })
    }

    /// Along the edges of a picture: the weaker axis of its smoothed structure tensor.
    fn along_edges(picture: &Canvas, steady: Point, random: &mut Random) -> Self {
        let tones = picture.tones().blurred(1 + picture.side / 64, 1);
        let step = picture.side as f32 / GRID as f32;
        let mut tensor = [const { Vec::new() }; 2];
        for index in 0..GRID * GRID {
            let column = ((index % GRID) as f32 + 0.5) * step;
            let row = ((index / GRID) as f32 + 0.5) * step;
            let [x, y] = tones.slope(column as usize, row as usize);
            // As twice the angle, so that opposite slopes add up.
            tensor[0].push(x * x - y * y);
            tensor[1].push(2.0 * x * y);
        }
        let reach = 2 + random.below(4);
        let [cos, sin] = tensor.map(|values| {
            super::canvas::Field { side: GRID, values }
                .blurred(reach, 2)
                .values
        });
        let faint = 1e-5;
        let mut index = 0;
        Self::from_fn(|_| {
            let (c, s) = (cos[index], sin[index]);
            index += 1;
            let far = length(c, s).max(1e-12);
            // Half of the doubled angle is across the edge; a right angle further is along it.
            let half = [
                (0.5 + 0.5 * c / far).max(0.0).sqrt(),
                (0.5 - 0.5 * c / far).max(0.0).sqrt(),
            ];
            let across = if s < 0.0 { [half[0], -half[1]] } else { half };
            let weight = far / (far + faint);
            let sign = if across[0] * steady[1] - across[1] * steady[0] > 0.0 {
                1.0
            } else {
                -1.0
            };
            [
                steady[0] * (1.0 - weight) - sign * across[1] * weight,
                steady[1] * (1.0 - weight) + sign * across[0] * weight,
            ]
        })
    }

    /// Returns the direction at a place.
    pub(super) fn at(&self, point: Point) -> Point {
        let [column, row] =
            point.map(|v| ((v * GRID as f32 / EXTENT).max(0.0) as usize).min(GRID - 1));
        self.grid[row * GRID + column]
    }

    /// Returns a line of `steps` + 1 points over `far` units that follows the flow from a place.
    pub(super) fn follow(&self, start: Point, far: f32, steps: usize) -> Vec<Point> {
        let mut points = vec![start];
        let mut point = start;
        let stride = far / steps as f32;
        for _ in 0..steps {
            let [x, y] = self.at(point);
            point = [point[0] + x * stride, point[1] + y * stride];
            points.push(point);
        }
        points
    }
}
