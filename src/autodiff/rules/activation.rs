//! Gradients of activation functions.

use super::super::{Context, Target};

/// `y = max(x, 0)`: `dx = dy` where `y > 0`, else 0.
pub(super) fn relu(c: &mut Context) -> Result<(), String> {
    let mask = match c.target() {
        // 0 for 0 and 1 for every positive normal number, in an operator that stays blocked.
        Target::Blocked => c.add(
            "HardSigmoid",
            &[c.y(0)],
            [("alpha", 1e30_f32.into()), ("beta", 0.0_f32.into())],
        )?,
        Target::Plain => c.add("Sign", &[c.y(0)], [])?,
    };
    let dx = c.mul(c.dy()?, &mask)?;
    c.set_dx(0, dx);
    Ok(())
}
