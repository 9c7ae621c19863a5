//! Gradients of arithmetic, element by element, with broadcasting.
//!
//! A rule may return a gradient in the broadcast shape; the walker reduces it.

use super::super::Context;

/// Numbers of element types in the format.
const FLOAT: i64 = 1;
const OTHER_FLOATS: [i64; 3] = [10, 11, 16];

/// `y = Σᵢ xᵢ`: `dxᵢ = dy`.
pub(super) fn sum(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?;
    for i in 0..c.node().inputs.len() {
        if c.wants(i) {
            c.set_dx(i, dy.to_owned());
        }
    }
    Ok(())
}

/// `y = a − b`: `da = dy`, `db = −dy`.
pub(super) fn sub(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?;
    if c.wants(0) {
        c.set_dx(0, dy.to_owned());
    }
    if c.wants(1) {
        let db = c.add("Neg", &[dy], [])?;
        c.set_dx(1, db);
    }
    Ok(())
}

/// `y = a · b`: `da = dy · b`, `db = dy · a`.
pub(super) fn mul(c: &mut Context) -> Result<(), String> {
    for (i, other) in [(0, 1), (1, 0)] {
        if c.wants(i) {
            let dx = c.mul(c.dy()?, c.x(other))?;
            c.set_dx(i, dx);
        }
    }
    Ok(())
}

/// `y = a / b`: `da = dy / b`, `db = −y · dy / b`.
pub(super) fn div(c: &mut Context) -> Result<(), String> {
    let da = c.add("Div", &[c.dy()?, c.x(1)], [])?;
    if c.wants(1) {
        let product = c.mul(c.y(0), &da)?;
        let db = c.add("Neg", &[&product], [])?;
        c.set_dx(1, db);
    }
    if c.wants(0) {
        c.set_dx(0, da);
    }
    Ok(())
}

/// `y = −x`: `dx = −dy`.
pub(super) fn neg(c: &mut Context) -> Result<(), String> {
    let dx = c.add("Neg", &[c.dy()?], [])?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = |x|`: `dx = dy · sign x`.
pub(super) fn abs(c: &mut Context) -> Result<(), String> {
    let sign = c.add("Sign", &[c.x(0)], [])?;
    let dx = c.mul(c.dy()?, &sign)?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = √x`: `dx = dy / (2·y)`.
pub(super) fn sqrt(c: &mut Context) -> Result<(), String> {
    let half = c.scalar(0.5);
    let halved = c.mul(c.dy()?, &half)?;
    let dx = c.add("Div", &[&halved, c.y(0)], [])?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = eˣ`: `dx = dy · y`.
pub(super) fn exp(c: &mut Context) -> Result<(), String> {
    let dx = c.mul(c.dy()?, c.y(0))?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = ln x`: `dx = dy / x`.
pub(super) fn log(c: &mut Context) -> Result<(), String> {
    let dx = c.add("Div", &[c.dy()?, c.x(0)], [])?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = aᵇ`: `da = dy · b·aᵇ⁻¹` (0 where `b = 0`); `db = dy · y·ln a` where `a > 0`, else 0.
pub(super) fn pow(c: &mut Context) -> Result<(), String> {
    let (dy, a) = (c.dy()?, c.x(0));
    if c.wants(0) {
        let slope = power_slope(c, a)?;
        let da = c.mul(dy, &slope)?;
        c.set_dx(0, da);
    }
    if c.wants(1) {
        let zero = c.scalar(0.0);
        let positive = c.add("Greater", &[a, &zero], [])?;
        let log = c.add("Log", &[a], [])?;
        let slope = c.mul(c.y(0), &log)?;
        let db = c.mul(dy, &slope)?;
        let db = c.add("Where", &[&positive, &db, &zero], [])?;
        c.set_dx(1, db);
    }
    Ok(())
}

/// Appends `b·aᵇ⁻¹`.
fn power_slope(c: &mut Context, a: &str) -> Result<String, String> {
    let constant = c.constant_value(c.x(1)).cloned();
    let known = constant.as_ref().and_then(|constant| constant.as_f32());
    // Squares are by far the most common power, and a general one is slow.
    if let Some(&[2.0]) = known {
        let two = c.scalar(2.0);
        return c.mul(a, &two);
    }
    let b = match (&constant, known) {
        // An exponent may be of whole numbers.
        (Some(_), None) => c.add("Cast", &[c.x(1)], [("to", FLOAT.into())])?,
        _ => c.x(1).to_owned(),
    };
    let one = c.scalar(1.0);
    let less = c.add("Sub", &[&b, &one], [])?;
    let power = c.add("Pow", &[a, &less], [])?;
    let slope = c.mul(&b, &power)?;
    if known.is_some_and(|values| !values.contains(&0.0)) {
        return Ok(slope);
    }
    let zero = c.scalar(0.0);
    let flat = c.add("Equal", &[&b, &zero], [])?;
    c.add("Where", &[&flat, &zero, &slope], [])
}

/// `y = max xᵢ` or `min xᵢ`: `dxᵢ = dy / n` where `xᵢ = y`, with the `n` inputs that equal `y`
/// there, else 0.
pub(super) fn extremum(c: &mut Context) -> Result<(), String> {
    let mut masks = Vec::new();
    for i in 0..c.node().inputs.len() {
        let equal = c.add("Equal", &[c.x(i), c.y(0)], [])?;
        masks.push(c.add("Cast", &[&equal], [("to", FLOAT.into())])?);
    }
    let mut ties = masks[0].clone();
    for mask in &masks[1..] {
        ties = c.add("Add", &[&ties, mask], [])?;
    }
    let share = c.add("Div", &[c.dy()?, &ties], [])?;
    for (i, mask) in masks.iter().enumerate() {
        if c.wants(i) {
            let dx = c.mul(&share, mask)?;
            c.set_dx(i, dx);
        }
    }
    Ok(())
}

/// `y = a` where `condition`, else `b`: `da = dy` where `condition`, else 0; `db` the other way.
pub(super) fn select(c: &mut Context) -> Result<(), String> {
    let (condition, dy) = (c.x(0), c.dy()?);
    for i in [1, 2] {
        if c.wants(i) {
            let zero = c.scalar(0.0);
            let inputs = if i == 1 {
                [condition, dy, &zero]
            } else {
                [condition, &zero, dy]
            };
            let dx = c.add("Where", &inputs, [])?;
            c.set_dx(i, dx);
        }
    }
    Ok(())
}

/// `y = x` as `f32`: `dx = dy`. No gradient flows through whole numbers and truth values.
pub(super) fn cast(c: &mut Context) -> Result<(), String> {
    match c.node().int("to", FLOAT) {
        // Where `x` was no `f32`, what produced it lets no gradient through either.
        FLOAT => identity(c),
        to if OTHER_FLOATS.contains(&to) => Err(format!(
            "a cast to another type of float ({to}) is not covered: gradients are f32 throughout"
        )),
        _ => Ok(()),
    }
}

/// `y = x`, or `x` broadcast to another shape: `dx = dy`.
pub(super) fn identity(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?.to_owned();
    c.set_dx(0, dy);
    Ok(())
}
