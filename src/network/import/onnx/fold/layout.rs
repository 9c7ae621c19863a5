//! Elements moved without being changed, whatever their type.

use std::sync::Arc;

use super::Known;
use crate::onnx::infer::{axis_index, permutation, slice_cuts};
use crate::onnx::{Constant, Data};

/// Returns the elements of `data` at `indices`, all of which it has.
pub(super) fn take(data: &Data, indices: &[usize]) -> Data {
    fn pick<T: Copy>(data: &[T], indices: &[usize]) -> Arc<Vec<T>> {
        Arc::new(indices.iter().map(|&i| data[i]).collect())
    }
    match data {
        Data::F32(data) => Data::F32(pick(data, indices)),
        Data::F64(data) => Data::F64(pick(data, indices)),
        Data::F16(data) => Data::F16(pick(data, indices)),
        Data::Bf16(data) => Data::Bf16(pick(data, indices)),
        Data::I64(data) => Data::I64(pick(data, indices)),
        Data::I32(data) => Data::I32(pick(data, indices)),
        Data::U8(data) => Data::U8(pick(data, indices)),
        Data::Bool(data) => Data::Bool(pick(data, indices)),
    }
}

/// Returns the index of each element of a result of `shape`, whose axes step by `strides` through a
/// value from `first` on.
///
/// All indices must be in the value; wrapping arithmetic makes negative strides of huge ones.
pub(super) fn walk(shape: &[usize], strides: &[usize], first: usize) -> Vec<usize> {
    let mut indices = vec![first];
    if shape.contains(&0) {
        return Vec::new();
    }
    for (&extent, &stride) in shape.iter().zip(strides) {
        indices = indices
            .iter()
            .flat_map(|&start| (0..extent).map(move |i| start.wrapping_add(i.wrapping_mul(stride))))
            .collect();
    }
    indices
}

/// Returns the distance between neighbours along each axis.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].wrapping_mul(shape[axis]);
    }
    strides
}

/// Returns the index of the element of a value of shape `from` that broadcasts to each element of a
/// result of shape `to`.
pub(super) fn broadcast_indices(from: &[usize], to: &[usize]) -> Vec<usize> {
    let own = strides(from);
    let extra = to.len() - from.len();
    let strides: Vec<usize> = (0..to.len())
        .map(|axis| match axis.checked_sub(extra) {
            Some(axis) if from[axis] != 1 => own[axis],
            _ => 0,
        })
        .collect();
    walk(to, &strides, 0)
}

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`: the same elements in another shape.
pub(super) fn reshape(known: &Known) -> Result<Constant, String> {
    let shape = known.output_shape()?;
    Constant::new(shape, known.input(0)?.data().clone())
        .ok_or_else(|| "its shape does not fit".to_owned())
}

pub(super) fn expand(known: &Known) -> Result<Constant, String> {
    let (x, shape) = (known.input(0)?, known.output_shape()?);
    let indices = broadcast_indices(x.shape(), &shape);
    made(shape, take(x.data(), &indices))
}

pub(super) fn transpose(known: &Known) -> Result<Constant, String> {
    let (x, shape) = (known.input(0)?, known.output_shape()?);
    let order = permutation(known.node.ints("perm"), x.shape().len())?;
    let own = strides(x.shape());
    let strides: Vec<usize> = order.into_iter().map(|axis| own[axis]).collect();
    let indices = walk(&shape, &strides, 0);
    made(shape, take(x.data(), &indices))
}

pub(super) fn slice(known: &Known) -> Result<Constant, String> {
    let (x, shape) = (known.input(0)?, known.output_shape()?);
    let starts = known.list(1, "starts")?.ok_or("the starts are missing")?;
    let ends = known.list(2, "ends")?.ok_or("the ends are missing")?;
    let (axes, steps) = (known.list(3, "axes")?, known.list(4, "")?);
    let cuts = slice_cuts(
        x.shape(),
        [&starts, &ends],
        axes.as_deref(),
        steps.as_deref(),
    )?;
    let mut strides = strides(x.shape());
    let mut first = 0;
    for cut in cuts {
        let stride = strides[cut.axis];
        let start = usize::try_from(cut.first).map_err(|e| e.to_string())?;
        first = usize::wrapping_add(first, start.wrapping_mul(stride));
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a negative step becomes the huge number that `walk` takes for it"
        )]
        let step = cut.step as usize;
        strides[cut.axis] = stride.wrapping_mul(step);
    }
    let indices = walk(&shape, &strides, first);
    made(shape, take(x.data(), &indices))
}

pub(super) fn concat(known: &Known) -> Result<Constant, String> {
    let shape = known.output_shape()?;
    let axis = axis_index(known.node.int("axis", 0), shape.len())?;
    let parts: Vec<&Constant> = (0..known.inputs.len())
        .map(|i| known.input(i))
        .collect::<Result<_, _>>()?;
    let data = joined(&parts).ok_or("its inputs differ in type")?;
    let outer: usize = shape[..axis].iter().product();
    let mut indices = Vec::with_capacity(shape.iter().product());
    for o in 0..outer {
        let mut start = 0;
        for part in &parts {
            let count = part.data().len();
            let block = count / outer;
            indices.extend(start + o * block..start + (o + 1) * block);
            start += count;
        }
    }
    made(shape, take(&data, &indices))
}

/// Returns the elements of all parts, one part after the other.
fn joined(parts: &[&Constant]) -> Option<Data> {
    fn all<T: Copy>(parts: &[&Constant], of: fn(&Data) -> Option<&[T]>) -> Option<Arc<Vec<T>>> {
        let parts: Option<Vec<&[T]>> = parts.iter().map(|part| of(part.data())).collect();
        Some(Arc::new(parts?.concat()))
    }
    Some(match parts.first()?.data() {
        Data::F32(_) => Data::F32(all(parts, f32s)?),
        Data::I64(_) => Data::I64(all(parts, i64s)?),
        Data::I32(_) => Data::I32(all(parts, i32s)?),
        Data::U8(_) => Data::U8(all(parts, u8s)?),
        Data::Bool(_) => Data::Bool(all(parts, bools)?),
        Data::F64(_) | Data::F16(_) | Data::Bf16(_) => return None,
    })
}

fn f32s(data: &Data) -> Option<&[f32]> {
    let Data::F32(data) = data else { return None };
    Some(data)
}

fn i64s(data: &Data) -> Option<&[i64]> {
    let Data::I64(data) = data else { return None };
    Some(data)
}

fn i32s(data: &Data) -> Option<&[i32]> {
    let Data::I32(data) = data else { return None };
    Some(data)
}

fn u8s(data: &Data) -> Option<&[u8]> {
    let Data::U8(data) = data else { return None };
    Some(data)
}

fn bools(data: &Data) -> Option<&[bool]> {
    let Data::Bool(data) = data else { return None };
    Some(data)
}

fn made(shape: Vec<usize>, data: Data) -> Result<Constant, String> {
    Constant::new(shape, data).ok_or_else(|| "its elements do not fit its shape".to_owned())
}
