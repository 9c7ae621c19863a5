//! Training a feature network of one's own, from one's own pictures or from the program's drawings.

pub mod data;
