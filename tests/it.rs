//! The integration tests, one module a part of the program.

mod autodiff;
mod support;
