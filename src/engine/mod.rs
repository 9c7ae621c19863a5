//! Runs graphs on ONNX Runtime; the only user of `ort`.
//!
//! An [`Engine`] is the loaded library, of which a process can have one. A [`Session`] is one graph
//! made ready for one device: values that stay the same from run to run are bound once
//! ([`Session::bind`]), the rest is fed with each [`Session::run`].
//!
//! The options were chosen by measurement (ARCHITECTURE.md, "Speed and memory").

use std::path::{Path, PathBuf};

use ort::ep;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{IoBinding, Session as OrtSession};
use ort::value::Tensor as OrtTensor;
use thiserror::Error;

use crate::onnx::{self, Model};
use crate::tensor::Tensor;

/// Why a graph could not be run.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The library could not be loaded.
    #[error("load the ONNX Runtime library {}", path.display())]
    Load {
        /// File of the library.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// ONNX Runtime did not accept the graph for the device.
    #[error("prepare graph `{graph}` for {device}")]
    Prepare {
        /// Name of the graph.
        graph: String,
        /// Name of the device.
        device: String,
        /// What ONNX Runtime said.
        #[source]
        source: ort::Error,
    },
    /// A run failed.
    #[error("run graph `{graph}`")]
    Run {
        /// Name of the graph.
        graph: String,
        /// What ONNX Runtime said.
        #[source]
        source: ort::Error,
    },
}

/// Where a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The NVIDIA card of this index.
    Cuda(u32),
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// How a session is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Where it runs.
    pub device: Device,
    /// Threads of the processor; 0 takes as many as there are cores.
    pub threads: usize,
    /// Whether the processor's buffers are kept from run to run: faster where they are large and many,
    /// at the price of holding them.
    pub arena: bool,
    /// Where to write ONNX Runtime's own profile (a prefix of the file's name).
    pub profile: Option<PathBuf>,
    /// Where to write the graph as ONNX Runtime rewrote it.
    pub optimized: Option<PathBuf>,
}

impl SessionOptions {
    /// Returns the options for `device` with `threads` threads and nothing written.
    pub fn new(device: Device, threads: usize) -> Self {
        Self {
            device,
            threads,
            arena: false,
            profile: None,
            optimized: None,
        }
    }
}

/// The loaded ONNX Runtime library.
#[derive(Debug)]
pub struct Engine {
    environment: ort::environment::Environment,
}

impl Engine {
    /// Loads the library at `path`. A process can do this once.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| EngineError::Load {
            path: path.to_owned(),
            source,
        };
        let builder = ort::init_from(path).map_err(|source| failed(Box::new(source)))?;
        let environment = builder
            .with_name("pentimento")
            .with_telemetry(false)
            .with_logger(std::sync::Arc::new(log))
            .build()
            .map_err(|source| failed(Box::new(source)))?;
        Ok(Self { environment })
    }

    /// Makes `model` ready to run.
    pub fn session(&self, model: &Model, options: &SessionOptions) -> Result<Session, EngineError> {
        self.prepare(model, options)
            .map_err(|source| EngineError::Prepare {
                graph: model.graph.name.clone(),
                device: options.device.to_string(),
                source,
            })
    }

    fn prepare(&self, model: &Model, options: &SessionOptions) -> ort::Result<Session> {
        let mut builder = configure(OrtSession::builder(&self.environment)?, options)?;
        let session = builder.commit_from_memory(&onnx::write(model))?;
        let mut binding = session.create_binding()?;
        let host = MemoryInfo::new(
            AllocationDevice::CPU,
            0,
            AllocatorType::Device,
            MemoryType::CPUOutput,
        )?;
        let mut outputs = Vec::new();
        for info in &model.graph.outputs {
            binding.bind_output_to_device(&info.name, &host)?;
            outputs.push(info.name.clone());
        }
        Ok(Session {
            graph: model.graph.name.clone(),
            inner: session,
            binding,
            outputs,
        })
    }
}

fn configure(builder: SessionBuilder, options: &SessionOptions) -> ort::Result<SessionBuilder> {
    let providers = match options.device {
        Device::Cpu => vec![
            ep::CPU::default()
                .with_arena_allocator(options.arena)
                .build(),
        ],
        Device::Cuda(index) => vec![
            ep::CUDA::default()
                .with_device_id(i32::try_from(index).unwrap_or(i32::MAX))
                .build()
                .error_on_failure(),
        ],
    };
    let mut builder = builder
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_memory_pattern(false)?
        .with_intra_threads(options.threads)?
        .with_inter_threads(1)?
        .with_execution_providers(providers)?;
    if let Some(path) = &options.profile {
        builder = builder.with_profiling(path)?;
    }
    if let Some(path) = &options.optimized {
        builder = builder.with_optimized_model_path(path)?;
    }
    Ok(builder)
}

/// Passes what ONNX Runtime says on to the log.
fn log(level: ort::logging::LogLevel, _category: &str, _id: &str, location: &str, message: &str) {
    use ort::logging::LogLevel;
    match level {
        LogLevel::Verbose | LogLevel::Info => {
            tracing::trace!(target: "onnxruntime", location, "{message}");
        }
        LogLevel::Warning => tracing::debug!(target: "onnxruntime", location, "{message}"),
        LogLevel::Error | LogLevel::Fatal => {
            tracing::warn!(target: "onnxruntime", location, "{message}");
        }
    }
}

/// A graph made ready for one device.
#[derive(Debug)]
pub struct Session {
    graph: String,
    inner: OrtSession,
    binding: IoBinding,
    outputs: Vec<String>,
}

impl Session {
    /// Gives input `name` a value that all following runs use; on a card it is copied there once.
    pub fn bind(&mut self, name: &str, value: Tensor) -> Result<(), EngineError> {
        let (shape, data) = value.into_parts();
        let failed = |source| EngineError::Run {
            graph: self.graph.clone(),
            source,
        };
        let value = OrtTensor::from_array((shape, data)).map_err(failed)?;
        self.binding.bind_input(name, &value).map_err(failed)
    }

    /// Runs the graph with `feeds` (and what is bound) and returns its outputs in order.
    pub fn run(&mut self, feeds: &[(&str, &Tensor)]) -> Result<Vec<Tensor>, EngineError> {
        self.execute(feeds).map_err(|source| EngineError::Run {
            graph: self.graph.clone(),
            source,
        })
    }

    fn execute(&mut self, feeds: &[(&str, &Tensor)]) -> ort::Result<Vec<Tensor>> {
        for (name, tensor) in feeds {
            // Owned: `ort` 2.0.0-rc.15 waits for itself when it binds borrowed data.
            let value = OrtTensor::from_array((tensor.shape(), tensor.data().to_vec()))?;
            self.binding.bind_input(*name, &value)?;
        }
        let results = self.inner.run_binding(&self.binding)?;
        let mut tensors = Vec::with_capacity(self.outputs.len());
        for name in &self.outputs {
            let (shape, data) = results[name.as_str()].try_extract_tensor::<f32>()?;
            let shape = shape
                .iter()
                .map(|&d| usize::try_from(d).unwrap_or(0))
                .collect();
            tensors.extend(Tensor::new(shape, data.to_vec()));
        }
        Ok(tensors)
    }

    /// Ends ONNX Runtime's profile and returns the file it wrote.
    pub fn end_profile(&mut self) -> Result<PathBuf, EngineError> {
        self.inner
            .end_profiling()
            .map(PathBuf::from)
            .map_err(|source| EngineError::Run {
                graph: self.graph.clone(),
                source,
            })
    }
}
