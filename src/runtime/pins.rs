//! What is fetched for each platform, and the SHA-256 of every file kept from it.
//!
//! The sums are of the libraries themselves, so it does not matter which client fetched them or
//! how it packed them. NVIDIA's own wheels are the exception: they are pinned by version, and the
//! client checks them against its index.
//!
//! To move to another release: change the version and requirement, download the package for each
//! platform with `pip download` or `npm pack`, and enter the new sizes and sums.

use super::{Version, version::MINIMUM};

const CPU_VERSION: Version = Version {
    major: 1,
    minor: 32,
    patch: 0,
};
const NPM_VERSION: Version = Version {
    major: 1,
    minor: 30,
    patch: 0,
};
const CUDA_VERSION: Version = Version {
    major: 1,
    minor: 31,
    patch: 1,
};

/// The platforms that a release of ONNX Runtime is pinned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    LinuxX64,
    LinuxArm64,
    MacArm64,
    /// Any other: a library has to be named or installed by other means.
    Other,
}

impl Platform {
    /// Returns the platform that this program was built for.
    pub const fn current() -> Self {
        let (linux, mac) = (cfg!(target_os = "linux"), cfg!(target_os = "macos"));
        if linux && cfg!(target_arch = "x86_64") {
            Self::LinuxX64
        } else if linux && cfg!(target_arch = "aarch64") {
            Self::LinuxArm64
        } else if mac && cfg!(target_arch = "aarch64") {
            Self::MacArm64
        } else {
            Self::Other
        }
    }
}

/// One file that is kept, and how it is recognised.
#[derive(Debug, Clone)]
pub struct PinnedFile {
    /// Its path inside the package.
    pub inside: String,
    /// The name under which it is kept.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// One release to fetch: a Python wheel or an npm package.
#[derive(Debug, Clone)]
pub struct Package {
    /// What is asked of the client, such as `onnxruntime==1.32.0`.
    pub requirement: String,
    pub version: Version,
    /// About how many bytes the client transfers; for the progress bar alone.
    pub download_bytes: u64,
    /// What is kept; the library to load comes first.
    pub files: Vec<PinnedFile>,
}

/// One of NVIDIA's wheels.
#[derive(Debug, Clone)]
pub struct NvidiaWheel {
    pub requirement: String,
    /// About how many bytes the client transfers; for the progress bar alone.
    pub download_bytes: u64,
    /// The libraries, by the name they are looked up under, that it is fetched for.
    pub provides: Vec<String>,
}

/// The CUDA variant: ONNX Runtime with its provider, and the wheels of the CUDA libraries.
#[derive(Debug, Clone)]
pub struct CudaPin {
    pub package: Package,
    pub nvidia: Vec<NvidiaWheel>,
}

/// Everything pinned for one platform.
#[derive(Debug, Clone)]
pub struct Pins {
    /// The wheel tags of the platform, as `pip --platform` takes them, the preferred one first.
    pub wheel_tags: Vec<String>,
    /// The platform as `uv --python-platform` takes it.
    pub uv_platform: String,
    pub wheel: Option<Package>,
    pub npm: Option<Package>,
    pub cuda: Option<CudaPin>,
}

impl Pins {
    /// Returns what is pinned for `platform`.
    pub fn of(platform: Platform) -> Self {
        match platform {
            Platform::LinuxX64 => linux_x64(),
            Platform::LinuxArm64 => linux_arm64(),
            Platform::MacArm64 => mac_arm64(),
            Platform::Other => Self {
                wheel_tags: Vec::new(),
                uv_platform: String::new(),
                wheel: None,
                npm: None,
                cuda: None,
            },
        }
    }

    /// Returns the version that an installation is meant to bring.
    pub(super) fn wanted(&self) -> Version {
        self.wheel
            .as_ref()
            .or(self.npm.as_ref())
            .map_or(MINIMUM, |package| package.version)
    }
}

fn linux_x64() -> Pins {
    Pins {
        wheel_tags: tags(
            &["manylinux_2_28_x86_64", "manylinux_2_27_x86_64"],
            "x86_64",
        ),
        uv_platform: "x86_64-manylinux_2_28".to_owned(),
        wheel: Some(wheel(
            27_780_211,
            "libonnxruntime.so.1.32.0",
            34_824_680,
            "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
        )),
        npm: Some(npm(
            "linux/x64/libonnxruntime.so.1",
            "libonnxruntime.so.1.30.0",
            45_828_512,
            "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23",
        )),
        cuda: Some(cuda()),
    }
}

fn linux_arm64() -> Pins {
    Pins {
        wheel_tags: tags(
            &["manylinux_2_28_aarch64", "manylinux_2_27_aarch64"],
            "aarch64",
        ),
        uv_platform: "aarch64-manylinux_2_28".to_owned(),
        wheel: Some(wheel(
            23_196_724,
            "libonnxruntime.so.1.32.0",
            27_165_936,
            "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
        )),
        npm: Some(npm(
            "linux/arm64/libonnxruntime.so.1",
            "libonnxruntime.so.1.30.0",
            25_135_496,
            "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76",
        )),
        cuda: None,
    }
}

fn mac_arm64() -> Pins {
    Pins {
        wheel_tags: vec!["macosx_14_0_arm64".to_owned()],
        uv_platform: "aarch64-apple-darwin".to_owned(),
        wheel: Some(wheel(
            22_519_308,
            "libonnxruntime.1.32.0.dylib",
            35_272_344,
            "fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7",
        )),
        npm: Some(npm(
            "darwin/arm64/libonnxruntime.1.30.0.dylib",
            "libonnxruntime.1.30.0.dylib",
            44_589_928,
            "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d",
        )),
        cuda: None,
    }
}

/// The CUDA 13.0 family, so that every driver of the 580 series or newer will do. cuFFT and
/// `nvJitLink` are left out: only Fourier operators use them.
fn cuda() -> CudaPin {
    let files = vec![
        in_wheel(
            "libonnxruntime.so.1.31.1",
            29_421_832,
            "5104254339ecadae808da771bd0b63b240f0dbd466514234905e54372435c303",
        ),
        in_wheel(
            "libonnxruntime_providers_cuda.so",
            284_014_752,
            "8387867e857499e045caff5d13ac6a5de29571c801562fa2dde0e45f1f31de52",
        ),
        in_wheel(
            "libonnxruntime_providers_shared.so",
            14_632,
            "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d",
        ),
    ];
    let nvidia = |requirement: &str, download_bytes, provides: &[&str]| NvidiaWheel {
        requirement: requirement.to_owned(),
        download_bytes,
        provides: provides.iter().map(|&name| name.to_owned()).collect(),
    };
    CudaPin {
        package: Package {
            requirement: format!("onnxruntime-gpu=={CUDA_VERSION}"),
            version: CUDA_VERSION,
            download_bytes: 255_569_273,
            files,
        },
        nvidia: vec![
            nvidia(
                "nvidia-cuda-runtime==13.0.96",
                2_243_632,
                &["libcudart.so.13"],
            ),
            nvidia(
                "nvidia-cublas==13.1.0.3",
                423_133_236,
                &["libcublas.so.13", "libcublasLt.so.13"],
            ),
            nvidia("nvidia-curand==10.4.0.35", 59_544_258, &["libcurand.so.10"]),
            nvidia(
                "nvidia-cuda-nvrtc==13.0.88",
                90_215_200,
                &["libnvrtc.so.13"],
            ),
            nvidia(
                "nvidia-cudnn-cu13==9.20.0.48",
                366_173_588,
                &["libcudnn.so.9"],
            ),
        ],
    }
}

/// Spells out every older tag too, since NVIDIA's wheels carry any of them and pip takes tags
/// literally when they are given.
fn tags(newest: &[&str], machine: &str) -> Vec<String> {
    let older = [
        "manylinux_2_17",
        "manylinux2014",
        "manylinux_2_12",
        "manylinux2010",
    ];
    let older = older.iter().map(|tag| format!("{tag}_{machine}"));
    newest
        .iter()
        .map(|&tag| tag.to_owned())
        .chain(older)
        .collect()
}

fn wheel(download_bytes: u64, name: &str, bytes: u64, sha256: &str) -> Package {
    Package {
        requirement: format!("onnxruntime=={CPU_VERSION}"),
        version: CPU_VERSION,
        download_bytes,
        files: vec![in_wheel(name, bytes, sha256)],
    }
}

fn in_wheel(name: &str, bytes: u64, sha256: &str) -> PinnedFile {
    let inside = format!("onnxruntime/capi/{name}");
    PinnedFile {
        inside,
        name: name.to_owned(),
        bytes,
        sha256: sha256.to_owned(),
    }
}

fn npm(inside: &str, name: &str, bytes: u64, sha256: &str) -> Package {
    Package {
        requirement: format!("onnxruntime-node@{NPM_VERSION}"),
        version: NPM_VERSION,
        download_bytes: 113_507_888,
        files: vec![PinnedFile {
            inside: format!("package/bin/napi-v6/{inside}"),
            name: name.to_owned(),
            bytes,
            sha256: sha256.to_owned(),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_complete_and_new_enough() {
        for platform in [Platform::LinuxX64, Platform::LinuxArm64, Platform::MacArm64] {
            let pins = Pins::of(platform);
            assert!(!pins.wheel_tags.is_empty() && !pins.uv_platform.is_empty());
            let cuda = pins.cuda.map(|cuda| cuda.package);
            for package in [pins.wheel, pins.npm, cuda].into_iter().flatten() {
                assert!(package.version >= MINIMUM);
                assert!(package.requirement.ends_with(&package.version.to_string()));
                assert!(super::super::version::is_library_name(
                    &package.files[0].name
                ));
                for file in &package.files {
                    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                    assert!(
                        file.sha256.len() == 64 && file.sha256.bytes().all(hex),
                        "{file:?}"
                    );
                    assert!(file.bytes > 0 && !file.name.contains('/'));
                }
            }
        }
    }
}
