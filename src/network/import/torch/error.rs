//! Why a PyTorch file is no network.

use std::io;

use thiserror::Error;

use super::super::tensors::TensorsError;

/// Why a PyTorch file is no network.
#[derive(Debug, Error)]
pub enum TorchError {
    /// The file cannot be read.
    #[error("read the file")]
    Io(#[source] io::Error),
    /// Neither form of file.
    #[error("the file begins like neither form of file that PyTorch writes")]
    Format,
    /// An archive that cannot be read.
    #[error("the archive is cut or damaged")]
    Zip(#[source] zip::result::ZipError),
    /// A part of the archive that is not there.
    #[error("the archive is cut or no PyTorch file: it has no `{0}`")]
    Entry(String),
    /// A part of the archive that cannot be read.
    #[error("read `{entry}` of the archive")]
    Part {
        /// Name of the part.
        entry: String,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// A part that PyTorch would not have written so.
    #[error("`{0}` of the archive is compressed, which PyTorch never does: save the file again")]
    Compressed(String),
    /// A program instead of weights.
    #[error("the file is a TorchScript program; save the model's `state_dict()` instead")]
    Script,
    /// Numbers of a machine of the other kind.
    #[error("the numbers of the file are in byte order `{0}`; `little` is read")]
    ByteOrder(String),
    /// A file that ends too early.
    #[error("the file is cut: it ends at byte {0} of what describes its tensors")]
    Cut(u64),
    /// A description that cannot be read.
    #[error("what describes the tensors makes no sense at byte {at}: {reason}")]
    Pickle {
        /// Place in the description.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// A description beyond all that networks need.
    #[error("what describes the tensors is too large: it has more than {most} {what}")]
    Large {
        /// Greatest number.
        most: u64,
        /// Of what.
        what: &'static str,
    },
    /// A file that names something which only running it would make.
    #[error(
        "the file wants to run code: it names `{0}`; state dictionaries, tensors and plain containers alone are read"
    )]
    Code(String),
    /// A whole model.
    #[error(
        "the file holds a whole model (`{0}`), which only running its code would make; save the model's `state_dict()` instead"
    )]
    WholeModel(String),
    /// No tensors where a state dictionary has them.
    #[error(
        "the file holds no state dictionary: no tensors by name, at the top or under `state_dict` or `model`"
    )]
    NoState,
    /// A tensor whose description makes no sense.
    #[error("tensor `{tensor}` makes no sense: {reason}")]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// Numbers that are not as described.
    #[error("storage `{storage}` is cut or damaged: {reason}")]
    Storage {
        /// Name of the storage within the file.
        storage: String,
        /// What is wrong.
        reason: String,
    },
    /// A tensor of the wrong type.
    #[error("tensor `{tensor}` holds elements of {found}; f16, bf16, f32 and f64 are read")]
    Type {
        /// Name of the tensor.
        tensor: String,
        /// Its type.
        found: &'static str,
    },
    /// Tensors that share or repeat numbers beyond reason.
    #[error(
        "the tensors hold {elements} numbers, which {bytes} bytes of file cannot be the weights of"
    )]
    Repeated {
        /// Numbers in all tensors.
        elements: usize,
        /// Length of the file.
        bytes: u64,
    },
    /// The tensors are no network.
    #[error(transparent)]
    Tensors(#[from] TensorsError),
}
