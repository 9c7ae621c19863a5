//! The gradient check: a graph's backward pass against central differences.
//!
//! The scalar that is differentiated is `Σ rᵢ·yᵢ` over all outputs, with fixed, uneven `r`, so that
//! no rule sees an incoming gradient of ones. The graph runs in `f32`; differences are formed in
//! `f64` along random directions and along single elements.
//!
//! The checks run on the processor. `PENTIMENTO_TEST_DEVICE` (`cuda:0`) takes them to a card, where
//! the plain form alone is checked, and compared with what the processor makes of it as well.

use std::sync::OnceLock;

use pentimento::autodiff::{Target, backward, write_out_statistics};
use pentimento::engine::{Device, Session, SessionOptions};
use pentimento::onnx::{Attribute, Builder, Graph, Model};
use pentimento::runtime;
use pentimento::tensor::Tensor;

use crate::support::engine;

/// Variable that names the device to check on.
const DEVICE: &str = "PENTIMENTO_TEST_DEVICE";

/// Least tolerance away from the processor, whose sums are formed in another order.
const ELSEWHERE: f64 = 1e-2;

/// Returns the device that [`DEVICE`] names, if it names one, and says so.
fn named_device() -> Option<Device> {
    static NAMED: OnceLock<Option<Device>> = OnceLock::new();
    *NAMED.get_or_init(|| {
        let name = std::env::var(DEVICE).ok()?;
        let device = match name.parse().unwrap() {
            runtime::Device::Cuda(card) => Device::Cuda(card),
            runtime::Device::Cpu => Device::Cpu,
            runtime::Device::Auto => panic!("{DEVICE} must name a device: cpu or cuda:N"),
        };
        eprintln!("gradients are checked on {device} ({DEVICE}), in their plain form");
        Some(device)
    })
}

/// Returns the forms of a gradient that are checked: all, or the plain one on a named device.
pub fn targets() -> &'static [Target] {
    match named_device() {
        Some(_) => &[Target::Plain],
        None => &[Target::Blocked, Target::Planar, Target::Plain],
    }
}

/// One graph whose inputs are all differentiated.
#[derive(Clone)]
pub struct Case {
    /// Says what is special about the case.
    pub name: String,
    /// The forward graph: `f32` inputs of fixed shape, any outputs.
    pub model: Model,
    /// The inputs' values, in order.
    pub values: Vec<Tensor>,
    /// Step of the differences.
    pub step: f32,
    /// Largest difference, relative to the largest gradient.
    pub tolerance: f64,
}

/// Returns a case of the graph that `build` makes of inputs of the given shapes, with values
/// spread over `range`; `build` returns the names of the outputs.
pub fn case(
    name: &str,
    shapes: &[&[usize]],
    range: (f32, f32),
    build: impl FnOnce(&mut Builder, &[String]) -> Vec<String>,
) -> Case {
    let mut graph = Builder::new(name);
    let inputs: Vec<String> = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| graph.input(&format!("x{i}"), shape))
        .collect();
    for output in build(&mut graph, &inputs) {
        graph.output(&output);
    }
    let values = shapes
        .iter()
        .zip(1..)
        .map(|(shape, seed)| spread(shape, range, seed))
        .collect();
    Case {
        name: name.to_owned(),
        model: Model::new(graph.finish()),
        values,
        step: 1e-2,
        tolerance: 2e-3,
    }
}

/// Returns a case of one node that reads inputs of the given shapes.
pub fn node_case<const N: usize>(
    name: &str,
    op: &str,
    shapes: &[&[usize]],
    range: (f32, f32),
    attributes: [(&str, Attribute); N],
) -> Case {
    case(&format!("{op}, {name}"), shapes, range, |b, x| {
        let inputs: Vec<&str> = x.iter().map(String::as_str).collect();
        vec![b.node(op, &inputs, attributes).unwrap()]
    })
}

/// Returns values that fill `range` evenly in a shuffled order, so that no two are equal and a
/// step of the differences crosses no kink between neighbours.
pub fn spread(shape: &[usize], range: (f32, f32), seed: u64) -> Tensor {
    let count: usize = shape.iter().product();
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for i in (1..count).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        order.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
    }
    let width = range.1 - range.0;
    let even = |i: usize| range.0 + width * (i as f32 + 0.5) / count as f32;
    // Away from the kink that so many functions have at 0.
    let data = order
        .iter()
        .map(|&i| even(i))
        .map(|v| if v.abs() < 0.03 { v + 0.06 } else { v });
    let data = data.collect();
    Tensor::new(shape.to_vec(), data).unwrap()
}

/// Compares the appended gradient of every input with central differences.
pub fn check_grads(case: &Case, target: Target) -> Result<(), String> {
    let forward = &case.model.graph;
    let weights: Vec<Tensor> = forward
        .outputs
        .iter()
        .zip(101..)
        .map(|(info, seed)| spread(&info.fixed_shape().unwrap(), (-1.0, 1.5), seed))
        .collect();
    let device = named_device().unwrap_or(Device::Cpu);
    let gradients = gradients(case, &weights, target)?;
    let mut tolerance = case.tolerance;
    if let Some(device) = named_device() {
        tolerance = tolerance.max(ELSEWHERE);
        agree_with_the_processor(case, &weights, target, &gradients)
            .map_err(|report| format!("on {device}: {report}"))?;
    }
    let mut session = session(forward, device)?;
    let mut value = |inputs: &[Tensor]| -> Result<f64, String> {
        let feeds: Vec<(&str, &Tensor)> = forward
            .inputs
            .iter()
            .map(|info| info.name.as_str())
            .zip(inputs)
            .collect();
        let outputs = session
            .run(&feeds)
            .map_err(|e| format!("{:#}", anyhow::Error::from(e)))?;
        Ok(outputs
            .iter()
            .zip(&weights)
            .map(|(y, r)| dot(y.data(), r.data()))
            .sum())
    };
    for (i, gradient) in gradients.iter().enumerate() {
        let largest = largest(gradient);
        for j in probes(gradient.data().len()) {
            let mut at = |offset: f32| {
                let mut inputs = case.values.clone();
                inputs[i].data_mut()[j] += offset;
                let exact = f64::from(inputs[i].data()[j]);
                value(&inputs).map(|v| (exact, v))
            };
            let ((xa, a), (xb, b)) = (at(case.step)?, at(-case.step)?);
            let expected = (a - b) / (xa - xb);
            let found = f64::from(gradient.data()[j]);
            if (found - expected).abs() > tolerance * largest.max(expected.abs()) {
                return Err(format!(
                    "input {i}, element {j}: {found} appended, {expected} by differences"
                ));
            }
        }
    }
    Ok(())
}

/// Holds that `found` is what the same backward pass gives on the processor.
fn agree_with_the_processor(
    case: &Case,
    weights: &[Tensor],
    target: Target,
    found: &[Tensor],
) -> Result<(), String> {
    let graph = gradient_graph(&case.model.graph, target)?;
    let values: Vec<Tensor> = case.values.iter().chain(weights).cloned().collect();
    let expected = run_on(&graph, &values, Device::Cpu)?;
    for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
        let bound = ELSEWHERE * largest(b);
        let pairs = a.data().iter().zip(b.data());
        for (j, (&a, &b)) in pairs.enumerate() {
            let close = (f64::from(a) - f64::from(b)).abs() <= bound;
            if !close {
                return Err(format!("input {i}, element {j}: {a}, but {b} on cpu"));
            }
        }
    }
    Ok(())
}

/// Returns the largest size of an element, for tolerances: never quite 0.
fn largest(gradient: &Tensor) -> f64 {
    let sizes = gradient.data().iter().map(|&g| f64::from(g).abs());
    sizes.fold(1e-3, f64::max)
}

/// Runs the backward pass of the case with the incoming gradients `weights`.
pub fn gradients(case: &Case, weights: &[Tensor], target: Target) -> Result<Vec<Tensor>, String> {
    let graph = gradient_graph(&case.model.graph, target)?;
    let values: Vec<Tensor> = case.values.iter().chain(weights).cloned().collect();
    run(&graph, &values)
}

/// Returns `forward` with its backward pass: what it reads, then the gradients of its outputs, give
/// the gradients of what it reads.
pub fn gradient_graph(forward: &Graph, target: Target) -> Result<Graph, String> {
    let mut graph = Builder::from_graph(forward.clone()).map_err(|e| e.to_string())?;
    let mut seeds = Vec::new();
    for (i, info) in forward.outputs.iter().enumerate() {
        let shape = graph.shape(&info.name).to_vec();
        seeds.push((info.name.clone(), graph.input(&format!("seed{i}"), &shape)));
    }
    let wanted: Vec<&str> = forward
        .inputs
        .iter()
        .map(|info| info.name.as_str())
        .collect();
    let results = backward(&mut graph, &seeds, &wanted, target).map_err(|e| e.to_string())?;
    Ok(with_outputs(graph, &results))
}

/// Ends the construction of a graph that gives `results` and nothing else.
pub fn with_outputs(graph: Builder, results: &[String]) -> Graph {
    let mut graph = graph.finish();
    graph.outputs = Vec::new();
    let mut graph = Builder::from_graph(graph).unwrap();
    // An output of its own for each: several may share one value.
    for (i, result) in results.iter().enumerate() {
        graph
            .named_node("Identity", &[result], &format!("result{i}"), [])
            .unwrap();
        graph.output(&format!("result{i}"));
    }
    graph.finish()
}

/// Runs a graph once.
pub fn run(graph: &Graph, values: &[Tensor]) -> Result<Vec<Tensor>, String> {
    run_on(graph, values, named_device().unwrap_or(Device::Cpu))
}

fn run_on(graph: &Graph, values: &[Tensor], device: Device) -> Result<Vec<Tensor>, String> {
    let mut session = session(graph, device)?;
    let names = graph.inputs.iter().map(|info| info.name.as_str());
    let feeds: Vec<(&str, &Tensor)> = names.zip(values).collect();
    session
        .run(&feeds)
        .map_err(|e| format!("{:#}", anyhow::Error::from(e)))
}

fn session(graph: &Graph, device: Device) -> Result<Session, String> {
    let graph = write_out_statistics(graph.clone()).map_err(|e| e.to_string())?;
    engine()
        .session(&Model::new(graph), &SessionOptions::new(device, 1))
        .map_err(|e| format!("{:#}", anyhow::Error::from(e)))
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum()
}

/// All elements of a small value, an even choice of a large one.
fn probes(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(60).max(1))
}
