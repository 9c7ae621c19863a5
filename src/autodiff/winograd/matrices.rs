//! The matrices of Winograd's F(4×4, 3×3), computed rather than listed.
//!
//! One axis first: four outputs of a correlation with three taps are
//! `y = Aᵀ [(G·g) ⊙ (Bᵀ·d)]` over six inputs `d` (Lavin and Gray 2015, equation 7), found by the
//! Toom–Cook construction from six points of evaluation. The points here are 0, ±5/8, ±3/2 and ∞:
//! with them an `f32` convolution is off by about 1.2e-6 of its largest value, with the usual
//! 0, ±1, ±2, ∞ by 2.7e-6 (the direct form: 2e-7). Two axes are the Kronecker product of one with itself.

/// Outputs along an axis of a tile.
pub(in super::super) const TILE: usize = 4;

/// Inputs along an axis of a tile: outputs and taps less one.
pub(in super::super) const INPUTS: usize = 6;

const TAPS: usize = 3;

const POINTS: [f64; INPUTS - 1] = [0.0, 0.625, -0.625, 1.5, -1.5];

/// The three matrices for one axis.
struct Axis {
    /// `[INPUTS][TILE]`.
    a: [[f64; TILE]; INPUTS],
    /// `[INPUTS][INPUTS]`, `Bᵀ`.
    bt: [[f64; INPUTS]; INPUTS],
    /// `[INPUTS][TAPS]`.
    g: [[f64; TAPS]; INPUTS],
}

fn axis() -> Axis {
    let inverse = inverse(vandermonde::<INPUTS>());
    let (a, mut g) = (vandermonde::<TILE>(), vandermonde::<TAPS>());
    let mut bt = [[0.0; INPUTS]; INPUTS];
    for i in 0..INPUTS {
        let row: [f64; INPUTS] = std::array::from_fn(|j| inverse[j][i]);
        // A power of two moves the size of a row from Bᵀ to G without rounding.
        let largest = row.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let scale = largest.log2().round().exp2();
        bt[i] = row.map(|v| v / scale);
        g[i] = g[i].map(|v| v * scale);
    }
    Axis { a, bt, g }
}

/// Returns the powers of each point, `N` of them; the point at infinity has the highest alone.
fn vandermonde<const N: usize>() -> [[f64; N]; INPUTS] {
    std::array::from_fn(|i| {
        let mut power = 1.0;
        std::array::from_fn(|j| match POINTS.get(i) {
            Some(point) => {
                let value = power;
                power *= point;
                value
            }
            None => f64::from(u8::from(j == N - 1)),
        })
    })
}

/// Returns the inverse by Gauss–Jordan elimination with row exchange.
fn inverse(mut m: [[f64; INPUTS]; INPUTS]) -> [[f64; INPUTS]; INPUTS] {
    let mut result: [[f64; INPUTS]; INPUTS] =
        std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    for column in 0..INPUTS {
        let pivot = (column..INPUTS)
            .max_by(|&a, &b| m[a][column].abs().total_cmp(&m[b][column].abs()))
            .unwrap_or(column);
        m.swap(column, pivot);
        result.swap(column, pivot);
        let factor = m[column][column];
        m[column] = m[column].map(|v| v / factor);
        result[column] = result[column].map(|v| v / factor);
        for row in (0..INPUTS).filter(|&row| row != column) {
            let factor = m[row][column];
            for j in 0..INPUTS {
                m[row][j] -= factor * m[column][j];
                result[row][j] -= factor * result[column][j];
            }
        }
    }
    result
}

/// Returns what takes the 36 inputs of a tile to the 36 products, row by row.
pub(in super::super) fn input_transform() -> Vec<f32> {
    let bt = axis().bt;
    kronecker(&bt.map(Vec::from), INPUTS)
}

/// Returns what takes the 36 products to the 16 outputs of a tile, row by row.
pub(super) fn output_transform() -> Vec<f32> {
    let a = axis().a;
    let at: Vec<Vec<f64>> = (0..TILE)
        .map(|j| (0..INPUTS).map(|i| a[i][j]).collect())
        .collect();
    kronecker(&at, INPUTS)
}

/// Returns what takes the 16 elements of an output's gradient to the 36 of the products', row by
/// row: the output transform turned round.
pub(in super::super) fn output_spread() -> Vec<f32> {
    kronecker(&axis().a.map(Vec::from), TILE)
}

/// Returns what takes the 9 taps of a kernel to the 36 elements of the transformed one, row by row.
pub(super) fn kernel_spread() -> Vec<f32> {
    kronecker(&axis().g.map(Vec::from), TAPS)
}

/// Returns what takes the gradients of the 36 transformed kernel elements to those of the 9 taps,
/// row by row: the kernel transform turned round.
pub(in super::super) fn kernel_gather() -> Vec<f32> {
    let g = axis().g;
    let gt: Vec<Vec<f64>> = (0..TAPS)
        .map(|j| (0..INPUTS).map(|i| g[i][j]).collect())
        .collect();
    kronecker(&gt, INPUTS)
}

/// Returns `m ⊗ m` in row-major order, for `m` of `columns` columns.
fn kronecker(m: &[Vec<f64>], columns: usize) -> Vec<f32> {
    let mut product = Vec::with_capacity(m.len() * m.len() * columns * columns);
    for outer in m {
        for inner in m {
            for x in outer {
                product.extend(inner.iter().map(|y| narrow(x * y)));
            }
        }
    }
    product
}

/// Returns the transformed kernels `G·w·Gᵀ` of `weights` (`[O, C, 3, 3]`), as `[36, O, C]`.
pub(super) fn kernel_transform(weights: &[f32], pairs: usize) -> Vec<f32> {
    let g = axis().g;
    let mut transformed = vec![0.0; INPUTS * INPUTS * pairs];
    for (pair, taps) in weights.as_chunks::<{ TAPS * TAPS }>().0.iter().enumerate() {
        let half: [[f64; TAPS]; INPUTS] = std::array::from_fn(|i| {
            std::array::from_fn(|x| {
                (0..TAPS)
                    .map(|y| g[i][y] * f64::from(taps[y * TAPS + x]))
                    .sum()
            })
        });
        for i in 0..INPUTS {
            for j in 0..INPUTS {
                let value: f64 = (0..TAPS).map(|x| half[i][x] * g[j][x]).sum();
                transformed[(i * INPUTS + j) * pairs + pair] = narrow(value);
            }
        }
    }
    transformed
}

#[allow(clippy::cast_possible_truncation, reason = "graphs compute in f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_axis_is_a_correlation() {
        let Axis { a, bt, g } = axis();
        let d = [0.3, -1.7, 2.2, 0.9, -0.4, 1.1];
        let w = [0.7, -0.2, 1.3];
        let products: Vec<f64> = (0..INPUTS)
            .map(|i| {
                let kernel: f64 = (0..TAPS).map(|j| g[i][j] * w[j]).sum();
                let input: f64 = (0..INPUTS).map(|j| bt[i][j] * d[j]).sum();
                kernel * input
            })
            .collect();
        for o in 0..TILE {
            let direct: f64 = (0..TAPS).map(|j| w[j] * d[o + j]).sum();
            let found: f64 = (0..INPUTS).map(|i| a[i][o] * products[i]).sum();
            assert!(
                (found - direct).abs() < 1e-12,
                "output {o}: {found} for {direct}"
            );
        }
    }
}
