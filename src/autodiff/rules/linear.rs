//! Gradients of matrix products.

use super::super::Context;
use super::signed;

/// `Y = A·B` over the last two axes, broadcast over those before: `dA = dY·Bᵀ`, `dB = Aᵀ·dY`.
///
/// A vector is a row on the left and a column on the right.
pub(super) fn matmul(c: &mut Context) -> Result<(), String> {
    let row = |shape: &[usize]| matches!(shape, [_]).then(|| vec![1, shape[0]]);
    let column = |shape: &[usize]| matches!(shape, [_]).then(|| vec![shape[0], 1]);
    let (a, b) = (c.shape(c.x(0)).to_vec(), c.shape(c.x(1)).to_vec());
    let left = row(&a).unwrap_or_else(|| a.clone());
    let right = column(&b).unwrap_or_else(|| b.clone());

    let mut product = c.shape(c.y(0)).to_vec();
    product.truncate(product.len() - usize::from(a.len() > 1) - usize::from(b.len() > 1));
    product.extend([left[left.len() - 2], right[right.len() - 1]]);
    let dy = shaped(c, c.dy()?, &product)?;
    if c.wants(0) {
        let b = shaped(c, c.x(1), &right)?;
        let b = transposed(c, &b)?;
        let da = c.add("MatMul", &[&dy, &b], [])?;
        c.set_dx(0, da);
    }
    if c.wants(1) {
        let a = shaped(c, c.x(0), &left)?;
        let a = transposed(c, &a)?;
        let mut db = c.add("MatMul", &[&a, &dy], [])?;
        if b.len() == 1 {
            let shape = c.shape(&db).to_vec();
            db = c.reshape(&db, &shape[..shape.len() - 1])?;
        }
        c.set_dx(1, db);
    }
    Ok(())
}

/// Appends `value` in the shape `shape`, if it has another.
fn shaped(c: &mut Context, value: &str, shape: &[usize]) -> Result<String, String> {
    if c.shape(value) == shape {
        Ok(value.to_owned())
    } else {
        c.reshape(value, shape)
    }
}

/// Appends `value` with its last two axes exchanged.
fn transposed(c: &mut Context, value: &str) -> Result<String, String> {
    let rank = c.shape(value).len();
    let mut order: Vec<i64> = (0..signed(rank)).collect();
    order.swap(rank - 1, rank - 2);
    c.add("Transpose", &[value], [("perm", order.into())])
}

/// `Y = α·A'·B' + β·C`, where a prime may transpose: `dA' = α·dY·B'ᵀ`, `dB' = α·A'ᵀ·dY`,
/// `dC = β·dY`.
pub(super) fn gemm(c: &mut Context) -> Result<(), String> {
    let (node, dy) = (c.node(), c.dy()?);
    let side = |i, attribute| Factor {
        value: c.x(i),
        turned: node.int(attribute, 0) != 0,
    };
    let (a, b) = (side(0, "transA"), side(1, "transB"));
    let dy_factor = Factor {
        value: dy,
        turned: false,
    };
    if c.wants(0) {
        let da = product(c, dy_factor, b.transpose(), a.turned)?;
        c.set_dx(0, da);
    }
    if c.wants(1) {
        let db = product(c, a.transpose(), dy_factor, b.turned)?;
        c.set_dx(1, db);
    }
    if c.wants(2) {
        let beta = c.scalar(node.float("beta", 1.0));
        let dc = c.mul(dy, &beta)?;
        c.set_dx(2, dc);
    }
    Ok(())
}

/// A matrix, or what it is when turned.
#[derive(Clone, Copy)]
struct Factor<'a> {
    value: &'a str,
    turned: bool,
}

impl Factor<'_> {
    fn transpose(self) -> Self {
        Self {
            turned: !self.turned,
            ..self
        }
    }
}

/// Appends `α·P·Q`, or where `turned` its transpose `α·Qᵀ·Pᵀ`, with the α of the node at hand.
fn product(c: &mut Context, p: Factor, q: Factor, turned: bool) -> Result<String, String> {
    let (p, q) = if turned {
        (q.transpose(), p.transpose())
    } else {
        (p, q)
    };
    let alpha = c.node().float("alpha", 1.0);
    c.add(
        "Gemm",
        &[p.value, q.value],
        [
            ("alpha", alpha.into()),
            ("transA", i64::from(p.turned).into()),
            ("transB", i64::from(q.turned).into()),
        ],
    )
}
