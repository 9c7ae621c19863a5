//! What Caffe's layers compute, in `f64` and straight from their definitions: no graph, no operator
//! of ONNX.

use std::collections::BTreeMap;

use pentimento::engine::{Device, SessionOptions};
use pentimento::network::import::caffe::CaffeNetwork;
use pentimento::network::layer_list::{INPUT, LayerOp, Pair};
use pentimento::onnx::{Dim, ElementType, ValueInfo};
use pentimento::tensor::Tensor;

use super::weights;
use crate::support::engine;

/// Channels, height, width and as many numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    pub shape: [usize; 3],
    pub data: Vec<f64>,
}

impl Map {
    pub fn of(shape: [usize; 3], mut rule: impl FnMut(usize, usize, usize) -> f64) -> Self {
        let mut data = Vec::new();
        for c in 0..shape[0] {
            for y in 0..shape[1] {
                for x in 0..shape[2] {
                    data.push(rule(c, y, x));
                }
            }
        }
        Self { shape, data }
    }

    /// Returns an element; 0 beyond the border.
    pub fn at(&self, c: usize, y: i64, x: i64) -> f64 {
        let [_, height, width] = self.shape;
        let inside = |at: i64, extent: usize| usize::try_from(at).ok().filter(|&n| n < extent);
        match (inside(y, height), inside(x, width)) {
            (Some(y), Some(x)) => self.data[(c * height + y) * width + x],
            _ => 0.0,
        }
    }

    pub fn each(&self, rule: impl Fn(f64) -> f64) -> Self {
        Self {
            shape: self.shape,
            data: self.data.iter().map(|&v| rule(v)).collect(),
        }
    }

    pub fn tensor(&self) -> Tensor {
        let shape = [&[1][..], &self.shape].concat();
        Tensor::new(shape, self.data.iter().map(|&v| v as f32).collect()).unwrap()
    }
}

/// Kernel, stride, padding, dilation; height and width each.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub dilation: [usize; 2],
}

pub fn window(kernel: usize, stride: usize, pad: usize) -> Window {
    Window {
        kernel: [kernel; 2],
        stride: [stride; 2],
        pad: [pad; 2],
        dilation: [1; 2],
    }
}

pub fn conv(x: &Map, out: usize, groups: usize, w: Window, kernel: &[f32], bias: &[f32]) -> Map {
    let [channels, height, width] = x.shape;
    let size = |side: usize, at: usize| {
        let extent = w.dilation[at] * (w.kernel[at] - 1) + 1;
        (side + 2 * w.pad[at] - extent) / w.stride[at] + 1
    };
    let per_group = channels / groups;
    Map::of([out, size(height, 0), size(width, 1)], |o, y, x_at| {
        let first = o / (out / groups) * per_group;
        let mut sum = bias.get(o).map_or(0.0, |&b| f64::from(b));
        for c in 0..per_group {
            for ky in 0..w.kernel[0] {
                for kx in 0..w.kernel[1] {
                    let tap = ((o * per_group + c) * w.kernel[0] + ky) * w.kernel[1] + kx;
                    let row = (y * w.stride[0] + ky * w.dilation[0]) as i64 - w.pad[0] as i64;
                    let column = (x_at * w.stride[1] + kx * w.dilation[1]) as i64 - w.pad[1] as i64;
                    sum += f64::from(kernel[tap]) * x.at(first + c, row, column);
                }
            }
        }
        sum
    })
}

/// Caffe's pooling: as many windows as begin before the end (rounded up), less one that would begin
/// in the padding behind; an average divides by what lies within the padding.
pub fn pool(x: &Map, average: bool, ceil: bool, w: Window) -> Map {
    let [channels, height, width] = x.shape;
    let size = |side: usize, at: usize| {
        let room = side + 2 * w.pad[at] - w.kernel[at];
        let steps = if ceil {
            room.div_ceil(w.stride[at])
        } else {
            room / w.stride[at]
        };
        let beyond = w.pad != [0, 0] && steps * w.stride[at] >= side + w.pad[at];
        if beyond { steps } else { steps + 1 }
    };
    Map::of([channels, size(height, 0), size(width, 1)], |c, y, x_at| {
        let range = |index: usize, side: usize, at: usize| {
            let start = (index * w.stride[at]) as i64 - w.pad[at] as i64;
            let end = (start + w.kernel[at] as i64).min((side + w.pad[at]) as i64);
            (end - start, start.max(0)..end.min(side as i64))
        };
        let ((high, rows), (wide, columns)) = (range(y, height, 0), range(x_at, width, 1));
        let values = rows.flat_map(|r| columns.clone().map(move |k| (r, k)));
        let values = values.map(|(r, k)| x.at(c, r, k));
        if average {
            values.sum::<f64>() / (high * wide) as f64
        } else {
            values.fold(f64::MIN, f64::max)
        }
    })
}

pub fn lrn_across(x: &Map, size: usize, [alpha, beta, k]: [f64; 3]) -> Map {
    let half = size / 2;
    Map::of(x.shape, |c, y, at| {
        let (y, at) = (y as i64, at as i64);
        let near = c.saturating_sub(half)..(c + half + 1).min(x.shape[0]);
        let sum: f64 = near.map(|n| x.at(n, y, at).powi(2)).sum();
        x.at(c, y, at) / (k + alpha / size as f64 * sum).powf(beta)
    })
}

pub fn lrn_within(x: &Map, size: usize, [alpha, beta]: [f64; 2]) -> Map {
    let half = size as i64 / 2;
    Map::of(x.shape, |c, y, at| {
        let (y, at) = (y as i64, at as i64);
        let near = (-half..=half).flat_map(|dy| (-half..=half).map(move |dx| (dy, dx)));
        let sum: f64 = near.map(|(dy, dx)| x.at(c, y + dy, at + dx).powi(2)).sum();
        x.at(c, y, at) / (1.0 + alpha * sum / (size * size) as f64).powf(beta)
    })
}

pub fn linear(x: &Map, out: usize, kernel: &[f32], bias: &[f32]) -> Map {
    Map::of([out, 1, 1], |o, _, _| {
        let row = &kernel[o * x.data.len()..(o + 1) * x.data.len()];
        let sum: f64 = row
            .iter()
            .zip(&x.data)
            .map(|(&w, v)| f64::from(w) * v)
            .sum();
        sum + bias.get(o).map_or(0.0, |&b| f64::from(b))
    })
}

/// Computes every layer of a network that was imported.
pub fn evaluate(network: &CaffeNetwork, picture: &Map) -> BTreeMap<String, Map> {
    let mut values = BTreeMap::from([(INPUT.to_owned(), picture.clone())]);
    let mut last = INPUT.to_owned();
    for layer in &network.layers.layers {
        let read = if layer.from.is_empty() {
            vec![last.clone()]
        } else {
            layer.from.clone()
        };
        let read: Vec<&Map> = read.iter().map(|name| &values[name]).collect();
        let value = value(network, &layer.name, &layer.op, &read);
        values.insert(layer.name.clone(), value);
        last.clone_from(&layer.name);
    }
    values.remove(INPUT);
    values
}

#[allow(clippy::too_many_lines, reason = "one arm a kind of layer")]
fn value(network: &CaffeNetwork, name: &str, op: &LayerOp, read: &[&Map]) -> Map {
    let x = read[0];
    let tensor = |kind: &str| -> &[f32] {
        let name = format!("{name}.{kind}");
        network
            .weights
            .get(&name)
            .map_or(&[], |_| weights(network, &name).1)
    };
    let windowed = |spec: &pentimento::network::layer_list::WindowSpec| {
        let [Pair(kernel), Pair(stride), Pair(pad), Pair(dilation)] =
            [spec.kernel, spec.stride, spec.pad, spec.dilation];
        Window {
            kernel,
            stride,
            pad,
            dilation,
        }
    };
    let channel = |rule: &dyn Fn(usize, f64) -> f64| {
        Map::of(x.shape, |c, y, at| rule(c, x.at(c, y as i64, at as i64)))
    };
    let joined = |rule: &dyn Fn(f64, f64) -> f64, factors: &[f32]| {
        let scaled = read.iter().enumerate().map(|(index, map)| {
            let factor = factors.get(index).map_or(1.0, |&f| f64::from(f));
            map.each(|v| v * factor)
        });
        scaled
            .reduce(|a, b| Map {
                shape: a.shape,
                data: a
                    .data
                    .iter()
                    .zip(&b.data)
                    .map(|(&a, &b)| rule(a, b))
                    .collect(),
            })
            .unwrap()
    };
    match op {
        LayerOp::Conv {
            out,
            window,
            groups,
            ..
        } => conv(
            x,
            *out,
            *groups,
            windowed(window),
            tensor("weight"),
            tensor("bias"),
        ),
        LayerOp::MaxPool { window, ceil } => pool(x, false, *ceil, windowed(window)),
        LayerOp::AveragePool { window, ceil, .. } => pool(x, true, *ceil, windowed(window)),
        LayerOp::GlobalAveragePool => {
            let area = (x.shape[1] * x.shape[2]) as f64;
            let means = x
                .data
                .chunks(x.shape[1] * x.shape[2])
                .map(|c| c.iter().sum::<f64>() / area);
            Map {
                shape: [x.shape[0], 1, 1],
                data: means.collect(),
            }
        }
        LayerOp::Relu => x.each(|v| v.max(0.0)),
        LayerOp::LeakyRelu { slope } => x.each(|v| if v > 0.0 { v } else { v * f64::from(*slope) }),
        LayerOp::Prelu => {
            let slopes = tensor("weight");
            let slope = |c: usize| f64::from(slopes[c % slopes.len()]);
            channel(&|c, v| if v > 0.0 { v } else { v * slope(c) })
        }
        LayerOp::Sigmoid => x.each(|v| 1.0 / (1.0 + (-v).exp())),
        LayerOp::Tanh => x.each(f64::tanh),
        LayerOp::Elu { alpha } => x.each(|v| {
            if v > 0.0 {
                v
            } else {
                f64::from(*alpha) * v.exp_m1()
            }
        }),
        LayerOp::LrnAcross {
            size,
            alpha,
            beta,
            k,
        } => lrn_across(x, *size, [*alpha, *beta, *k].map(f64::from)),
        LayerOp::LrnWithin { size, alpha, beta } => {
            lrn_within(x, *size, [*alpha, *beta].map(f64::from))
        }
        LayerOp::BatchNorm { epsilon } => {
            let (mean, variance) = (tensor("running_mean"), tensor("running_var"));
            channel(&|c, v| {
                let spread = f64::from(variance[c]) + f64::from(*epsilon);
                (v - f64::from(mean[c])) / spread.sqrt()
            })
        }
        LayerOp::Scale => {
            let (weight, bias) = (tensor("weight"), tensor("bias"));
            let bias = |c: usize| bias.get(c).map_or(0.0, |&b| f64::from(b));
            channel(&|c, v| v * f64::from(weight[c]) + bias(c))
        }
        LayerOp::Concat => Map {
            shape: [
                read.iter().map(|m| m.shape[0]).sum(),
                x.shape[1],
                x.shape[2],
            ],
            data: read.iter().flat_map(|m| m.data.iter().copied()).collect(),
        },
        LayerOp::Sum { coefficients } => joined(&|a, b| a + b, coefficients),
        LayerOp::Product => joined(&|a, b| a * b, &[]),
        LayerOp::Maximum => joined(&f64::max, &[]),
        LayerOp::Linear { out, .. } => linear(x, *out, tensor("weight"), tensor("bias")),
        LayerOp::Dropout { .. } => x.clone(),
        LayerOp::Softmax => Map::of(x.shape, |c, y, at| {
            let (y, at) = (y as i64, at as i64);
            let most = (0..x.shape[0])
                .map(|n| x.at(n, y, at))
                .fold(f64::MIN, f64::max);
            let sum: f64 = (0..x.shape[0]).map(|n| (x.at(n, y, at) - most).exp()).sum();
            (x.at(c, y, at) - most).exp() / sum
        }),
    }
}

/// Runs the imported network's graph and returns every layer's value.
pub fn run(network: &CaffeNetwork, picture: &Map) -> BTreeMap<String, Tensor> {
    let mut model = network.layers.graph("made", &network.weights).unwrap();
    let made: Vec<String> = network
        .layers
        .layers
        .iter()
        .filter(|layer| !matches!(layer.op, LayerOp::Dropout { .. }))
        .map(|layer| layer.name.clone())
        .collect();
    model.graph.outputs = made
        .iter()
        .map(|name| ValueInfo {
            name: name.clone(),
            element: ElementType::F32,
            shape: vec![Dim::Unknown; 4],
        })
        .collect();
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut session = engine().session(&model, &options).unwrap();
    let values = session.run(&[(INPUT, &picture.tensor())]).unwrap();
    made.into_iter().zip(values).collect()
}

/// Holds that a value is the expected one within 1e-4 of its largest number.
pub fn assert_near(found: &Tensor, expected: &Map, what: &str) {
    assert_eq!(found.shape()[1..], expected.shape, "{what}");
    let most = expected.data.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let worst = found
        .data()
        .iter()
        .zip(&expected.data)
        .map(|(&f, e)| (f64::from(f) - e).abs())
        .fold(0.0, f64::max);
    assert!(worst <= 1e-4 * most, "{what}: {worst} off, of {most}");
    assert!(most > 0.0, "{what}: nothing to compare");
}

/// Holds that the graph of a network computes what Caffe would, in every layer.
pub fn assert_computes(network: &CaffeNetwork, picture: &Map) {
    let expected = evaluate(network, picture);
    let found = run(network, picture);
    assert!(!found.is_empty());
    for (name, value) in &found {
        assert_near(value, &expected[name], name);
    }
}
