//! A small machine for the part of Python's pickle language that state dictionaries are written in.
//!
//! It knows the containers, texts and numbers of [`Value`] and a short list of names
//! ([`super::names`]); it calls nothing, and every other instruction or name is an error. A reading
//! ends after a bounded number of bytes and instructions, whatever they say, and a text is held only
//! as far as the file goes.

use std::collections::HashMap;
use std::io::Read;
use std::rc::Rc;

use super::error::TorchError;
use super::names;
use super::value::{Global, Object, Pickled, Storage, Tuple, Value};

/// Longest pickle, in bytes; the largest networks' are a hundredth of it.
const MOST_BYTES: u64 = 1 << 24;

/// Most instructions of a pickle.
const MOST_INSTRUCTIONS: u64 = 1 << 21;

/// Most levels of tuples within tuples.
const MOST_LEVELS: usize = 64;

/// Longest name of a module or class.
const LONGEST_NAME: usize = 256;

/// Reads one pickle, and not a byte beyond it.
pub(super) fn read(input: &mut impl Read) -> Result<Pickled, TorchError> {
    let mut machine = Machine {
        input,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        objects: Vec::new(),
        storages: Vec::new(),
    };
    for _ in 0..MOST_INSTRUCTIONS {
        if let Some(root) = machine.step()? {
            return Ok(Pickled {
                root,
                objects: machine.objects,
                storages: machine.storages,
            });
        }
    }
    Err(TorchError::Large {
        most: MOST_INSTRUCTIONS,
        what: "instructions",
    })
}

struct Machine<'a, R> {
    input: &'a mut R,
    at: u64,
    stack: Vec<Value>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    objects: Vec<Object>,
    storages: Vec<Rc<Storage>>,
}

impl<R: Read> Machine<'_, R> {
    /// Carries out one instruction; the last gives the pickle's value.
    fn step(&mut self) -> Result<Option<Value>, TorchError> {
        let instruction = self.byte()?;
        match instruction {
            b'.' => return self.pop().map(Some),
            // Version and frame: nothing that reading needs.
            0x80 => self.bytes::<1>().map(drop)?,
            0x95 => self.bytes::<8>().map(drop)?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop().map(drop)?,
            b'1' => self.since_mark().map(drop)?,
            b'2' => {
                let top = self.top()?.clone();
                self.stack.push(top);
            }
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Other),
            b'G' => {
                self.bytes::<8>()?;
                self.stack.push(Value::Other);
            }
            b'K' | b'M' | b'J' | 0x8a => self.int(instruction)?,
            b'X' | 0x8c | 0x8d | b'T' | b'U' => self.text(instruction)?,
            b')' | b't' | 0x85..=0x87 => self.tuple(instruction)?,
            b']' | b'a' | b'e' => self.list(instruction)?,
            b'}' | b's' | b'u' => self.dict(instruction)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(instruction)?,
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.stack.push(names::value(&module, &name)?);
            }
            0x93 => {
                let (name, module) = (self.pop_text()?, self.pop_text()?);
                self.stack.push(names::value(&module, &name)?);
            }
            b'R' => self.call()?,
            b'b' => self.set_state()?,
            b'Q' => self.storage()?,
            other => {
                return Err(self.nonsense(format!(
                    "{other:#04x} is no instruction that state dictionaries are written with"
                )));
            }
        }
        Ok(None)
    }

    fn int(&mut self, instruction: u8) -> Result<(), TorchError> {
        let value = match instruction {
            b'K' => i128::from(self.byte()?),
            b'M' => i128::from(u16::from_le_bytes(self.bytes()?)),
            b'J' => i128::from(i32::from_le_bytes(self.bytes()?)),
            _ => {
                let length = usize::from(self.byte()?);
                let mut wide = [0; 16];
                if length > wide.len() {
                    return Err(self.nonsense(format!("a number of {length} bytes")));
                }
                for byte in &mut wide[..length] {
                    *byte = self.byte()?;
                }
                if length > 0 && wide[length - 1] >= 0x80 {
                    wide[length..].fill(0xff);
                }
                i128::from_le_bytes(wide)
            }
        };
        self.stack.push(Value::Int(value));
        Ok(())
    }

    fn text(&mut self, instruction: u8) -> Result<(), TorchError> {
        let length = match instruction {
            0x8c | b'U' => u64::from(self.byte()?),
            0x8d => u64::from_le_bytes(self.bytes()?),
            _ => u64::from(u32::from_le_bytes(self.bytes()?)),
        };
        self.within(length)?;
        let mut bytes = Vec::new();
        let read = self.input.take(length).read_to_end(&mut bytes);
        if read.map_err(TorchError::Io)? as u64 != length {
            return Err(TorchError::Cut(self.at + bytes.len() as u64));
        }
        self.at += length;
        let text = String::from_utf8(bytes)
            .map_err(|_source| self.nonsense("a text that is not UTF-8".to_owned()))?;
        self.stack.push(Value::Text(text.into()));
        Ok(())
    }

    fn tuple(&mut self, instruction: u8) -> Result<(), TorchError> {
        let items = match instruction {
            b')' => Vec::new(),
            b't' => self.since_mark()?,
            _ => self.pop_some(usize::from(instruction - 0x84))?,
        };
        let within = items.iter().map(|item| {
            if let Value::Tuple(tuple) = item {
                tuple.depth
            } else {
                0
            }
        });
        let depth = within.max().unwrap_or(0) + 1;
        if depth > MOST_LEVELS {
            return Err(TorchError::Large {
                most: MOST_LEVELS as u64,
                what: "levels of tuples",
            });
        }
        self.stack
            .push(Value::Tuple(Rc::new(Tuple { items, depth })));
        Ok(())
    }

    fn list(&mut self, instruction: u8) -> Result<(), TorchError> {
        let items = match instruction {
            b']' => {
                self.push_object(Object::List(Vec::new()));
                return Ok(());
            }
            b'a' => self.pop_some(1)?,
            _ => self.since_mark()?,
        };
        match self.top_object() {
            Some(Object::List(list)) => list.extend(items),
            _ => return Err(self.nonsense("something is added to what is no list".to_owned())),
        }
        Ok(())
    }

    fn dict(&mut self, instruction: u8) -> Result<(), TorchError> {
        let items = match instruction {
            b'}' => {
                self.push_object(Object::Dict(Vec::new()));
                return Ok(());
            }
            b's' => self.pop_some(2)?,
            _ => self.since_mark()?,
        };
        if items.len() % 2 != 0 {
            return Err(self.nonsense("a key without a value".to_owned()));
        }
        let pairs = items.chunks_exact(2).map(|p| (p[0].clone(), p[1].clone()));
        match self.top_object() {
            Some(Object::Dict(dict)) => dict.extend(pairs),
            _ => return Err(self.nonsense("an entry is added to no dictionary".to_owned())),
        }
        Ok(())
    }

    fn remember(&mut self, instruction: u8) -> Result<(), TorchError> {
        let place = match instruction {
            b'q' | b'h' => u64::from(self.byte()?),
            b'r' | b'j' => u64::from(u32::from_le_bytes(self.bytes()?)),
            _ => self.memo.len() as u64,
        };
        if matches!(instruction, b'h' | b'j') {
            let value = self.memo.get(&place).cloned();
            let value =
                value.ok_or_else(|| self.nonsense(format!("nothing was kept as {place}")))?;
            self.stack.push(value);
        } else {
            let value = self.top()?.clone();
            self.memo.insert(place, value);
        }
        Ok(())
    }

    fn call(&mut self) -> Result<(), TorchError> {
        let arguments = self.pop()?;
        let (Value::Global(global), Value::Tuple(arguments)) = (self.pop()?, arguments) else {
            return Err(self.nonsense("a call of what cannot be called".to_owned()));
        };
        let value = match global {
            Global::OrderedDict => {
                let pairs = names::pairs(&arguments.items, &self.objects);
                let pairs = pairs.ok_or_else(|| self.nonsense("entries of no pairs".to_owned()))?;
                self.push_object(Object::Dict(pairs));
                return Ok(());
            }
            Global::RebuildTensor => names::tensor(&arguments.items),
            Global::RebuildParameter | Global::Size => arguments.items.first().cloned(),
            Global::Device => Some(Value::Other),
            Global::Storage(_) => None,
        };
        let value = value.ok_or_else(|| self.nonsense("a call with wrong arguments".to_owned()))?;
        self.stack.push(value);
        Ok(())
    }

    /// Attributes of a dictionary say nothing about its tensors; nothing else may have any.
    fn set_state(&mut self) -> Result<(), TorchError> {
        self.pop()?;
        match self.top_object() {
            Some(Object::Dict(_)) => Ok(()),
            _ => Err(self.nonsense("attributes of what is no dictionary".to_owned())),
        }
    }

    fn storage(&mut self) -> Result<(), TorchError> {
        let described = self.pop()?;
        let (storage, first) = names::storage(&described)
            .ok_or_else(|| self.nonsense("a storage without key, type or length".to_owned()))?;
        if first > 0 {
            let reason = "a view of another storage, which only early versions of PyTorch wrote";
            return Err(self.nonsense(reason.to_owned()));
        }
        let storage = Rc::new(storage);
        self.storages.push(Rc::clone(&storage));
        self.stack.push(Value::Storage(storage));
        Ok(())
    }

    fn push_object(&mut self, object: Object) {
        self.stack.push(Value::Object(self.objects.len()));
        self.objects.push(object);
    }

    fn top_object(&mut self) -> Option<&mut Object> {
        match self.stack.last() {
            Some(&Value::Object(place)) => self.objects.get_mut(place),
            _ => None,
        }
    }

    fn top(&self) -> Result<&Value, TorchError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack.get(floor..).and_then(<[Value]>::last);
        top.ok_or_else(|| self.nonsense("a value is used that is not there".to_owned()))
    }

    fn pop(&mut self) -> Result<Value, TorchError> {
        self.top()?;
        let top = self.stack.pop();
        Ok(top.expect("the stack was just seen to have a top"))
    }

    fn pop_some(&mut self, count: usize) -> Result<Vec<Value>, TorchError> {
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(self.pop()?);
        }
        values.reverse();
        Ok(values)
    }

    fn pop_text(&mut self) -> Result<Rc<str>, TorchError> {
        let Value::Text(text) = self.pop()? else {
            return Err(self.nonsense("a name that is no text".to_owned()));
        };
        Ok(text)
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, TorchError> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| self.nonsense("a mark is missing".to_owned()))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn line(&mut self) -> Result<String, TorchError> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                byte if line.len() < LONGEST_NAME => line.push(byte),
                _ => return Err(self.nonsense("a name without an end".to_owned())),
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    fn byte(&mut self) -> Result<u8, TorchError> {
        self.bytes().map(|[byte]| byte)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], TorchError> {
        self.within(N as u64)?;
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|source| {
            if source.kind() == std::io::ErrorKind::UnexpectedEof {
                TorchError::Cut(self.at)
            } else {
                TorchError::Io(source)
            }
        })?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn within(&self, length: u64) -> Result<(), TorchError> {
        if length <= MOST_BYTES - self.at.min(MOST_BYTES) {
            return Ok(());
        }
        Err(TorchError::Large {
            most: MOST_BYTES,
            what: "bytes",
        })
    }

    fn nonsense(&self, reason: String) -> TorchError {
        TorchError::Pickle {
            at: self.at,
            reason,
        }
    }
}
