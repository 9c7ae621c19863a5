//! Enlarging and reducing, in the many forms that the standard has had.

use super::super::importer::Importer;
use super::{as_it_is, required};
use crate::onnx::infer::axis_index;
use crate::onnx::{Attribute, Constant, Node};

/// `Upsample` of sets 7 to 9: what is `Resize` with coordinates that begin at the corner.
pub(super) fn upsample(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    let scales = match node.attributes.get("scales") {
        Some(Attribute::Floats(scales)) => scales.clone(),
        _ => floats(importer, required(node, 1)?)?,
    };
    from_corner(importer, node, (x, y), scales)
}

fn from_corner(
    importer: &mut Importer,
    node: &Node,
    (x, y): (&str, &str),
    scales: Vec<f32>,
) -> Result<(), String> {
    let mode = match node.text("mode", "nearest") {
        "linear" | "bilinear" => "linear",
        "nearest" => "nearest",
        other => return Err(format!("the mode `{other}` is not covered")),
    };
    // ONNX Runtime takes the element before where it enlarges and the one behind where it reduces.
    let reduces = scales.iter().any(|&scale| scale < 1.0);
    if reduces && mode == "nearest" && scales.iter().any(|&scale| scale > 1.0) {
        return Err("enlarging one axis and reducing another is not covered".to_owned());
    }
    let rounding = if reduces { "ceil" } else { "floor" };
    let scales = Constant::f32s(vec![scales.len()], scales).ok_or("the scales are no list")?;
    let scales = importer.add_constant(y, scales);
    let attributes = [
        ("mode", mode.into()),
        ("coordinate_transformation_mode", "asymmetric".into()),
        ("nearest_mode", rounding.into()),
    ];
    importer.last(y, "Resize", &[x, "", &scales], attributes)
}

/// Set 10 has scales alone; set 18 lets axes be chosen.
pub(super) fn resize(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    if importer.opset() < 11 {
        let scales = floats(importer, required(node, 1)?)?;
        return from_corner(importer, node, (x, y), scales);
    }
    if node.int("antialias", 0) != 0 {
        return Err("smoothing while reducing (antialias) is not covered".to_owned());
    }
    let policy = node.text("keep_aspect_ratio_policy", "stretch");
    if policy != "stretch" {
        return Err(format!("the aspect policy `{policy}` is not covered"));
    }
    let rank = importer.rank(x)?;
    let axes: Vec<usize> = match node.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|&axis| axis_index(axis, rank))
            .collect::<Result<_, _>>()?,
        None => (0..rank).collect(),
    };
    // Older exporters fill in an empty list for what they leave out.
    let given = |i: usize| {
        let name = node.input(i)?;
        let is_empty = importer.constant(name).is_some_and(|c| c.data().is_empty());
        (!is_empty).then_some(name)
    };
    let mut inputs = vec![x.to_owned(), String::new()];
    match (given(2), given(3)) {
        (Some(scales), None) => {
            let scales = spread(&floats(importer, scales)?, &axes, &vec![1.0; rank])?;
            check_coordinates(node, &scales)?;
            let scales = Constant::f32s(vec![rank], scales).ok_or("the scales are no list")?;
            inputs.push(importer.add_constant(y, scales));
        }
        (_, Some(sizes)) => match sizes_of(importer, (x, sizes), &axes, rank)? {
            Wanted::Sizes(sizes) => {
                inputs.push(String::new());
                inputs.push(importer.ints(y, sizes));
            }
            Wanted::Scales(scales) => {
                let scales = Constant::f32s(vec![rank], scales).ok_or("the scales are no list")?;
                inputs.push(importer.add_constant(y, scales));
            }
        },
        (None, None) => return Err("neither scales nor sizes are given".to_owned()),
    }
    let mut node = node.clone();
    node.inputs = inputs;
    for name in ["antialias", "axes", "keep_aspect_ratio_policy"] {
        node.attributes.remove(name);
    }
    let coordinates = node.text("coordinate_transformation_mode", "half_pixel");
    if coordinates == "half_pixel_symmetric" {
        let same: Attribute = "half_pixel".into();
        node.attributes
            .insert("coordinate_transformation_mode".to_owned(), same);
    } else if matches!(coordinates, "tf_crop_and_resize" | "tf_half_pixel_for_nn") {
        return Err(format!("the coordinates `{coordinates}` are not covered"));
    }
    as_it_is(importer, node)
}

/// Symmetric half pixels (set 19) are the plain ones as long as no size is rounded.
fn check_coordinates(node: &Node, scales: &[f32]) -> Result<(), String> {
    let coordinates = node.text("coordinate_transformation_mode", "half_pixel");
    if coordinates == "half_pixel_symmetric" && scales.iter().any(|scale| scale.fract() != 0.0) {
        return Err("symmetric coordinates with a broken scale are not covered".to_owned());
    }
    Ok(())
}

/// Returns `values`, one a chosen axis, put into `all`, one an axis.
fn spread<T: Copy>(values: &[T], axes: &[usize], all: &[T]) -> Result<Vec<T>, String> {
    if values.len() != axes.len() {
        return Err(format!("{} numbers for {} axes", values.len(), axes.len()));
    }
    let mut spread = all.to_vec();
    for (&axis, &value) in axes.iter().zip(values) {
        spread[axis] = value;
    }
    Ok(spread)
}

/// What a `Resize` is told.
enum Wanted {
    Sizes(Vec<i64>),
    Scales(Vec<f32>),
}

/// Returns the sizes as numbers; where they follow from the picture's, the scales that give them.
fn sizes_of(
    importer: &Importer,
    (x, sizes): (&str, &str),
    axes: &[usize],
    rank: usize,
) -> Result<Wanted, String> {
    if importer.sized(sizes).is_none() {
        let listed = importer
            .constant(sizes)
            .and_then(Constant::as_i64)
            .ok_or_else(|| format!("its sizes (`{sizes}`) are not constant"))?;
        let others: Option<Vec<i64>> = (0..rank)
            .map(|axis| {
                if axes.contains(&axis) {
                    Some(0)
                } else {
                    i64::try_from(importer.extent(x, axis)?).ok()
                }
            })
            .collect();
        let others = others.ok_or("the axes that it leaves are not the same for all sizes")?;
        return Ok(Wanted::Sizes(spread(&listed, axes, &others)?));
    }
    let unlike = || format!("its sizes (`{sizes}`) are no fixed multiple of those of its input");
    let shapes = importer.shapes(x).ok_or_else(unlike)?;
    let trials = importer.sized(sizes).unwrap_or_default();
    let mut scales: Option<Vec<f32>> = None;
    for (trial, shape) in trials.iter().zip(shapes) {
        let wanted = trial.as_i64().ok_or_else(unlike)?;
        let extents: Vec<i64> = shape
            .iter()
            .map(|&d| i64::try_from(d).unwrap_or(i64::MAX))
            .collect();
        let wanted = spread(&wanted, axes, &extents)?;
        let found: Option<Vec<f32>> = wanted
            .iter()
            .zip(&extents)
            .map(|(&to, &from)| scale(from, to))
            .collect();
        let found = found.ok_or_else(unlike)?;
        if scales.as_ref().is_some_and(|scales| *scales != found) {
            return Err(unlike());
        }
        scales = Some(found);
    }
    scales.map(Wanted::Scales).ok_or_else(unlike)
}

/// Returns the scale from one extent to another, if it is a whole number or one over it.
#[allow(
    clippy::cast_precision_loss,
    reason = "extents are far below 2^24 where a picture's size decides them"
)]
fn scale(from: i64, to: i64) -> Option<f32> {
    match (from, to) {
        (1.., 1..) if to % from == 0 => Some((to / from) as f32),
        (1.., 1..) if from % to == 0 => Some(1.0 / (from / to) as f32),
        _ => None,
    }
}

fn floats(importer: &Importer, name: &str) -> Result<Vec<f32>, String> {
    importer
        .constant(name)
        .and_then(Constant::as_f32)
        .map(<[f32]>::to_vec)
        .ok_or_else(|| {
            format!("its scales (`{name}`) are neither constant nor the same for all sizes")
        })
}
