//! Shapes of convolution, pooling and resizing of `[N, C, H, W]` (or any number of spatial axes).

use super::super::model::Constant;
use super::window::{Window, windows};
use super::{Reading, Shape};

fn features(shape: &[usize]) -> Result<(usize, usize, &[usize]), String> {
    match shape {
        [n, c, spatial @ ..] if !spatial.is_empty() => Ok((*n, *c, spatial)),
        _ => Err(format!("shape {shape:?} has no spatial axes")),
    }
}

fn counts(windows: &[Window], spatial: &[usize]) -> Result<Shape, String> {
    windows
        .iter()
        .zip(spatial)
        .map(|(window, &extent)| {
            window
                .count(extent)
                .ok_or_else(|| format!("a window of {} does not fit into {extent}", window.reach()))
        })
        .collect()
}

pub(super) fn conv(reading: &Reading) -> Result<Vec<Shape>, String> {
    let (n, c, spatial) = features(reading.shape(0)?)?;
    let (out, per_group, kernel) = features(reading.shape(1)?)?;
    let group = usize::try_from(reading.node.int("group", 1)).unwrap_or(0);
    if group == 0 || per_group.checked_mul(group) != Some(c) || out % group != 0 {
        return Err(format!(
            "{c} channels in {group} groups do not fit a kernel of {per_group} to {out} channels"
        ));
    }
    let windows = windows(reading.node, spatial, Some(kernel))?;
    Ok(vec![[vec![n, out], counts(&windows, spatial)?].concat()])
}

pub(super) fn conv_transpose(reading: &Reading) -> Result<Vec<Shape>, String> {
    let (n, c, spatial) = features(reading.shape(0)?)?;
    let (c2, per_group, kernel) = features(reading.shape(1)?)?;
    let group = usize::try_from(reading.node.int("group", 1)).unwrap_or(0);
    if group == 0 || c != c2 || c % group != 0 {
        return Err(format!(
            "{c} channels in {group} groups do not fit a kernel of {c2}"
        ));
    }
    if !matches!(
        reading.node.text("auto_pad", "NOTSET"),
        "NOTSET" | "VALID" | ""
    ) || reading.node.ints("output_shape").is_some()
    {
        return Err("ConvTranspose with auto_pad or output_shape is not supported".to_owned());
    }
    let windows = windows(reading.node, spatial, Some(kernel))?;
    let extra = reading.node.ints("output_padding");
    let sizes: Option<Shape> = windows
        .iter()
        .zip(spatial)
        .enumerate()
        .map(|(i, (window, &extent))| {
            let extra = extra.map_or(0, |extra| extra.get(i).copied().unwrap_or(0));
            (extent.checked_sub(1)?)
                .checked_mul(window.stride)?
                .checked_add(window.reach())?
                .checked_add(usize::try_from(extra).ok()?)?
                .checked_sub(window.before + window.after)
        })
        .collect();
    let sizes = sizes.ok_or("the pads cut off more than there is")?;
    Ok(vec![[vec![n, per_group * group], sizes].concat()])
}

pub(super) fn pool(reading: &Reading) -> Result<Vec<Shape>, String> {
    let (n, c, spatial) = features(reading.shape(0)?)?;
    let windows = windows(reading.node, spatial, None)?;
    let shape = [vec![n, c], counts(&windows, spatial)?].concat();
    Ok(vec![shape; reading.node.outputs.len()])
}

pub(super) fn global_pool(reading: &Reading) -> Result<Vec<Shape>, String> {
    let (n, c, spatial) = features(reading.shape(0)?)?;
    Ok(vec![[vec![n, c], vec![1; spatial.len()]].concat()])
}

pub(super) fn resize(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    if reading.node.ints("axes").is_some()
        || reading.node.text("keep_aspect_ratio_policy", "stretch") != "stretch"
    {
        return Err("Resize over chosen axes or with an aspect policy is not supported".to_owned());
    }
    if let Some(sizes) = reading.constant(3)? {
        let sizes: Option<Shape> = sizes.iter().map(|&d| usize::try_from(d).ok()).collect();
        return sizes
            .filter(|sizes| sizes.len() == shape.len())
            .map(|sizes| vec![sizes])
            .ok_or_else(|| "the sizes do not fit the input".to_owned());
    }
    let scales = reading
        .node
        .input(2)
        .and_then(|name| reading.constants.get(name))
        .and_then(Constant::as_f32)
        .filter(|scales| scales.len() == shape.len())
        .ok_or("Resize needs constant scales or sizes, one an axis")?;
    Ok(vec![
        shape
            .iter()
            .zip(scales.iter())
            .map(|(&d, &scale)| scaled(d, scale))
            .collect(),
    ])
}

/// Returns `⌊extent · scale⌋`, as ONNX defines the output of a scaled axis.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "extents are far below 2^52, and scales are not negative"
)]
fn scaled(extent: usize, scale: f32) -> usize {
    (extent as f64 * f64::from(scale.max(0.0))).floor() as usize
}
