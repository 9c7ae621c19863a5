//! The blocked forms of gradients: ONNX Runtime must find nothing in them that it leaves its
//! blocked layout for.

use pentimento::autodiff::{Target, backward};
use pentimento::engine::{Device, SessionOptions};
use pentimento::onnx::{self, Builder, Constant, Model};

use super::check::spread;
use crate::support::engine;

/// Adds a 3×3 convolution from 16 to 16 channels.
fn conv(b: &mut Builder, x: &str) -> String {
    let w = spread(&[16, 16, 3, 3], (-0.1, 0.1), 3);
    let w = b.constant(Constant::f32s(w.shape().to_vec(), w.data().to_vec()).unwrap());
    b.node("Conv", &[x, &w], [("pads", vec![1, 1, 1, 1].into())])
        .unwrap()
}

/// Returns the operators, with their domains, that ONNX Runtime makes of the gradient of a pool
/// between two convolutions.
fn operators(pool: &str, extents: [usize; 2], ceil: i64) -> Vec<String> {
    let mut b = Builder::new("blocked");
    b.input("x", &[1, 16, extents[0], extents[1]]);
    let before = conv(&mut b, "x");
    let pooled = b
        .node(
            pool,
            &[&before],
            [
                ("kernel_shape", vec![2, 2].into()),
                ("strides", vec![2, 2].into()),
                ("ceil_mode", ceil.into()),
            ],
        )
        .unwrap();
    let y = conv(&mut b, &pooled);
    let shape = b.shape(&y).to_vec();
    b.input("dy", &shape);
    let dx = backward(&mut b, &[(y, "dy".to_owned())], &["x"], Target::Blocked).unwrap();
    b.output(&dx[0]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("optimized.onnx");
    let mut options = SessionOptions::new(Device::Cpu, 1);
    options.optimized = Some(path.clone());
    engine().session(&Model::new(b.finish()), &options).unwrap();
    let optimized = onnx::read(&std::fs::read(path).unwrap()).unwrap();
    optimized
        .graph
        .nodes
        .iter()
        .map(|node| format!("{}:{}", node.domain, node.op))
        .collect()
}

#[test]
fn pools_between_convolutions_stay_blocked() {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("skipped: the blocked layout is that of x86-64");
        return;
    }
    for pool in ["MaxPool", "AveragePool"] {
        for (extents, ceil) in [([8, 12], 0), ([9, 12], 0), ([9, 11], 0), ([9, 11], 1)] {
            if pool == "AveragePool" && ceil == 1 {
                continue;
            }
            let found = operators(pool, extents, ceil);
            let count = |op: &str| found.iter().filter(|found| found.ends_with(op)).count();
            let what = format!("{pool} {extents:?} ceil {ceil}: {found:?}");
            // `x` and `dy` come in, `dx` goes out.
            assert!(count(":ReorderInput") <= 2, "{what}");
            assert_eq!(count(":ReorderOutput"), 1, "{what}");
            let stays =
                |op: &String| op.contains("nchwc") || [":Add", ":Mul"].contains(&op.as_str());
            assert!(found.iter().all(stays), "{what}");
        }
    }
}
