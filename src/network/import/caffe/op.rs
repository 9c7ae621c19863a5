//! What one Caffe layer computes, as a [`LayerOp`], or why it cannot be said.
//!
//! One function a family of layers. What a field means, and what it is where it is absent, follows
//! `caffe.proto` and the layers' own definitions in Caffe.

use super::message::Message;
use super::net::Layer;
use crate::network::layer_list::{LayerOp, Pair, WindowSpec};

/// What a layer does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operation {
    /// It hands on what it reads.
    Same,
    /// It hands on what it reads as a list of numbers.
    Flatten,
    /// It computes.
    Compute(LayerOp),
}

/// Largest extent of a window, distance or padding.
const MOST_EXTENT: i64 = u16::MAX as i64;

/// Returns what a layer does, or why it cannot be imported.
pub(super) fn operation(layer: &Layer<'_>) -> Result<Operation, String> {
    let all = layer.message;
    let op = match layer.kind {
        "BatchNorm" => LayerOp::BatchNorm {
            epsilon: number(all.message("batch_norm_param"), "eps", 1e-5)?,
        },
        "Concat" => concat(all.message("concat_param"))?,
        "Convolution" => convolution(all.message("convolution_param"))?,
        "Dropout" => LayerOp::Dropout {
            ratio: number(all.message("dropout_param"), "dropout_ratio", 0.5)?,
        },
        "ELU" => LayerOp::Elu {
            alpha: number(all.message("elu_param"), "alpha", 1.0)?,
        },
        "Eltwise" => eltwise(all.message("eltwise_param"), layer.bottoms.len())?,
        "InnerProduct" => inner_product(all.message("inner_product_param"))?,
        "LRN" => lrn(all.message("lrn_param"))?,
        "PReLU" => LayerOp::Prelu,
        "Pooling" => pooling(all.message("pooling_param"))?,
        "ReLU" => relu(all.message("relu_param"))?,
        "Scale" => scale(all.message("scale_param"))?,
        "Sigmoid" => LayerOp::Sigmoid,
        "Softmax" => {
            channels_axis(all.message("softmax_param"), &["axis"])?;
            LayerOp::Softmax
        }
        "TanH" => LayerOp::Tanh,
        "Flatten" => {
            flatten(all.message("flatten_param"))?;
            return wired(layer, Operation::Flatten);
        }
        "Power" => return wired(layer, power(all.message("power_param"))?),
        "Split" => return wired(layer, Operation::Same),
        "" => return Err("it has no type".to_owned()),
        _ => return Err("layers of this type are not known".to_owned()),
    };
    wired(layer, Operation::Compute(op))
}

/// Holds that a layer reads and produces as many blobs as its operation.
fn wired(layer: &Layer<'_>, operation: Operation) -> Result<Operation, String> {
    let (read, made) = (layer.bottoms.len(), layer.tops.len());
    let least = if layer.kind == "Eltwise" { 2 } else { 1 };
    let joins = matches!(layer.kind, "Eltwise" | "Concat");
    if read < least || (!joins && read > 1) {
        let wanted = if joins { "at least " } else { "" };
        return Err(format!("it reads {read} blobs, not {wanted}{least}"));
    }
    // The second blob of a pooling tells where the maxima were.
    let most = match layer.kind {
        "Split" => usize::MAX,
        "Pooling" => 2,
        _ => 1,
    };
    if made == 0 || made > most {
        return Err(format!("it produces {made} blobs, not 1"));
    }
    Ok(operation)
}

fn convolution(param: &Message) -> Result<LayerOp, String> {
    channels_axis(param, &["axis"])?;
    let window = WindowSpec {
        dilation: pair(param, ["dilation", "", ""], Some(1), 1)?,
        ..window(param)?
    };
    let (out, groups) = (
        width(param)?,
        extent("group", param.int("group").unwrap_or(1), 1)?,
    );
    if out % groups != 0 {
        return Err(format!(
            "num_output {out} does not divide into {groups} groups"
        ));
    }
    Ok(LayerOp::Conv {
        out,
        window,
        groups,
        bias: param.flag("bias_term", true),
    })
}

fn pooling(param: &Message) -> Result<LayerOp, String> {
    let kind = param.text("pool").unwrap_or("MAX");
    if param.flag("global_pooling", false) {
        return match kind {
            "AVE" => Ok(LayerOp::GlobalAveragePool),
            _ => Err(format!("pooling {kind} over the whole extent is not known")),
        };
    }
    let window = window(param)?;
    let Pair(kernel) = window.kernel;
    let Pair(pad) = window.pad;
    if pad.iter().zip(kernel).any(|(pad, kernel)| *pad >= kernel) {
        return Err(format!("pad {pad:?} is not below the kernel {kernel:?}"));
    }
    let ceil = match param.text("round_mode").unwrap_or("CEIL") {
        "CEIL" => true,
        "FLOOR" => false,
        other => return Err(format!("round_mode {other} is not known")),
    };
    match kind {
        "MAX" => Ok(LayerOp::MaxPool { window, ceil }),
        "AVE" => Ok(LayerOp::AveragePool {
            window,
            ceil,
            count_include_pad: true,
        }),
        other => Err(format!("pooling {other} is not known")),
    }
}

fn relu(param: &Message) -> Result<LayerOp, String> {
    let slope = number(param, "negative_slope", 0.0)?;
    Ok(if slope == 0.0 {
        LayerOp::Relu
    } else {
        LayerOp::LeakyRelu { slope }
    })
}

fn lrn(param: &Message) -> Result<LayerOp, String> {
    let size = extent("local_size", param.int("local_size").unwrap_or(5), 1)?;
    if size % 2 == 0 {
        return Err(format!("local_size {size} is even"));
    }
    let alpha = number(param, "alpha", 1.0)?;
    let beta = number(param, "beta", 0.75)?;
    match param.text("norm_region").unwrap_or("ACROSS_CHANNELS") {
        "ACROSS_CHANNELS" => Ok(LayerOp::LrnAcross {
            size,
            alpha,
            beta,
            k: number(param, "k", 1.0)?,
        }),
        // Caffe reads no `k` here.
        "WITHIN_CHANNEL" => Ok(LayerOp::LrnWithin { size, alpha, beta }),
        other => Err(format!("norm_region {other} is not known")),
    }
}

fn inner_product(param: &Message) -> Result<LayerOp, String> {
    channels_axis(param, &["axis"])?;
    Ok(LayerOp::Linear {
        out: width(param)?,
        bias: param.flag("bias_term", true),
    })
}

fn scale(param: &Message) -> Result<LayerOp, String> {
    channels_axis(param, &["axis"])?;
    match param.int("num_axes").unwrap_or(1) {
        1 => Ok(LayerOp::Scale),
        axes => Err(format!(
            "num_axes is {axes}: a factor for each channel is known"
        )),
    }
}

fn concat(param: &Message) -> Result<LayerOp, String> {
    channels_axis(param, &["axis", "concat_dim"])?;
    Ok(LayerOp::Concat)
}

#[allow(clippy::float_cmp, reason = "a number that was written as 1 is 1")]
fn eltwise(param: &Message, count: usize) -> Result<LayerOp, String> {
    let mut coefficients: Vec<f32> = param.floats("coeff").collect();
    let operation = param.text("operation").unwrap_or("SUM");
    if !coefficients.is_empty() && (operation != "SUM" || coefficients.len() != count) {
        let given = coefficients.len();
        return Err(format!(
            "{given} coefficients for {operation} over {count} layers"
        ));
    }
    if coefficients.iter().all(|&c| c == 1.0) {
        coefficients.clear();
    }
    match operation {
        "PROD" => Ok(LayerOp::Product),
        "SUM" => Ok(LayerOp::Sum { coefficients }),
        "MAX" => Ok(LayerOp::Maximum),
        other => Err(format!("operation {other} is not known")),
    }
}

/// `(shift + scale · x)^power`, of which a factor is known.
#[allow(clippy::float_cmp, reason = "a number that was written as 1 is 1")]
fn power(param: &Message) -> Result<Operation, String> {
    let power = number(param, "power", 1.0)?;
    let scale = number(param, "scale", 1.0)?;
    let shift = number(param, "shift", 0.0)?;
    if power != 1.0 || shift != 0.0 {
        return Err(format!(
            "({shift} + {scale} · x)^{power} is not known, only a factor is"
        ));
    }
    Ok(if scale == 1.0 {
        Operation::Same
    } else {
        Operation::Compute(LayerOp::Sum {
            coefficients: vec![scale],
        })
    })
}

fn flatten(param: &Message) -> Result<(), String> {
    channels_axis(param, &["axis"])?;
    match param.int("end_axis").unwrap_or(-1) {
        -1 | 3 => Ok(()),
        axis => Err(format!(
            "it flattens up to axis {axis}, not all of a picture"
        )),
    }
}

/// Holds that an axis, under any of its names, is that of the channels.
fn channels_axis(param: &Message, names: &[&str]) -> Result<(), String> {
    for name in names {
        match param.int(name).unwrap_or(1) {
            1 | -3 => {}
            axis => return Err(format!("{name} is {axis}, not that of the channels")),
        }
    }
    Ok(())
}

fn width(param: &Message) -> Result<usize, String> {
    let out = param.int("num_output").ok_or("it has no num_output")?;
    match usize::try_from(out) {
        Ok(out) if (1..=i32::MAX as usize).contains(&out) => Ok(out),
        _ => Err(format!("num_output is {out}")),
    }
}

fn window(param: &Message) -> Result<WindowSpec, String> {
    Ok(WindowSpec {
        kernel: pair(param, ["kernel_size", "kernel_h", "kernel_w"], None, 1)?,
        stride: pair(param, ["stride", "stride_h", "stride_w"], Some(1), 1)?,
        pad: pair(param, ["pad", "pad_h", "pad_w"], Some(0), 0)?,
        dilation: Pair::both(1),
    })
}

/// Returns a pair that is written as one number for both sides, as two, or under a name a side.
fn pair(
    param: &Message,
    [both, high, wide]: [&str; 3],
    absent: Option<usize>,
    least: i64,
) -> Result<Pair, String> {
    let sides: Vec<i64> = param.ints(both).collect();
    let named = [high, wide].map(|name| param.int(name));
    let pair = match (sides.as_slice(), named) {
        ([], [None, None]) => {
            return absent.map(Pair::both).ok_or(format!("it has no {both}"));
        }
        ([], sides) => {
            // Caffe has a default for a side of the padding alone.
            let missing = (least == 0).then_some(0);
            match sides.map(|side| side.or(missing)) {
                [Some(height), Some(width)] => [height, width],
                _ => return Err(format!("of {high} and {wide} only one is given")),
            }
        }
        (&[side], [None, None]) => [side, side],
        (&[height, width], [None, None]) => [height, width],
        (more, [None, None]) => {
            return Err(format!(
                "{both} is given {} times for two sides",
                more.len()
            ));
        }
        _ => return Err(format!("{both} is given beside {high} or {wide}")),
    };
    let [height, width] = pair.map(|side| extent(both, side, least));
    Ok(Pair([height?, width?]))
}

fn extent(name: &str, value: i64, least: i64) -> Result<usize, String> {
    usize::try_from(value)
        .ok()
        .filter(|_| (least..=MOST_EXTENT).contains(&value))
        .ok_or_else(|| format!("{name} is {value}, not {least} to {MOST_EXTENT}"))
}

fn number(param: &Message, name: &str, default: f32) -> Result<f32, String> {
    let value = param.float(name, default);
    if value.is_finite() {
        Ok(value)
    } else {
        Err(format!("{name} is {value}"))
    }
}
