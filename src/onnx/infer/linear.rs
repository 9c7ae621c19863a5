//! Shapes of matrix products.

use super::{Reading, Shape, broadcast};

/// `[…, m, k] · […, k, n] = […, m, n]`; a vector is taken as a row on the left, a column on the
/// right, and loses that axis again in the result.
pub(super) fn matmul(reading: &Reading) -> Result<Vec<Shape>, String> {
    let (a, b) = (reading.shape(0)?, reading.shape(1)?);
    if a.is_empty() || b.is_empty() {
        return Err("a scalar cannot be multiplied as a matrix".to_owned());
    }
    let left = if a.len() == 1 {
        vec![1, a[0]]
    } else {
        a.to_vec()
    };
    let right = if b.len() == 1 {
        vec![b[0], 1]
    } else {
        b.to_vec()
    };
    let (m, k) = (left[left.len() - 2], left[left.len() - 1]);
    let (k2, n) = (right[right.len() - 2], right[right.len() - 1]);
    if k != k2 {
        return Err(format!("matrices {a:?} and {b:?} do not fit"));
    }
    let mut shape = broadcast(&left[..left.len() - 2], &right[..right.len() - 2])?;
    if a.len() > 1 {
        shape.push(m);
    }
    if b.len() > 1 {
        shape.push(n);
    }
    Ok(vec![shape])
}

/// `Y = α·A'·B' + β·C` with `A'` `[m, k]` and `B'` `[k, n]`.
pub(super) fn gemm(reading: &Reading) -> Result<Vec<Shape>, String> {
    let side = |i: usize, attribute: &str| -> Result<[usize; 2], String> {
        let &[rows, columns] = reading.shape(i)? else {
            return Err(format!("input {i} must be a matrix"));
        };
        let turned = reading.node.int(attribute, 0) != 0;
        Ok(if turned {
            [columns, rows]
        } else {
            [rows, columns]
        })
    };
    let [m, k] = side(0, "transA")?;
    let [k2, n] = side(1, "transB")?;
    if k != k2 {
        return Err(format!("matrices of {k} columns and {k2} rows do not fit"));
    }
    if let Some(c) = reading.optional_shape(2)
        && broadcast(c, &[m, n])? != [m, n]
    {
        return Err(format!("C of shape {c:?} does not broadcast to [{m}, {n}]"));
    }
    Ok(vec![vec![m, n]])
}
