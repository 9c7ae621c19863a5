//! Networks: from files of others, from layer lists and bare tensors, in the catalogue, and out again.

mod caffe;
mod catalogue;
mod coverage;
mod export;
mod known;
mod lists;
mod onnx;
mod pickle;
mod reference;
mod safetensors;
mod torch;
mod wholes;
