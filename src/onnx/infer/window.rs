//! The geometry of sliding windows: convolution and pooling along one spatial axis at a time.

use super::super::model::Node;

/// A window along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: usize,
    /// Distance between neighbouring windows.
    pub stride: usize,
    /// Distance between neighbouring taps.
    pub dilation: usize,
    /// Elements assumed before the first.
    pub before: usize,
    /// Elements assumed behind the last.
    pub after: usize,
    /// Whether a window that reaches beyond the padding counts.
    pub ceil: bool,
}

impl Window {
    /// Returns the distance from a window's first element to just behind its last.
    pub fn reach(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// Returns the number of windows along an axis of `extent`, or `None` where none fits.
    ///
    /// With `ceil`, a window that would start in the padding behind the axis is dropped, as in
    /// PyTorch and in ONNX since operator set 19 (and in ONNX Runtime for all of them).
    pub fn count(&self, extent: usize) -> Option<usize> {
        let room = (extent + self.before + self.after).checked_sub(self.reach())?;
        if !self.ceil {
            return Some(room / self.stride + 1);
        }
        let count = room.div_ceil(self.stride) + 1;
        let last_start = (count - 1) * self.stride;
        Some(if last_start >= extent + self.before {
            count - 1
        } else {
            count
        })
    }
}

/// The largest kernel, stride, dilation or pad: their products fit into 64 bits.
const LARGEST: usize = 1 << 30;

/// Returns the windows of a convolution or pooling node along each spatial axis of extent
/// `spatial`; `kernel` overrides the attribute where the kernel is a value.
pub fn windows(
    node: &Node,
    spatial: &[usize],
    kernel: Option<&[usize]>,
) -> Result<Vec<Window>, String> {
    let rank = spatial.len();
    let kernel: Vec<usize> = match kernel {
        Some(kernel) => kernel.to_vec(),
        None => extents(node.ints("kernel_shape").ok_or("kernel_shape is missing")?)?,
    };
    let strides = list(node, "strides", rank, 1)?;
    let dilations = list(node, "dilations", rank, 1)?;
    let pads = list(node, "pads", 2 * rank, 0)?;
    if kernel.len() != rank {
        return Err(format!("a kernel of {} axes over {rank}", kernel.len()));
    }
    let mut numbers = kernel.iter().chain(&strides).chain(&dilations);
    if let Some(v) = numbers.clone().chain(&pads).find(|&&v| v > LARGEST) {
        return Err(format!(
            "a kernel, stride, dilation or pad of {v} makes no sense"
        ));
    }
    if numbers.any(|&v| v == 0) {
        return Err("a kernel, stride or dilation of 0 makes no sense".to_owned());
    }
    (0..rank)
        .map(|i| {
            let mut window = Window {
                kernel: kernel[i],
                stride: strides[i],
                dilation: dilations[i],
                before: pads[i],
                after: pads[i + rank],
                ceil: node.int("ceil_mode", 0) != 0,
            };
            match node.text("auto_pad", "NOTSET") {
                "NOTSET" | "" => {}
                "VALID" => (window.before, window.after) = (0, 0),
                kind @ ("SAME_UPPER" | "SAME_LOWER") => {
                    let count = spatial[i].div_ceil(window.stride).max(1);
                    let total =
                        ((count - 1) * window.stride + window.reach()).saturating_sub(spatial[i]);
                    let small = total / 2;
                    (window.before, window.after) = if kind == "SAME_UPPER" {
                        (small, total - small)
                    } else {
                        (total - small, small)
                    };
                }
                other => return Err(format!("auto_pad `{other}` is unknown")),
            }
            Ok(window)
        })
        .collect()
}

fn list(node: &Node, name: &str, length: usize, default: usize) -> Result<Vec<usize>, String> {
    let Some(values) = node.ints(name) else {
        return Ok(vec![default; length]);
    };
    let values = extents(values).map_err(|reason| format!("{name}: {reason}"))?;
    if values.len() == length {
        Ok(values)
    } else {
        Err(format!(
            "{name} has {} numbers, {length} are needed",
            values.len()
        ))
    }
}

fn extents(values: &[i64]) -> Result<Vec<usize>, String> {
    values
        .iter()
        .map(|&v| usize::try_from(v).map_err(|_source| format!("{v} makes no sense")))
        .collect()
}
