//! Smooth noise over the plane, in octaves, turned and stretched; and cells about scattered points.
//!
//! Gradient noise (Perlin 1985) over a hashed lattice: any place can be asked for without a table.

use super::arithmetic::direction;
use super::canvas::Point;
use crate::random::Random;

/// How octaves are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// As they are.
    Smooth,
    /// Creases where the noise crosses zero.
    Ridged,
}

/// Noise of chosen scale, orientation and roughness.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    seed: u32,
    /// The lattice's axes, in lattice steps a unit.
    axes: [Point; 2],
    octaves: usize,
    /// Strength of an octave against the one before.
    gain: f32,
    fold: Fold,
}

impl Noise {
    /// Returns noise of about `size` units in a random orientation, the same in all directions.
    pub(super) fn new(random: &mut Random, size: f32, octaves: usize, gain: f32) -> Self {
        Self::oriented(random, size, 1.0, octaves, gain)
    }

    /// Returns noise whose structures are `stretch` times as long as wide.
    pub(super) fn oriented(
        random: &mut Random,
        size: f32,
        stretch: f32,
        octaves: usize,
        gain: f32,
    ) -> Self {
        let [cos, sin] = direction(random.unit());
        Self {
            seed: random.bits() as u32,
            axes: [
                [cos / (size * stretch), sin / (size * stretch)],
                [-sin / size, cos / size],
            ],
            octaves,
            gain,
            fold: Fold::Smooth,
        }
    }

    /// Returns the noise with its octaves folded.
    pub(super) fn folded(mut self, fold: Fold) -> Self {
        self.fold = fold;
        self
    }

    /// Returns the noise at a place, about -1 to 1.
    pub(super) fn at(&self, [x, y]: Point) -> f32 {
        let mut point = self.axes.map(|[a, b]| a * x + b * y);
        let (mut sum, mut strength, mut total) = (0.0, 1.0, 0.0);
        for octave in 0..self.octaves {
            let value = lattice(point, self.seed.wrapping_add(octave as u32));
            sum += strength
                * match self.fold {
                    Fold::Smooth => value,
                    Fold::Ridged => 1.0 - 4.0 * value.abs(),
                };
            total += strength;
            strength *= self.gain;
            // Twice as fine and turned, so that the lattices do not show.
            point = [
                1.6 * point[0] + 1.2 * point[1],
                -1.2 * point[0] + 1.6 * point[1],
            ];
        }
        sum / total
    }
}

/// Returns a hash of a lattice point.
pub(super) fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ seed.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// Returns a number in [0, 1) for a hash.
pub(super) fn hashed(hash: u32) -> f32 {
    (hash >> 8) as f32 / (1_u32 << 24) as f32
}

fn lattice([x, y]: Point, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let corner = |dx: i32, dy: i32| {
        let h = hash(left as i32 + dx, top as i32 + dy, seed);
        let gx = (h & 0xffff) as f32 / 32_768.0 - 1.0;
        let gy = (h >> 16) as f32 / 32_768.0 - 1.0;
        gx * (fx - dx as f32) + gy * (fy - dy as f32)
    };
    let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (u, v) = (fade(fx), fade(fy));
    let above = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * u;
    let below = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * u;
    1.8 * (above + (below - above) * v)
}

/// The cell about the scattered point nearest to a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// Distance to the cell's point, in cells.
    pub(super) near: f32,
    /// Distance to the second nearest point, in cells.
    pub(super) next: f32,
    /// A random number that is the cell's own.
    pub(super) id: u32,
    /// From the cell's point to the place, in cells.
    pub(super) offset: Point,
}

/// Returns the cell of a place (in cells): one point is scattered in every square of a lattice, off
/// its middle by at most `spread` / 2.
pub(super) fn cell([x, y]: Point, spread: f32, seed: u32) -> Cell {
    let (left, top) = (x.floor() as i32, y.floor() as i32);
    let mut found = Cell {
        near: f32::MAX,
        next: f32::MAX,
        id: 0,
        offset: [0.0; 2],
    };
    for row in top - 1..=top + 1 {
        for column in left - 1..=left + 1 {
            let id = hash(column, row, seed);
            let jitter = |bits: u32| (bits as f32 / 65_536.0 - 0.5) * spread + 0.5;
            let dx = x - column as f32 - jitter(id & 0xffff);
            let dy = y - row as f32 - jitter(id >> 16);
            let squared = dx * dx + dy * dy;
            if squared < found.near {
                found.next = found.near;
                found.near = squared;
                found.id = id;
                found.offset = [dx, dy];
            } else if squared < found.next {
                found.next = squared;
            }
        }
    }
    found.near = found.near.sqrt();
    found.next = found.next.sqrt();
    found.id = hash(found.id as i32, 1, seed);
    found
}
