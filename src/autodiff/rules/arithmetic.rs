//! Gradients of arithmetic, element by element, with broadcasting.
//!
//! A rule may return a gradient in the broadcast shape; the walker reduces it.

use super::super::Context;

/// `y = a + b`: `da = dy`, `db = dy`.
pub(super) fn add(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?.to_owned();
    for i in 0..2 {
        if c.wants(i) {
            c.set_dx(i, dy.clone());
        }
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

/// `y = |x|`: `dx = dy · sign x`.
pub(super) fn abs(c: &mut Context) -> Result<(), String> {
    let sign = c.add("Sign", &[c.x(0)], [])?;
    let dx = c.mul(c.dy()?, &sign)?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = x`: `dx = dy`.
pub(super) fn identity(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?.to_owned();
    c.set_dx(0, dy);
    Ok(())
}
