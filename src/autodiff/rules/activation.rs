//! Gradients of activation functions.

use super::super::{Context, Target};

/// `y = max(x, 0)`: `dx = dy` where `y > 0`, else 0.
pub(super) fn relu(c: &mut Context) -> Result<(), String> {
    let mask = match c.target() {
        Target::Blocked | Target::Planar => step(c, c.y(0))?,
        Target::Plain => c.add("Sign", &[c.y(0)], [])?,
    };
    let dx = c.mul(c.dy()?, &mask)?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = x` where `x > 0`, else `α·x`: `dx = dy` where `x > 0`, else `α·dy`.
pub(super) fn leaky_relu(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?;
    let alpha = c.node().float("alpha", 0.01);
    // The output tells the sign as well as the input does, and reading the input would keep ONNX
    // Runtime from fusing the activation into the convolution before it.
    let sign = if alpha >= 0.0 { c.y(0) } else { c.x(0) };
    let dx = if c.target() != Target::Plain && (0.0..=1.0).contains(&alpha) {
        // `(1 − α)·step + α`, in operators that stay blocked.
        let mask = step(c, sign)?;
        let slope = c.add(
            "HardSigmoid",
            &[&mask],
            [("alpha", (1.0 - alpha).into()), ("beta", alpha.into())],
        )?;
        c.mul(dy, &slope)?
    } else {
        let positive = positive(c, sign)?;
        let alpha = c.scalar(alpha);
        let damped = c.mul(dy, &alpha)?;
        c.add("Where", &[&positive, dy, &damped], [])?
    };
    c.set_dx(0, dx);
    Ok(())
}

/// `y = x` where `x > 0`, else `a·x` with a slope `a` that broadcasts to `x`:
/// `dx = dy` where `x > 0`, else `a·dy`; `da = 0` where `x > 0`, else `x·dy`.
pub(super) fn prelu(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?;
    let positive = positive(c, c.x(0))?;
    if c.wants(0) {
        let damped = c.mul(dy, c.x(1))?;
        let dx = c.add("Where", &[&positive, dy, &damped], [])?;
        c.set_dx(0, dx);
    }
    if c.wants(1) {
        let zero = c.scalar(0.0);
        let all = c.mul(dy, c.x(0))?;
        let da = c.add("Where", &[&positive, &zero, &all], [])?;
        c.set_dx(1, da);
    }
    Ok(())
}

/// `y = 1 / (1 + e⁻ˣ)`: `dx = dy · y·(1 − y)`.
pub(super) fn sigmoid(c: &mut Context) -> Result<(), String> {
    let one = c.scalar(1.0);
    let rest = c.add("Sub", &[&one, c.y(0)], [])?;
    let slope = c.mul(c.y(0), &rest)?;
    let dx = c.mul(c.dy()?, &slope)?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = tanh x`: `dx = dy · (1 − y²)`.
pub(super) fn tanh(c: &mut Context) -> Result<(), String> {
    let one = c.scalar(1.0);
    let square = c.mul(c.y(0), c.y(0))?;
    let slope = c.add("Sub", &[&one, &square], [])?;
    let dx = c.mul(c.dy()?, &slope)?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = erf x`: `dx = dy · 2/√π · e^(−x²)`.
pub(super) fn erf(c: &mut Context) -> Result<(), String> {
    let factor = c.scalar(std::f32::consts::FRAC_2_SQRT_PI);
    let square = c.mul(c.x(0), c.x(0))?;
    let negative = c.add("Neg", &[&square], [])?;
    let bell = c.add("Exp", &[&negative], [])?;
    let slope = c.mul(&bell, &factor)?;
    let dx = c.mul(c.dy()?, &slope)?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = max(0, min(1, α·x + β))`: `dx = α·dy` where `0 < y < 1`, else 0.
pub(super) fn hard_sigmoid(c: &mut Context) -> Result<(), String> {
    let alpha = c.node().float("alpha", 0.2);
    let (zero, one, alpha) = (c.scalar(0.0), c.scalar(1.0), c.scalar(alpha));
    let above = c.add("Greater", &[c.y(0), &zero], [])?;
    let below = c.add("Less", &[c.y(0), &one], [])?;
    let between = c.add("And", &[&above, &below], [])?;
    let scaled = c.mul(c.dy()?, &alpha)?;
    let dx = c.add("Where", &[&between, &scaled, &zero], [])?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = min(max(x, lo), hi)`: `dx = dy` where `y = x`; elsewhere `dhi = dy` where `y = hi`, and
/// `dlo = dy` at the rest.
///
/// Nothing here asks where the bounds come from, or whether both are there.
pub(super) fn clip(c: &mut Context) -> Result<(), String> {
    let zero = c.scalar(0.0);
    let kept = c.add("Equal", &[c.x(0), c.y(0)], [])?;
    if c.wants(0) {
        let dx = c.add("Where", &[&kept, c.dy()?, &zero], [])?;
        c.set_dx(0, dx);
    }
    if !c.wants(1) && !c.wants(2) {
        return Ok(());
    }
    let cut = c.add("Where", &[&kept, &zero, c.dy()?], [])?;
    let Some(high) = c.node().input(2) else {
        c.set_dx(1, cut);
        return Ok(());
    };
    let at_high = c.add("Equal", &[c.y(0), high], [])?;
    for (i, inputs) in [(1, [&at_high, &zero, &cut]), (2, [&at_high, &cut, &zero])] {
        if c.wants(i) {
            let dx = c.add("Where", &inputs.map(String::as_str), [])?;
            c.set_dx(i, dx);
        }
    }
    Ok(())
}

/// `y = x` where `x > 0`, else `α·(eˣ − 1)`: `dx = dy` where `x > 0`, else `dy · (y + α)`.
pub(super) fn elu(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?;
    let alpha = c.node().float("alpha", 1.0);
    let alpha = c.scalar(alpha);
    let positive = positive(c, c.x(0))?;
    let slope = c.add("Add", &[c.y(0), &alpha], [])?;
    let damped = c.mul(dy, &slope)?;
    let dx = c.add("Where", &[&positive, dy, &damped], [])?;
    c.set_dx(0, dx);
    Ok(())
}

/// 2^100, a slope at which a step is a step; a power of two, so that no product is rounded.
const STEEP: f32 = 1.267_650_6e30;

/// Appends 1 where `value` is above 1e-30, 0 where it is at most 0, in an operator that ONNX
/// Runtime keeps in its blocked layout, and that is fast in any.
fn step(c: &mut Context, value: &str) -> Result<String, String> {
    let value = c
        .target()
        .enter(c.graph(), value)
        .map_err(|error| error.to_string())?;
    c.add(
        "HardSigmoid",
        &[&value],
        [("alpha", STEEP.into()), ("beta", 0.0_f32.into())],
    )
}

/// Appends the truth of `value > 0`.
fn positive(c: &mut Context, value: &str) -> Result<String, String> {
    let zero = c.scalar(0.0);
    c.add("Greater", &[value, &zero], [])
}
