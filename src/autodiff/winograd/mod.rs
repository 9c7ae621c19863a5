//! Convolutions rewritten as Winograd's F(4×4, 3×3), in standard operators.
//!
//! A 3×3 convolution of stride 1 takes 36 multiplications where the direct form takes 144. The
//! input is cut into overlapping tiles and transformed by a strided convolution with a fixed
//! kernel; the sum over channels is one matrix product for each of the 36 places; a small matrix
//! takes the products back to 4×4 outputs (Lavin and Gray 2015). From `CHANNELS` channels on this
//! beats ONNX Runtime's direct kernels on a processor; below, the transforms cost more than they
//! save. The result is off by about 1e-6 of its largest value.
//!
//! [`rewrite`] works on a whole graph, forward and backward pass alike, and leaves it computing the
//! same values under the same names.

pub(super) mod matrices;
mod tidy;
mod varying;

use std::collections::{BTreeMap, BTreeSet};

use crate::onnx::infer::window::windows;
use crate::onnx::{Builder, Constant, Graph, InferError, Node};
use matrices::{INPUTS, TILE};
pub use varying::rewrite_varying;

/// Fewest channels, in or out, for which the transforms pay.
const CHANNELS: usize = 128;

/// Fewest channels of the wider side.
const WIDER: usize = 256;

/// Returns `graph` with every convolution that it pays for rewritten.
pub fn rewrite(mut graph: Graph) -> Result<Graph, InferError> {
    let nodes = std::mem::take(&mut graph.nodes);
    let outputs = std::mem::take(&mut graph.outputs);
    let mut pass = Pass {
        graph: Builder::from_graph(graph)?,
        ..Pass::default()
    };
    let mut rewritten = BTreeSet::new();
    for node in nodes {
        match Convolution::of(&node, &pass.graph) {
            Some(convolution) => {
                rewritten.insert(node.outputs[0].clone());
                pass.append(&node, &convolution)?;
            }
            None => pass.graph.push(node)?,
        }
    }
    let mut graph = pass.graph.finish();
    graph.outputs = outputs;
    tidy::tidy(&mut graph, &rewritten);
    Ok(graph)
}

/// A convolution that can be rewritten.
struct Convolution {
    /// Channels in and out.
    channels: [usize; 2],
    /// Height and width of the input.
    input: [usize; 2],
    /// Height and width of the output.
    output: [usize; 2],
    /// Zeros before the first row and column.
    before: [usize; 2],
}

impl Convolution {
    /// Returns the convolution that `node` is, if it pays to rewrite it.
    fn of(node: &Node, graph: &Builder) -> Option<Self> {
        if node.op != "Conv" || !node.domain.is_empty() || node.int("group", 1) != 1 {
            return None;
        }
        let &[1, c, h, w] = graph.shape(node.input(0)?) else {
            return None;
        };
        let kernel = graph.graph().initializers.get(node.input(1)?)?;
        let &[o, _, 3, 3] = kernel.shape() else {
            return None;
        };
        kernel.as_f32()?;
        if c.min(o) < CHANNELS || c.max(o) < WIDER {
            return None;
        }
        let [rows, columns]: [_; 2] = windows(node, &[h, w], Some(&[3, 3]))
            .ok()?
            .try_into()
            .ok()?;
        if [rows, columns]
            .iter()
            .any(|axis| axis.stride != 1 || axis.dilation != 1)
        {
            return None;
        }
        Some(Self {
            channels: [c, o],
            input: [h, w],
            output: [rows.count(h)?, columns.count(w)?],
            before: [rows.before, columns.before],
        })
    }
}

#[derive(Default)]
struct Pass {
    graph: Builder,
    /// Transformed kernels by the name of the original.
    kernels: BTreeMap<String, String>,
    /// The transforms of input and output, once they are there.
    transforms: Option<(String, String)>,
}

impl Pass {
    fn append(&mut self, node: &Node, convolution: &Convolution) -> Result<(), InferError> {
        let Convolution {
            channels: [c, o],
            input: [h, w],
            output,
            before,
        } = *convolution;
        let tiles = output.map(|extent| extent.div_ceil(TILE));
        let [rows, columns] = tiles;
        let name = node.outputs[0].clone();
        self.graph.set_prefix(&format!("{name}.winograd"));
        let (take, give) = self.transforms();
        let kernel = self.kernel(&node.inputs[1], c * o, [c, o]);
        let after =
            |axis: usize, extent: usize| TILE * tiles[axis] + INPUTS - TILE - extent - before[axis];
        let pads = ints(&[before[0], before[1], after(0, h), after(1, w)]);
        let x = self.reshape(&node.inputs[0], &[c, 1, h, w])?;
        let step = ints(&[TILE, TILE]);
        let x = self.graph.node(
            "Conv",
            &[&x, &take],
            [("strides", step.into()), ("pads", pads.into())],
        )?;
        let x = self
            .graph
            .node("Transpose", &[&x], [("perm", vec![1, 0, 2, 3].into())])?;
        let x = self.reshape(&x, &[INPUTS * INPUTS, c, rows * columns])?;
        let x = self.graph.node("MatMul", &[&kernel, &x], [])?;
        let x = self.reshape(&x, &[INPUTS * INPUTS, o * rows * columns])?;
        let x = self.graph.node("MatMul", &[&give, &x], [])?;
        let x = self.reshape(&x, &[1, TILE * TILE * o, rows, columns])?;
        let block = i64::try_from(TILE).unwrap_or(1);
        let mut x = self
            .graph
            .node("DepthToSpace", &[&x], [("blocksize", block.into())])?;
        if output != tiles.map(|tiles| TILE * tiles) {
            let starts = self.graph.ints(&[0, 0]);
            let ends = self.graph.ints(&ints(&output));
            let axes = self.graph.ints(&[2, 3]);
            x = self.graph.node("Slice", &[&x, &starts, &ends, &axes], [])?;
        }
        self.graph.set_prefix("");
        match node.input(2) {
            Some(bias) => {
                let bias = self.bias(bias, o)?;
                self.graph.named_node("Add", &[&x, &bias], &name, [])
            }
            None => self.graph.named_node("Identity", &[&x], &name, []),
        }
    }

    fn transforms(&mut self) -> (String, String) {
        let graph = &mut self.graph;
        self.transforms
            .get_or_insert_with(|| {
                let products = INPUTS * INPUTS;
                let take = matrices::input_transform();
                let take = Constant::f32s(vec![products, 1, INPUTS, INPUTS], take)
                    .expect("36 kernels of 36 taps");
                let give = matrices::output_transform();
                let give = Constant::f32s(vec![TILE * TILE, products], give)
                    .expect("16 sums of 36 products");
                graph.named_constant("winograd.input", take);
                graph.named_constant("winograd.output", give);
                ("winograd.input".to_owned(), "winograd.output".to_owned())
            })
            .clone()
    }

    fn kernel(&mut self, weights: &str, pairs: usize, [c, o]: [usize; 2]) -> String {
        if let Some(name) = self.kernels.get(weights) {
            return name.clone();
        }
        let values = self
            .graph
            .graph()
            .initializers
            .get(weights)
            .and_then(Constant::as_f32);
        let transformed = matrices::kernel_transform(values.unwrap_or_default(), pairs);
        let name = format!("{weights}.winograd");
        let constant = Constant::f32s(vec![INPUTS * INPUTS, o, c], transformed)
            .expect("36 products for each pair of channels");
        self.graph.named_constant(&name, constant);
        self.kernels.insert(weights.to_owned(), name.clone());
        name
    }

    /// Returns the bias `[o]` in a shape that is added channel by channel.
    fn bias(&mut self, bias: &str, o: usize) -> Result<String, InferError> {
        let name = format!("{bias}.winograd");
        if self.graph.has(&name) {
            return Ok(name);
        }
        let values = self
            .graph
            .graph()
            .initializers
            .get(bias)
            .map(|b| b.data().clone());
        match values.and_then(|data| Constant::new(vec![1, o, 1, 1], data)) {
            Some(constant) => {
                self.graph.named_constant(&name, constant);
                Ok(name)
            }
            None => self.reshape(bias, &[1, o, 1, 1]),
        }
    }

    fn reshape(&mut self, value: &str, shape: &[usize]) -> Result<String, InferError> {
        let shape = self.graph.ints(&ints(shape));
        self.graph.node("Reshape", &[value, &shape], [])
    }
}

fn ints(values: &[usize]) -> Vec<i64> {
    values
        .iter()
        .map(|&v| i64::try_from(v).unwrap_or(i64::MAX))
        .collect()
}
