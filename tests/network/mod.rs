//! Networks from layer lists and bare tensors.

mod known;
mod lists;
mod pickle;
mod reference;
mod safetensors;
mod torch;
mod wholes;
