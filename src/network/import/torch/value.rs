//! What a restricted reading of a pickle can give: plain containers, texts, numbers, and
//! descriptions of tensors.
//!
//! Lists and dictionaries may be changed after others refer to them, so they live side by side in
//! [`Pickled::objects`] and are referred to by place; nothing here can form a cycle of ownership.

use std::ops::Range;
use std::rc::Rc;

use super::super::numbers::Float;

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickled {
    /// The value that it holds.
    pub root: Value,
    /// Every list and dictionary.
    pub objects: Vec<Object>,
    /// Every storage, once for each time it is named.
    pub storages: Vec<Rc<Storage>>,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Something that no tensor depends on: nothing, a truth value, a number with a point, a device.
    Other,
    /// A whole number.
    Int(i128),
    /// A text.
    Text(Rc<str>),
    /// A tuple.
    Tuple(Rc<Tuple>),
    /// The object of this place.
    Object(usize),
    /// Something that can be called or names a type.
    Global(Global),
    /// Where numbers lie.
    Storage(Rc<Storage>),
    /// A tensor.
    Tensor(Rc<Tensor>),
}

/// Values in order.
#[derive(Debug)]
pub(super) struct Tuple {
    /// The values.
    pub items: Vec<Value>,
    /// Levels of tuples within tuples, 1 for one that holds none.
    pub depth: usize,
}

/// A container that may be changed.
#[derive(Debug)]
pub(super) enum Object {
    /// Values in order.
    List(Vec<Value>),
    /// Pairs in order; of two with one key, the later counts.
    Dict(Vec<(Value, Value)>),
}

/// The few names of Python that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// A tensor of storage, offset, extents and strides.
    RebuildTensor,
    /// A parameter of a tensor.
    RebuildParameter,
    /// `torch.Size`.
    Size,
    /// `torch.device`.
    Device,
    /// A type of storage.
    Storage(Element),
}

/// The type of a storage's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// A floating-point type.
    Float(Float),
    /// A type that networks' weights are not of.
    Whole {
        /// Bytes of one.
        size: usize,
        /// Its name.
        name: &'static str,
    },
}

impl Element {
    /// Returns the bytes of one element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Float(float) => float.size(),
            Self::Whole { size, .. } => size,
        }
    }
}

/// Where numbers lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    /// Name within the file.
    pub key: String,
    /// Type of the elements.
    pub element: Element,
    /// Number of elements.
    pub count: usize,
}

/// A tensor as the file describes it; nothing is held against anything yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    /// Where its numbers lie.
    pub storage: Rc<Storage>,
    /// Place of the first.
    pub offset: usize,
    /// Extents.
    pub shape: Vec<usize>,
    /// Distance between neighbours along each axis, in elements.
    pub strides: Vec<usize>,
}

impl Tensor {
    /// Returns the number of elements.
    pub(super) fn count(&self) -> Option<usize> {
        let mut extents = self.shape.iter();
        extents.try_fold(1_usize, |product, &extent| product.checked_mul(extent))
    }

    /// Returns the part of the storage in which the tensor's elements lie, or `None` where it leaves
    /// the storage or makes no sense.
    pub(super) fn range(&self) -> Option<Range<usize>> {
        if self.shape.len() != self.strides.len() {
            return None;
        }
        if self.count()? == 0 {
            return Some(0..0);
        }
        let mut last = self.offset;
        for (&extent, &stride) in self.shape.iter().zip(&self.strides) {
            last = last.checked_add((extent - 1).checked_mul(stride)?)?;
        }
        (last < self.storage.count).then(|| self.offset..last + 1)
    }

    /// Returns true if and only if the elements lie in the order of the tensor's axes, without gaps.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = 1_usize;
        self.shape
            .iter()
            .zip(&self.strides)
            .rev()
            .all(|(&extent, &stride)| {
                let fits = extent == 1 || stride == expected;
                expected = expected.saturating_mul(extent);
                fits
            })
    }

    /// Returns the tensor's elements in the order of its axes from `values`, the part of the storage
    /// given by [`Tensor::range`].
    pub(super) fn gather(&self, values: &[f32]) -> Vec<f32> {
        let count = self.count().unwrap_or(0);
        let mut gathered = Vec::with_capacity(count);
        let mut place = vec![0; self.shape.len()];
        let mut at = 0;
        for _ in 0..count {
            gathered.push(values[at]);
            for axis in (0..place.len()).rev() {
                place[axis] += 1;
                at += self.strides[axis];
                if place[axis] < self.shape[axis] {
                    break;
                }
                at -= place[axis] * self.strides[axis];
                place[axis] = 0;
            }
        }
        gathered
    }
}
