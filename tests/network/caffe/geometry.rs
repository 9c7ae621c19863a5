//! Windows of random shape, in every spelling, against what Caffe computes.

use super::direct::{self, Map, Window, assert_near};
use super::writer::{Bytes, Form, Generation, Layer, float, int, model, noise};
use super::{all, import, weights};

/// Random whole numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, least: usize, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        least + (self.0 >> 33) as usize % (most - least + 1)
    }
}

fn picture(shape: [usize; 3]) -> Map {
    Map::of(shape, |c, y, x| f64::from(noise(c * 9973 + y * 389 + x)))
}

/// Writes a pair in one of its spellings: `[both, of the height, of the width]`.
fn pair([both, high, wide]: [u32; 3], [height, width]: [usize; 2], spelling: usize) -> Vec<Bytes> {
    let (height, width) = (height as i64, width as i64);
    match spelling {
        0 if height == width => vec![int(both, height)],
        1 if both != 0 && height != width => vec![int(both, height), int(both, width)],
        _ => vec![int(high, height), int(wide, width)],
    }
}

#[test]
fn convolutions_of_every_shape() {
    let mut dice = Dice(7);
    for case in 0..60 {
        let spelling = case % 3;
        let both = |dice: &mut Dice, least, most| {
            let side = dice.roll(least, most);
            let other = dice.roll(least, most);
            if spelling == 0 {
                [side; 2]
            } else {
                [side, other]
            }
        };
        let w = Window {
            kernel: both(&mut dice, 1, 5),
            stride: both(&mut dice, 1, 3),
            pad: both(&mut dice, 0, 3),
            dilation: [dice.roll(1, 2); 2],
        };
        let (groups, out) = if case % 4 == 0 { (3, 6) } else { (1, 4) };
        let bias = case % 5 != 0;
        let mut param = vec![
            int(1, out as i64),
            int(5, groups as i64),
            int(2, i64::from(bias)),
        ];
        param.extend(pair([3, 9, 10], w.pad, spelling));
        param.extend(pair([4, 11, 12], w.kernel, spelling));
        param.extend(pair([6, 13, 14], w.stride, spelling));
        param.push(int(18, w.dilation[0] as i64));
        let shape = [out, 3 / groups, w.kernel[0], w.kernel[1]];
        let mut layer = Layer::new("c", "Convolution", "data", "c")
            .param(&param)
            .blob(&shape, noise);
        if bias {
            layer = layer.blob(&[out], |i| noise(i + 77));
        }
        let generation = if case % 2 == 0 {
            Generation::Old
        } else {
            Generation::New
        };
        let network = import(&model(3, &[layer], generation, Form::Packed), &all()).unwrap();
        let picture = picture([3, dice.roll(13, 20), dice.roll(13, 20)]);
        let bias = if bias {
            weights(&network, "c.bias").1
        } else {
            &[]
        };
        let kernel = weights(&network, "c.weight").1;
        let expected = direct::conv(&picture, out, groups, w, kernel, bias);
        assert_near(
            &direct::run(&network, &picture)["c"],
            &expected,
            &format!("{case}: {w:?}"),
        );
    }
}

#[test]
fn poolings_of_every_shape() {
    let mut dice = Dice(11);
    for case in 0..120 {
        let spelling = if case % 2 == 0 { 0 } else { 2 };
        let kernel = [dice.roll(1, 5), dice.roll(1, 5)];
        let mut w = Window {
            kernel,
            // A stride beyond the kernel lets Caffe's last window begin outside of the picture.
            stride: kernel.map(|k| dice.roll(1, k)),
            pad: kernel.map(|k| dice.roll(0, k - 1)),
            dilation: [1; 2],
        };
        if spelling == 0 {
            let side = |pair: [usize; 2]| [pair[0]; 2];
            (w.kernel, w.stride, w.pad) = (side(w.kernel), side(w.stride), side(w.pad));
        }
        let (average, ceil) = (case % 3 == 0, case % 7 != 0);
        let mut param = vec![int(1, i64::from(average)), int(13, i64::from(!ceil))];
        param.extend(pair([2, 5, 6], w.kernel, spelling));
        param.extend(pair([3, 7, 8], w.stride, spelling));
        param.extend(pair([4, 9, 10], w.pad, spelling));
        let conv = super::writer::conv(("c", "data"), [3, 2], [1, 0, 1], noise);
        let layer = Layer::new("p", "Pooling", "c", "p").param(&param);
        let bytes = model(3, &[conv, layer], Generation::New, Form::Packed);
        let network = import(&bytes, &all()).unwrap();
        let picture = picture([3, dice.roll(9, 20), dice.roll(9, 20)]);
        let read = direct::evaluate(&network, &picture).remove("c").unwrap();
        let expected = direct::pool(&read, average, ceil, w);
        let what = format!(
            "{case}: {w:?} average {average} ceil {ceil} over {:?}",
            read.shape
        );
        assert_near(&direct::run(&network, &picture)["p"], &expected, &what);
    }
}

#[test]
fn normalisations_of_every_size() {
    let mut dice = Dice(13);
    for case in 0..24 {
        let size = dice.roll(0, 3) * 2 + 1;
        let within = case % 2 == 0;
        let numbers = [0.5, 0.75, if within { 1.0 } else { 2.0 }];
        let [alpha, beta, k] = numbers.map(|n: f64| n as f32);
        let mut param = vec![int(1, size as i64), float(2, alpha), float(3, beta)];
        param.push(int(4, i64::from(within)));
        param.push(float(5, k));
        let conv = super::writer::conv(("c", "data"), [3, 7], [1, 0, 1], |i| 9.0 * noise(i));
        let layer = Layer::new("n", "LRN", "c", "n").param(&param);
        let bytes = model(3, &[conv, layer], Generation::Old, Form::Old);
        let network = import(&bytes, &all()).unwrap();
        let picture = picture([3, 9, 8]);
        let read = direct::evaluate(&network, &picture).remove("c").unwrap();
        let expected = if within {
            direct::lrn_within(&read, size, [numbers[0], numbers[1]])
        } else {
            direct::lrn_across(&read, size, numbers)
        };
        let what = format!("{case}: size {size} within {within}");
        assert_near(&direct::run(&network, &picture)["n"], &expected, &what);
    }
}
