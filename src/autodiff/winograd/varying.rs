//! Winograd's F(4×4, 3×3) for whole batches and kernels that are no constants, as in training.
//!
//! ONNX Runtime runs a convolution whose kernel is no constant picture by picture. Where a picture
//! has few positions, that leaves each matrix product small; written by tiles, one product at each
//! of the 36 places takes the whole batch. From 128 channels on and up to 64 positions it takes
//! 0.4 to 0.75 of the time; above, the transforms cost more than they save.

use super::matrices::{self, INPUTS, TILE};
use super::{Pass, ints};
use crate::onnx::infer::window::windows;
use crate::onnx::{Builder, Constant, Graph, InferError, Node};

/// Fewest channels, in and out.
const CHANNELS: usize = 128;

/// Most positions of a picture.
const POSITIONS: usize = 64;

/// Returns `graph` with every convolution by tiles for which that pays, under the same names.
pub fn rewrite_varying(mut graph: Graph) -> Result<Graph, InferError> {
    let nodes = std::mem::take(&mut graph.nodes);
    let outputs = std::mem::take(&mut graph.outputs);
    let mut pass = Pass {
        graph: Builder::from_graph(graph)?,
        ..Pass::default()
    };
    for node in nodes {
        match Batch::of(&node, &pass.graph) {
            Some(batch) => batch.append(&mut pass, &node)?,
            None => pass.graph.push(node)?,
        }
    }
    let mut graph = pass.graph.finish();
    graph.outputs = outputs;
    Ok(graph)
}

/// A convolution of a batch that can be rewritten.
struct Batch {
    pictures: usize,
    /// Channels in and out.
    channels: [usize; 2],
    input: [usize; 2],
    output: [usize; 2],
    /// Zeros before the first row and column.
    before: [usize; 2],
}

impl Batch {
    fn of(node: &Node, graph: &Builder) -> Option<Self> {
        let plain = node.op == "Conv" && node.domain.is_empty() && node.int("group", 1) == 1;
        if !plain || node.input(2).is_some() {
            return None;
        }
        let &[pictures, c, h, w] = graph.shape(node.input(0)?) else {
            return None;
        };
        let kernel = node.input(1)?;
        let &[o, _, 3, 3] = graph.shape(kernel) else {
            return None;
        };
        let constant = graph.graph().initializers.contains_key(kernel);
        if constant || c.min(o) < CHANNELS || h * w > POSITIONS {
            return None;
        }
        let [rows, columns]: [_; 2] = windows(node, &[h, w], Some(&[3, 3]))
            .ok()?
            .try_into()
            .ok()?;
        let unit = [&rows, &columns]
            .iter()
            .all(|axis| axis.stride == 1 && axis.dilation == 1);
        unit.then_some(Self {
            pictures,
            channels: [c, o],
            input: [h, w],
            output: [rows.count(h)?, columns.count(w)?],
            before: [rows.before, columns.before],
        })
    }

    fn append(&self, pass: &mut Pass, node: &Node) -> Result<(), InferError> {
        let Self {
            pictures,
            channels: [c, o],
            output,
            ..
        } = *self;
        let places = INPUTS * INPUTS;
        let [rows, columns] = output.map(|extent| extent.div_ceil(TILE));
        let count = rows * columns;
        let name = node.outputs[0].clone();
        pass.graph.set_prefix(&format!("{name}.winograd"));
        let (take, give) = pass.transforms();
        let x = self.tiles(pass, &node.inputs[0], &take, [rows, columns])?;
        let kernel = pass.varying_kernel(&node.inputs[1], [c, o])?;
        let products = pass.graph.node("MatMul", &[&kernel, &x], [])?;
        let products = pass.reshape(&products, &[places, o * pictures * count])?;
        let tiles = pass.graph.node("MatMul", &[&give, &products], [])?;
        let tiles = pass.reshape(&tiles, &[TILE * TILE * o, pictures, count])?;
        let order = [("perm", vec![1, 0, 2].into())];
        let tiles = pass.graph.node("Transpose", &[&tiles], order)?;
        let tiles = pass.reshape(&tiles, &[pictures, TILE * TILE * o, rows, columns])?;
        let block = i64::try_from(TILE).unwrap_or(1);
        let block = [("blocksize", block.into())];
        let mut y = pass.graph.node("DepthToSpace", &[&tiles], block)?;
        let whole = [rows, columns].map(|tiles| TILE * tiles);
        if output != whole {
            let starts = pass.graph.ints(&[0, 0]);
            let ends = pass.graph.ints(&ints(&output));
            let axes = pass.graph.ints(&[2, 3]);
            y = pass.graph.node("Slice", &[&y, &starts, &ends, &axes], [])?;
        }
        pass.graph.set_prefix("");
        pass.graph.named_node("Identity", &[&y], &name, [])
    }

    /// Appends the transformed tiles of the input, `[36, C, N · tiles]`.
    ///
    /// The same nodes as the kernel's gradient appends for this input, so that ONNX Runtime makes
    /// them once.
    fn tiles(
        &self,
        pass: &mut Pass,
        x: &str,
        take: &str,
        tiles: [usize; 2],
    ) -> Result<String, InferError> {
        let (pictures, c, [h, w]) = (self.pictures, self.channels[0], self.input);
        let after = |axis: usize, extent: usize| {
            (TILE * (tiles[axis] - 1) + INPUTS).saturating_sub(extent + self.before[axis])
        };
        let pads = ints(&[self.before[0], self.before[1], after(0, h), after(1, w)]);
        let order = [("perm", vec![1, 0, 2, 3].into())];
        let by_channel = pass.graph.node("Transpose", &[x], order)?;
        let planes = pass.reshape(&by_channel, &[c * pictures, 1, h, w])?;
        let step = ints(&[TILE, TILE]);
        let attributes = [("strides", step.into()), ("pads", pads.into())];
        let x = pass.graph.node("Conv", &[&planes, take], attributes)?;
        let count = tiles[0] * tiles[1];
        let x = pass.reshape(&x, &[c * pictures, INPUTS * INPUTS, count])?;
        let order = [("perm", vec![1, 0, 2].into())];
        let x = pass.graph.node("Transpose", &[&x], order)?;
        pass.reshape(&x, &[INPUTS * INPUTS, c, pictures * count])
    }
}

impl Pass {
    /// Appends the transformed kernels `G·w·Gᵀ` of `weights` (`[O, C, 3, 3]`), `[36, O, C]`.
    fn varying_kernel(&mut self, weights: &str, [c, o]: [usize; 2]) -> Result<String, InferError> {
        let places = INPUTS * INPUTS;
        let spread = Constant::f32s(vec![places, 9], matrices::kernel_spread())
            .expect("36 sums of nine taps");
        self.graph.named_constant("winograd.kernel", spread);
        let taps = self.reshape(weights, &[o * c, 9])?;
        let order = [("perm", vec![1, 0].into())];
        let taps = self.graph.node("Transpose", &[&taps], order)?;
        let kernel = self.graph.node("MatMul", &["winograd.kernel", &taps], [])?;
        self.reshape(&kernel, &[places, o, c])
    }
}
