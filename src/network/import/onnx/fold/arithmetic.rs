//! Arithmetic on constants, element by element.
//!
//! Two kinds of numbers are told apart, floats (f32) and whole numbers (i64); truth values count as
//! whole numbers. A result has the type of the first operand.

use std::sync::Arc;

use super::Known;
use super::layout::{broadcast_indices, take};
use crate::onnx::infer::broadcast;
use crate::onnx::{Constant, Data, ElementType};

/// The elements of a constant as numbers.
enum Numbers {
    Floats(Vec<f32>),
    Whole(Vec<i64>),
}

fn numbers(data: &Data) -> Result<Numbers, String> {
    Ok(match data {
        Data::F32(data) => Numbers::Floats(data.to_vec()),
        Data::I64(data) => Numbers::Whole(data.to_vec()),
        Data::I32(data) => Numbers::Whole(data.iter().map(|&v| v.into()).collect()),
        Data::U8(data) => Numbers::Whole(data.iter().map(|&v| v.into()).collect()),
        Data::Bool(data) => Numbers::Whole(data.iter().map(|&v| v.into()).collect()),
        Data::F64(_) | Data::F16(_) | Data::Bf16(_) => {
            return Err("a float of another width is left".to_owned());
        }
    })
}

/// Returns whole numbers as elements of `kind`, wrapped where they do not fit.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "conversions between whole numbers wrap"
)]
fn whole(values: Vec<i64>, kind: ElementType) -> Data {
    match kind {
        ElementType::I32 => Data::I32(Arc::new(values.into_iter().map(|v| v as i32).collect())),
        ElementType::U8 => Data::U8(Arc::new(values.into_iter().map(|v| v as u8).collect())),
        ElementType::Bool => Data::Bool(Arc::new(values.into_iter().map(|v| v != 0).collect())),
        ElementType::I64
        | ElementType::F32
        | ElementType::F64
        | ElementType::F16
        | ElementType::Bf16 => Data::I64(Arc::new(values)),
    }
}

/// The value as the type that the format numbers `to`; every float is f32.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "that is what a cast is"
)]
pub(super) fn cast(value: &Constant, to: i64) -> Result<Constant, String> {
    let kind = match to {
        1 | 10 | 11 | 16 => None,
        2 => Some(ElementType::U8),
        6 => Some(ElementType::I32),
        7 => Some(ElementType::I64),
        9 => Some(ElementType::Bool),
        _ => return Err(format!("element type {to} is not supported")),
    };
    let data = match (numbers(value.data())?, kind) {
        (Numbers::Floats(values), None) => Data::F32(Arc::new(values)),
        (Numbers::Whole(values), None) => {
            Data::F32(Arc::new(values.into_iter().map(|v| v as f32).collect()))
        }
        (Numbers::Floats(values), Some(ElementType::Bool)) => {
            Data::Bool(Arc::new(values.into_iter().map(|v| v != 0.0).collect()))
        }
        (Numbers::Floats(values), Some(kind)) => {
            whole(values.into_iter().map(|v| v as i64).collect(), kind)
        }
        (Numbers::Whole(values), Some(kind)) => whole(values, kind),
    };
    made(value.shape().to_vec(), data)
}

pub(super) fn unary(known: &Known) -> Result<Constant, String> {
    let x = known.input(0)?;
    let shape = known.afford(x.shape().to_vec())?;
    let op = known.node.op.as_str();
    let data = match numbers(x.data())? {
        Numbers::Floats(values) => {
            let function: fn(f32) -> f32 = match op {
                "Abs" => f32::abs,
                "Ceil" => f32::ceil,
                "Exp" => f32::exp,
                "Floor" => f32::floor,
                "Neg" => |v| -v,
                "Reciprocal" => f32::recip,
                "Sqrt" => f32::sqrt,
                _ => return Err(unlike(op)),
            };
            Data::F32(Arc::new(values.into_iter().map(function).collect()))
        }
        Numbers::Whole(values) => {
            let function: fn(i64) -> i64 = match op {
                "Abs" => i64::wrapping_abs,
                "Neg" => i64::wrapping_neg,
                "Not" => |v| i64::from(v == 0),
                _ => return Err(unlike(op)),
            };
            let values = values.into_iter().map(function).collect();
            whole(values, x.data().element_type())
        }
    };
    made(shape, data)
}

fn unlike(op: &str) -> String {
    format!("{op} of elements of this type is not covered")
}

pub(super) fn binary(known: &Known) -> Result<Constant, String> {
    let (a, b, op) = (known.input(0)?, known.input(1)?, known.node.op.as_str());
    if known.inputs.len() > 2 {
        return Err(format!("{op} of more than two constants is not covered"));
    }
    let shape = match op {
        // The one operator of these whose shape nothing else asks for.
        "Mod" => known.afford(broadcast(a.shape(), b.shape())?)?,
        _ => known.output_shape()?,
    };
    let [left, right] = [a, b].map(|side| {
        let indices = broadcast_indices(side.shape(), &shape);
        numbers(&take(side.data(), &indices))
    });
    let data = match (left?, right?) {
        (Numbers::Floats(left), Numbers::Floats(right)) => {
            let pairs = left.into_iter().zip(right);
            floats(op, pairs)?
        }
        (Numbers::Whole(left), Numbers::Whole(right)) => {
            let pairs = left.into_iter().zip(right);
            wholes(op, pairs, a.data().element_type())?
        }
        _ => return Err("its operands differ in type".to_owned()),
    };
    made(shape, data)
}

#[allow(
    clippy::float_cmp,
    reason = "the operator asks for exactly this comparison"
)]
fn floats(op: &str, pairs: impl Iterator<Item = (f32, f32)>) -> Result<Data, String> {
    let compare: fn((f32, f32)) -> bool = match op {
        "Equal" => |(a, b)| a == b,
        "Greater" => |(a, b)| a > b,
        "GreaterOrEqual" => |(a, b)| a >= b,
        "Less" => |(a, b)| a < b,
        "LessOrEqual" => |(a, b)| a <= b,
        _ => {
            let compute: fn((f32, f32)) -> f32 = match op {
                "Add" => |(a, b)| a + b,
                "Sub" => |(a, b)| a - b,
                "Mul" => |(a, b)| a * b,
                "Div" => |(a, b)| a / b,
                "Max" => |(a, b)| a.max(b),
                "Min" => |(a, b)| a.min(b),
                _ => return Err(unlike(op)),
            };
            return Ok(Data::F32(Arc::new(pairs.map(compute).collect())));
        }
    };
    Ok(Data::Bool(Arc::new(pairs.map(compare).collect())))
}

fn wholes(
    op: &str,
    pairs: impl Iterator<Item = (i64, i64)>,
    kind: ElementType,
) -> Result<Data, String> {
    let compare: fn((i64, i64)) -> bool = match op {
        "Equal" => |(a, b)| a == b,
        "Greater" => |(a, b)| a > b,
        "GreaterOrEqual" => |(a, b)| a >= b,
        "Less" => |(a, b)| a < b,
        "LessOrEqual" => |(a, b)| a <= b,
        "And" => |(a, b)| a != 0 && b != 0,
        "Or" => |(a, b)| a != 0 || b != 0,
        _ => {
            let compute: fn((i64, i64)) -> Option<i64> = match op {
                "Add" => |(a, b)| Some(a.wrapping_add(b)),
                "Sub" => |(a, b)| Some(a.wrapping_sub(b)),
                "Mul" => |(a, b)| Some(a.wrapping_mul(b)),
                "Div" => |(a, b)| a.checked_div(b),
                // The remainder has the sign of the divisor.
                "Mod" => |(a, b)| {
                    let rest = a.checked_rem(b)?;
                    let other_side = rest != 0 && (rest < 0) != (b < 0);
                    Some(if other_side { rest + b } else { rest })
                },
                "Max" => |(a, b)| Some(a.max(b)),
                "Min" => |(a, b)| Some(a.min(b)),
                _ => return Err(unlike(op)),
            };
            let values: Option<Vec<i64>> = pairs.map(compute).collect();
            return Ok(whole(values.ok_or("it divides by 0")?, kind));
        }
    };
    Ok(Data::Bool(Arc::new(pairs.map(compare).collect())))
}

/// `a` where a condition holds, else `b`.
pub(super) fn select(known: &Known) -> Result<Constant, String> {
    let (condition, a, b) = (known.input(0)?, known.input(1)?, known.input(2)?);
    let shape = known.output_shape()?;
    let Numbers::Whole(holds) = numbers(condition.data())? else {
        return Err("its condition is no truth value".to_owned());
    };
    let places = broadcast_indices(condition.shape(), &shape);
    let [left, right] = [a, b].map(|side| {
        let indices = broadcast_indices(side.shape(), &shape);
        numbers(&take(side.data(), &indices))
    });
    let holds = places.into_iter().map(|i| holds[i] != 0);
    let data = match (left?, right?) {
        (Numbers::Floats(left), Numbers::Floats(right)) => {
            let sides = left.into_iter().zip(right);
            let chosen = holds
                .zip(sides)
                .map(|(first, (a, b))| if first { a } else { b });
            Data::F32(Arc::new(chosen.collect()))
        }
        (Numbers::Whole(left), Numbers::Whole(right)) => {
            let sides = left.into_iter().zip(right);
            let chosen = holds
                .zip(sides)
                .map(|(first, (a, b))| if first { a } else { b });
            whole(chosen.collect(), a.data().element_type())
        }
        _ => return Err("its operands differ in type".to_owned()),
    };
    made(shape, data)
}

/// The product of all elements.
pub(super) fn product(known: &Known) -> Result<Constant, String> {
    let x = known.input(0)?;
    let all_axes = known.list(1, "axes")?.is_none() || x.shape().len() == 1;
    let Numbers::Whole(values) = numbers(x.data())? else {
        return Err(unlike("ReduceProd"));
    };
    if !all_axes {
        return Err("a product over some axes is not covered".to_owned());
    }
    let value = values.into_iter().fold(1_i64, i64::wrapping_mul);
    let rank = match known.node.int("keepdims", 1) {
        0 => 0,
        _ => x.shape().len(),
    };
    made(vec![1; rank], whole(vec![value], x.data().element_type()))
}

fn made(shape: Vec<usize>, data: Data) -> Result<Constant, String> {
    Constant::new(shape, data).ok_or_else(|| "its elements do not fit its shape".to_owned())
}
