//! Which part of a picture a crop shows, and cutting it out.

use super::options::DataOptions;
use super::split::Region;
use super::store::View;
use crate::random::Random;

/// A parallelogram in a picture, in pixels: where its first corner lies, and the steps from pixel to
/// pixel of the crop along its rows and its columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    corner: [f32; 2],
    right: [f32; 2],
    down: [f32; 2],
}

impl Window {
    /// Returns a random window that lies in `region` altogether.
    #[allow(clippy::cast_precision_loss, reason = "sizes in pixels")]
    pub(super) fn random(region: Region, options: &DataOptions, random: &mut Random) -> Self {
        let how = &options.augmentation;
        let crop = options.crop as f32;
        let extent = [region.width as f32, region.height as f32];
        let origin = [region.left as f32, region.top as f32];
        let fits = region.width >= options.crop && region.height >= options.crop;
        let mut window = if random.chance(how.straight) && fits {
            // On whole pixels, so that nothing is interpolated.
            let mut whole = |extent: usize| random.below(extent - options.crop + 1) as f32;
            let offset = [whole(region.width), whole(region.height)];
            Self {
                corner: [origin[0] + offset[0], origin[1] + offset[1]],
                right: [1.0, 0.0],
                down: [0.0, 1.0],
            }
        } else {
            let scale = random.between(how.scale.0, how.scale.1);
            let stretch = random.between(1.0, how.aspect.max(1.0)).sqrt();
            let stretch = if random.chance(0.5) {
                stretch
            } else {
                1.0 / stretch
            };
            let sine = random.between(-how.rotation, how.rotation).clamp(-1.0, 1.0);
            let cosine = (1.0 - sine * sine).sqrt();
            let sides = [scale * stretch, scale / stretch];
            let mut right = [cosine * sides[0], sine * sides[0]];
            let mut down = [-sine * sides[1], cosine * sides[1]];
            // What does not fit is made smaller, not moved out.
            let reach = [0, 1].map(|axis| crop * (right[axis].abs() + down[axis].abs()));
            let shrink = (extent[0] / reach[0]).min(extent[1] / reach[1]).min(1.0);
            right = right.map(|v| v * shrink);
            down = down.map(|v| v * shrink);
            let corner = [0, 1].map(|axis| {
                let free = (extent[axis] - reach[axis] * shrink).max(0.0);
                let low = crop * (right[axis].min(0.0) + down[axis].min(0.0));
                origin[axis] + free * random.unit() - low
            });
            Self {
                corner,
                right,
                down,
            }
        };
        if random.chance(how.mirror) {
            window.mirror(crop, |window| &mut window.right);
        }
        if random.chance(how.upset) {
            window.mirror(crop, |window| &mut window.down);
        }
        window
    }

    /// Returns the largest square of `region` but none larger than a crop, `share` of the way along.
    #[allow(clippy::cast_precision_loss, reason = "sizes in pixels")]
    pub(super) fn still(region: Region, crop: usize, share: f32) -> Self {
        let side = region.width.min(region.height).min(crop);
        let step = side as f32 / crop as f32;
        let at =
            |start: usize, length: usize| start as f32 + ((length - side) as f32 * share).floor();
        Self {
            corner: [at(region.left, region.width), at(region.top, region.height)],
            right: [step, 0.0],
            down: [0.0, step],
        }
    }

    /// Starts at the other end of an axis and goes back.
    fn mirror(&mut self, crop: f32, axis: fn(&mut Self) -> &mut [f32; 2]) {
        let step = *axis(self);
        self.corner = [
            self.corner[0] + step[0] * crop,
            self.corner[1] + step[1] * crop,
        ];
        *axis(self) = step.map(|v| -v);
    }

    /// Cuts the window out of a picture into three planes of `crop` × `crop`, 0–255, bilinearly.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places in pixels, held within the picture"
    )]
    pub(super) fn cut(&self, view: &View, crop: usize, planes: &mut [f32]) {
        let plane = crop * crop;
        let [last_x, last_y] = [view.width - 1, view.height - 1];
        for row in 0..crop {
            for column in 0..crop {
                // Between the middles of pixels.
                let (i, j) = (column as f32 + 0.5, row as f32 + 0.5);
                let x = self.corner[0] + i * self.right[0] + j * self.down[0] - 0.5;
                let y = self.corner[1] + i * self.right[1] + j * self.down[1] - 0.5;
                let (x, y) = (x.clamp(0.0, last_x as f32), y.clamp(0.0, last_y as f32));
                let (left, top) = (x as usize, y as usize);
                let (u, v) = (x - left as f32, y - top as f32);
                let above = 3 * (top * view.width);
                let below = 3 * ((top + 1).min(last_y) * view.width);
                let (left, right) = (3 * left, 3 * (left + 1).min(last_x));
                for channel in 0..3 {
                    let value =
                        |row: usize, column: usize| f32::from(view.pixels[row + column + channel]);
                    let first = value(above, left) + (value(above, right) - value(above, left)) * u;
                    let second =
                        value(below, left) + (value(below, right) - value(below, left)) * u;
                    planes[channel * plane + row * crop + column] = first + (second - first) * v;
                }
            }
        }
    }
}
