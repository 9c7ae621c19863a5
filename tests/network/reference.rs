//! What each kind of layer computes, directly from its definition, in `f64`: no graph, no operator
//! of ONNX, window by window.

#![allow(
    clippy::cast_possible_wrap,
    reason = "extents are far below the largest signed number"
)]

use std::collections::BTreeMap;
use std::ops::Range;

use pentimento::network::layer_list::{INPUT, LayerList, LayerOp, LayerSpec, Pair, WindowSpec};

/// Tensors by name: shape and elements.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A value of `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Extents.
    pub shape: [usize; 3],
    /// Elements in the order of the axes.
    pub data: Vec<f64>,
}

impl Map {
    /// Returns a map of what `value` says of channel, row and column.
    pub fn of(shape: [usize; 3], value: impl Fn(usize, usize, usize) -> f64) -> Self {
        let [channels, height, width] = shape;
        let mut data = Vec::with_capacity(channels * height * width);
        for c in 0..channels {
            for y in 0..height {
                data.extend((0..width).map(|x| value(c, y, x)));
            }
        }
        Self { shape, data }
    }

    /// Returns an element.
    pub fn at(&self, c: usize, y: usize, x: usize) -> f64 {
        self.data[(c * self.shape[1] + y) * self.shape[2] + x]
    }

    fn each(&self, rule: impl Fn(usize, f64) -> f64) -> Self {
        Self::of(self.shape, |c, y, x| rule(c, self.at(c, y, x)))
    }
}

/// Returns the value of every layer of the list over `input`.
pub fn values(list: &LayerList, tensors: &Tensors, input: &Map) -> BTreeMap<String, Map> {
    let mut known = BTreeMap::from([(INPUT.to_owned(), input.clone())]);
    let mut before = INPUT;
    for layer in &list.layers {
        let from = if layer.from.is_empty() {
            vec![before.to_owned()]
        } else {
            layer.from.clone()
        };
        let read: Vec<&Map> = from.iter().map(|name| &known[name]).collect();
        let value = value(layer, &read, tensors);
        known.insert(layer.name.clone(), value);
        before = layer.name.as_str();
    }
    known
}

fn tensor(layer: &LayerSpec, suffix: &str, tensors: &Tensors) -> Option<Vec<f64>> {
    let found = [&layer.tensors, &layer.name]
        .iter()
        .find_map(|prefix| tensors.get(&format!("{prefix}.{suffix}")));
    found.map(|(_, data)| data.iter().map(|&v| f64::from(v)).collect())
}

fn value(layer: &LayerSpec, read: &[&Map], tensors: &Tensors) -> Map {
    let x = read[0];
    let of = |suffix: &str| tensor(layer, suffix, tensors);
    let parameters = |out: usize| [of("weight").unwrap(), bias(of("bias"), out)];
    match &layer.op {
        LayerOp::Conv {
            out,
            window,
            groups,
            ..
        } => conv(x, *out, window, *groups, &parameters(*out)),
        LayerOp::Linear { out, .. } => {
            let window = WindowSpec {
                kernel: Pair([x.shape[1], x.shape[2]]),
                stride: Pair::both(1),
                pad: Pair::both(0),
                dilation: Pair::both(1),
            };
            conv(x, *out, &window, 1, &parameters(*out))
        }
        LayerOp::MaxPool { window, ceil } => pool(x, window, *ceil, |values, _| {
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        LayerOp::AveragePool {
            window,
            ceil,
            count_include_pad,
        } => pool(x, window, *ceil, |values, padded| {
            let count = if *count_include_pad {
                padded
            } else {
                values.len()
            };
            values.iter().sum::<f64>() / count as f64
        }),
        LayerOp::GlobalAveragePool => {
            let places = (x.shape[1] * x.shape[2]) as f64;
            let plane = |c: usize| x.data.chunks(x.shape[1] * x.shape[2]).nth(c).unwrap();
            Map::of([x.shape[0], 1, 1], |c, _, _| {
                plane(c).iter().sum::<f64>() / places
            })
        }
        LayerOp::Relu
        | LayerOp::LeakyRelu { .. }
        | LayerOp::Prelu
        | LayerOp::Sigmoid
        | LayerOp::Tanh
        | LayerOp::Elu { .. } => activation(&layer.op, x, &of("weight").unwrap_or_default()),
        LayerOp::LrnAcross {
            size,
            alpha,
            beta,
            k,
        } => lrn_across(x, *size, [*k, *alpha, *beta].map(f64::from)),
        LayerOp::LrnWithin { size, alpha, beta } => {
            lrn_within(x, *size, [*alpha, *beta].map(f64::from))
        }
        LayerOp::BatchNorm { epsilon } => {
            let root = of("running_var").unwrap().into_iter();
            let root: Vec<f64> = root.map(|v| (v + f64::from(*epsilon)).sqrt()).collect();
            let mean = of("running_mean").unwrap();
            let normal = x.each(|c, v| (v - mean[c]) / root[c]);
            scaled(&normal, of("weight"), of("bias"))
        }
        LayerOp::Scale => scaled(x, of("weight"), of("bias")),
        LayerOp::Concat | LayerOp::Sum { .. } | LayerOp::Product | LayerOp::Maximum => {
            together(&layer.op, read)
        }
        LayerOp::Dropout { .. } => x.clone(),
        LayerOp::Softmax => Map::of(x.shape, |c, y, at| {
            let sum: f64 = (0..x.shape[0]).map(|k| x.at(k, y, at).exp()).sum();
            x.at(c, y, at).exp() / sum
        }),
    }
}

fn scaled(x: &Map, weight: Option<Vec<f64>>, offset: Option<Vec<f64>>) -> Map {
    let channels = x.shape[0];
    let weight = weight.unwrap_or_else(|| vec![1.0; channels]);
    let offset = bias(offset, channels);
    x.each(|c, v| v * weight[c] + offset[c])
}

fn activation(op: &LayerOp, x: &Map, slopes: &[f64]) -> Map {
    x.each(|c, v| {
        if let LayerOp::LeakyRelu { slope } = op {
            below(v, f64::from(*slope) * v)
        } else if let LayerOp::Elu { alpha } = op {
            below(v, f64::from(*alpha) * (v.exp() - 1.0))
        } else if let LayerOp::Prelu = op {
            below(v, slopes[c % slopes.len()] * v)
        } else if let LayerOp::Sigmoid = op {
            1.0 / (1.0 + (-v).exp())
        } else if let LayerOp::Tanh = op {
            v.tanh()
        } else {
            v.max(0.0)
        }
    })
}

/// Returns what a layer makes of several.
fn together(op: &LayerOp, read: &[&Map]) -> Map {
    let x = read[0];
    if let LayerOp::Concat = op {
        return Map {
            shape: [
                read.iter().map(|m| m.shape[0]).sum(),
                x.shape[1],
                x.shape[2],
            ],
            data: read.iter().flat_map(|map| map.data.clone()).collect(),
        };
    }
    Map::of(x.shape, |c, y, at| {
        let values = read.iter().map(|map| map.at(c, y, at));
        if let LayerOp::Sum { coefficients } = op {
            let coefficient = |i: usize| f64::from(*coefficients.get(i).unwrap_or(&1.0));
            values.enumerate().map(|(i, v)| coefficient(i) * v).sum()
        } else if let LayerOp::Product = op {
            values.product()
        } else {
            values.fold(f64::NEG_INFINITY, f64::max)
        }
    })
}

fn bias(given: Option<Vec<f64>>, count: usize) -> Vec<f64> {
    given.unwrap_or_else(|| vec![0.0; count])
}

fn below(value: f64, negative: f64) -> f64 {
    if value > 0.0 { value } else { negative }
}

fn conv(
    x: &Map,
    out: usize,
    window: &WindowSpec,
    groups: usize,
    [kernel, bias]: &[Vec<f64>; 2],
) -> Map {
    let [kh, kw] = window.kernel.0;
    let per_group = x.shape[0] / groups;
    let (rows, columns) = (
        places(x.shape[1], window, 0, false),
        places(x.shape[2], window, 1, false),
    );
    Map::of([out, rows.len(), columns.len()], |o, row, column| {
        let first = o / (out / groups) * per_group;
        let mut sum = bias[o];
        for c in 0..per_group {
            for i in 0..kh {
                let Some(y) = inside(rows[row] + (i * window.dilation.0[0]) as i64, x.shape[1])
                else {
                    continue;
                };
                for j in 0..kw {
                    let at = columns[column] + (j * window.dilation.0[1]) as i64;
                    if let Some(at) = inside(at, x.shape[2]) {
                        sum += x.at(first + c, y, at)
                            * kernel[((o * per_group + c) * kh + i) * kw + j];
                    }
                }
            }
        }
        sum
    })
}

/// Gives `rule` the values in each window and the number of its places on the padded picture.
fn pool(x: &Map, window: &WindowSpec, ceil: bool, rule: impl Fn(&[f64], usize) -> f64) -> Map {
    let (rows, columns) = (
        places(x.shape[1], window, 0, ceil),
        places(x.shape[2], window, 1, ceil),
    );
    let taps = |start: i64, axis: usize| {
        let step = window.dilation.0[axis] as i64;
        (0..window.kernel.0[axis] as i64).map(move |i| start + i * step)
    };
    let padded = |start: i64, axis: usize| {
        let pad = window.pad.0[axis] as i64;
        let end = x.shape[axis + 1] as i64 + pad;
        taps(start, axis)
            .filter(|at| (-pad..end).contains(at))
            .count()
    };
    Map::of([x.shape[0], rows.len(), columns.len()], |c, row, column| {
        let mut values = Vec::new();
        for y in taps(rows[row], 0).filter_map(|y| inside(y, x.shape[1])) {
            let row = taps(columns[column], 1).filter_map(|at| inside(at, x.shape[2]));
            values.extend(row.map(|at| x.at(c, y, at)));
        }
        rule(&values, padded(rows[row], 0) * padded(columns[column], 1))
    })
}

/// Returns where the windows begin along an axis of `extent`: from the padding before on, as long as
/// a window ends within the padding behind, or, with `ceil`, begins on the picture before which all
/// windows end within that padding.
fn places(extent: usize, window: &WindowSpec, axis: usize, ceil: bool) -> Vec<i64> {
    let reach = ((window.kernel.0[axis] - 1) * window.dilation.0[axis] + 1) as i64;
    let (extent, pad) = (extent as i64, window.pad.0[axis] as i64);
    let mut places = Vec::new();
    let mut start = -pad;
    while start + reach <= extent + pad {
        places.push(start);
        start += window.stride.0[axis] as i64;
    }
    let last_end = places.last().map_or(extent + pad, |start| start + reach);
    if ceil && last_end < extent + pad && start < extent {
        places.push(start);
    }
    places
}

fn inside(at: i64, extent: usize) -> Option<usize> {
    usize::try_from(at).ok().filter(|&at| at < extent)
}

/// Returns the `size` places around one of `extent`, as far as they exist.
fn around(centre: usize, size: usize, extent: usize) -> Range<usize> {
    let before = (size - 1) / 2;
    centre.saturating_sub(before)..(centre + size - before).min(extent)
}

fn lrn_across(x: &Map, size: usize, [k, alpha, beta]: [f64; 3]) -> Map {
    Map::of(x.shape, |c, y, at| {
        let near = around(c, size, x.shape[0]);
        let sum: f64 = near.map(|c| x.at(c, y, at).powi(2)).sum();
        x.at(c, y, at) / (k + alpha / size as f64 * sum).powf(beta)
    })
}

fn lrn_within(x: &Map, size: usize, [alpha, beta]: [f64; 2]) -> Map {
    Map::of(x.shape, |c, y, at| {
        let columns = around(at, size, x.shape[2]);
        let sum: f64 = around(y, size, x.shape[1])
            .flat_map(|y| columns.clone().map(move |at| x.at(c, y, at).powi(2)))
            .sum();
        x.at(c, y, at) / (1.0 + alpha / (size * size) as f64 * sum).powf(beta)
    })
}

/// Holds that `found` is `expected` to `precision` of the largest.
pub fn assert_near(found: &[f32], expected: &Map, precision: f64, what: &str) -> f64 {
    assert_eq!(found.len(), expected.data.len(), "{what}");
    let largest = expected.data.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let errors = found.iter().zip(&expected.data);
    let error = errors.fold(0.0, |m: f64, (&found, expected)| {
        // Not a number, so that no maximum passes it over.
        assert!(found.is_finite(), "{what}: {found}");
        m.max((f64::from(found) - expected).abs())
    });
    assert!(
        error <= precision * largest,
        "{what}: off by {error} of {largest}"
    );
    error / largest
}
