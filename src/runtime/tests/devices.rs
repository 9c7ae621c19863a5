//! Cards, the CUDA variant, and which device is chosen.

use std::fs;

use super::super::free_card_memory;
use super::{
    super::{
        Device, Error, Host, Nvidia, Request, Resolved, ensure, install, install_cuda,
        resolve_device, search,
    },
    World, cuda_files, good, library, quiet, wheel,
};

const GPU: &str = "root/proc/driver/nvidia/gpus/0000:01:00.0/information";

/// Puts a driver and one card into the machine.
pub(super) fn card(world: &World) {
    world.write(
        "root/proc/driver/nvidia/version",
        b"NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.03  Tue\nGCC version: 13\n",
    );
    world.write(GPU, b"Model: \t\t NVIDIA H200\nIRQ:   \t\t 88\n");
    world.write("root/usr/lib64/libcuda.so.1", b"");
}

/// A pip that brings every wheel of the CUDA variant.
fn cuda_pip(world: &World) {
    let files = cuda_files();
    let entries: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(inside, _, bytes)| (inside.as_str(), bytes.as_slice()))
        .collect();
    world.write("packages/onnxruntime-gpu==1.31.1", &wheel(&entries));
    for (requirement, libraries) in [
        (
            "nvidia-cuda-runtime==13.0.96",
            &["nvidia/cu13/lib/libcudart.so.13"][..],
        ),
        (
            "nvidia-cublas==13.1.0.3",
            &[
                "nvidia/cu13/lib/libcublas.so.13",
                "nvidia/cu13/lib/libcublasLt.so.13",
            ],
        ),
        (
            "nvidia-cuda-nvrtc==13.0.88",
            &[
                "nvidia/cu13/lib/libnvrtc.so.13",
                "nvidia/cu13/lib/libnvrtc.alt.so.13",
            ],
        ),
        (
            "nvidia-cudnn-cu13==9.20.0.48",
            &[
                "nvidia/cudnn/lib/libcudnn.so.9",
                "nvidia/cudnn/include/cudnn.h",
            ],
        ),
    ] {
        let entries: Vec<(&str, &[u8])> = libraries
            .iter()
            .map(|&inside| (inside, &b"library"[..]))
            .collect();
        world.write(&format!("packages/{requirement}"), &wheel(&entries));
    }
    world.program(
        "python3",
        &format!(
            "for word; do if [ \"$before\" = --dest ]; then to=$word; fi; before=$word; done\n\
             /bin/cp '{}'/\"$word\" \"$to/package.whl\"",
            world.path("packages").display()
        ),
    );
}

fn resolve(world: &World, device: Device) -> Result<(Resolved, String), Error> {
    let request = Request {
        device,
        ..Request::default()
    };
    let library = ensure(&world.env, &request, &mut quiet)?;
    let choice = resolve_device(device, &library, &Nvidia::detect(&world.env))?;
    Ok((choice.device, choice.why))
}

#[test]
fn device_names_read_and_write() {
    for (text, device) in [
        ("auto", Device::Auto),
        ("cpu", Device::Cpu),
        ("cuda:0", Device::Cuda(0)),
        ("cuda:12", Device::Cuda(12)),
    ] {
        assert_eq!(text.parse(), Ok(device));
        assert_eq!(device.to_string(), text);
    }
    assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
    for bad in [
        "",
        "gpu",
        "CPU",
        "cuda:",
        "cuda:-1",
        "cuda:+1",
        "cuda:x",
        "cuda:99999999999",
    ] {
        let error = bad.parse::<Device>().expect_err(bad).to_string();
        assert!(error.contains(&format!("{bad:?}")), "{error}");
    }
}

#[test]
fn without_a_card_auto_is_the_processor_and_a_number_is_refused_without_any_download() {
    let world = World::new();
    world.pip_brings(&good());
    let error = ensure(
        &world.env,
        &Request {
            device: Device::Cuda(0),
            ..Request::default()
        },
        &mut quiet,
    )
    .expect_err("no card")
    .to_string();
    assert!(error.starts_with("cuda:0 cannot be used\n"), "{error}");
    assert!(error.contains("no NVIDIA driver is loaded"), "{error}");
    assert!(
        error.contains("pentimento runtime install --cuda"),
        "{error}"
    );
    assert_eq!(world.runs("python3"), [""; 0]);

    let (device, why) = resolve(&world, Device::Auto).expect("the processor");
    assert_eq!(device, Resolved::Cpu);
    assert_eq!(why, "no NVIDIA card is in use");
    let error = install_cuda(&world.env, &mut quiet)
        .expect_err("no driver")
        .to_string();
    assert!(error.contains("no NVIDIA driver is loaded"), "{error}");
}

#[test]
fn with_a_card_and_the_plain_variant_the_way_to_cuda_is_told() {
    let world = World::new();
    card(&world);
    world.pip_brings(&good());
    let (device, why) = resolve(&world, Device::Auto).expect("the processor");
    assert_eq!(device, Resolved::Cpu);
    assert!(
        why.contains("run `pentimento runtime install --cuda`"),
        "{why}"
    );
    let error = resolve(&world, Device::Cuda(0))
        .expect_err("no variant")
        .to_string();
    assert!(error.contains("has no CUDA provider"), "{error}");
    assert!(!error.contains("driver is loaded"), "{error}");
}

#[test]
fn the_cuda_variant_is_installed_with_its_libraries_and_used() {
    let world = World::new();
    card(&world);
    cuda_pip(&world);
    let library = install_cuda(&world.env, &mut quiet).expect("the variant");
    assert_eq!(
        library.path,
        world.installed("cuda-1.31.1/libonnxruntime.so.1.31.1")
    );
    assert_eq!(library.cuda.as_ref().expect("a provider").missing, [""; 0]);
    assert_eq!(
        world.installations(),
        [
            "cuda-1.31.1",
            "nvidia-cublas-13.1.0.3",
            "nvidia-cuda-nvrtc-13.0.88",
            "nvidia-cuda-runtime-13.0.96",
            "nvidia-cudnn-cu13-9.20.0.48",
        ]
    );
    assert_eq!(library.library_path.len(), 4);
    for folder in &library.library_path {
        assert!(
            folder.starts_with(world.installed("")) && folder.is_dir(),
            "{folder:?}"
        );
    }
    let cudnn = world.installed("nvidia-cudnn-cu13-9.20.0.48");
    assert_eq!(
        fs::read_dir(&cudnn).expect("a folder").count(),
        1,
        "headers are left out"
    );
    assert!(
        !world
            .installed("nvidia-cuda-nvrtc-13.0.88/libnvrtc.alt.so.13")
            .exists()
    );

    for device in [Device::Auto, Device::Cuda(0)] {
        assert_eq!(
            resolve(&world, device).expect("a card").0,
            Resolved::Cuda(0)
        );
    }
    let why = resolve(&world, Device::Auto).expect("a card").1;
    assert_eq!(why, "NVIDIA H200, driver 580.159.03");
    let error = resolve(&world, Device::Cuda(1))
        .expect_err("one card")
        .to_string();
    assert!(
        error.contains("there is no card 1: the visible ones are cuda:0 to cuda:0"),
        "{error}"
    );
    let runs = world.runs("python3").len();
    install_cuda(&world.env, &mut quiet).expect("the variant");
    assert_eq!(
        world.runs("python3").len(),
        runs,
        "nothing is fetched again"
    );
}

#[test]
fn libraries_of_the_system_and_of_python_are_not_fetched() {
    let mut world = World::new();
    card(&world);
    cuda_pip(&world);
    let python = "venv/lib/python3.12/site-packages/nvidia";
    world.write(&format!("{python}/cudnn/lib/libcudnn.so.9"), b"");
    world.write("root/usr/lib64/libcublas.so.13", b"");
    world.write("toolkit/lib64/libcudart.so.13", b"");
    world.write("loader/libnvrtc.so.13", b"");
    world.env.python_prefixes = vec![world.path("venv")];
    world.env.cuda_home = Some(world.path("toolkit"));
    world.env.ld_library_path = world.path("loader").into();
    let library = install_cuda(&world.env, &mut quiet).expect("the variant");
    assert_eq!(world.runs("python3").len(), 1, "only ONNX Runtime itself");
    let mut path = library.library_path;
    path.sort();
    // The loader finds its own folders without help.
    assert_eq!(
        path,
        [
            world.path("toolkit/lib64"),
            world.path(&format!("{python}/cudnn/lib"))
        ]
    );
}

#[test]
fn what_is_missing_beside_an_installed_variant_is_named_and_fetched_alone() {
    let world = World::new();
    card(&world);
    cuda_pip(&world);
    install_cuda(&world.env, &mut quiet).expect("the variant");
    fs::remove_dir_all(world.installed("nvidia-cudnn-cu13-9.20.0.48")).expect("removed");
    let error = resolve(&world, Device::Cuda(0))
        .expect_err("no cuDNN")
        .to_string();
    assert!(error.contains("libcudnn.so.9 are not found"), "{error}");
    let (device, why) = resolve(&world, Device::Auto).expect("the processor");
    assert_eq!(device, Resolved::Cpu);
    assert!(why.contains("libcudnn.so.9"), "{why}");
    let runs = world.runs("python3").len();
    install_cuda(&world.env, &mut quiet).expect("the variant");
    assert_eq!(world.runs("python3").len(), runs + 1);
}

#[test]
fn the_processor_alone_prefers_the_plain_variant_but_takes_either() {
    let world = World::new();
    card(&world);
    cuda_pip(&world);
    install_cuda(&world.env, &mut quiet).expect("the variant");
    let request = |device| Request {
        device,
        ..Request::default()
    };
    let found = |device| {
        let found = search(&world.env, &request(device))
            .expect("a search")
            .library;
        found
            .expect("a library")
            .version
            .expect("a version")
            .to_string()
    };
    assert_eq!(found(Device::Cpu), "1.31.1");
    world.pip_brings(&good());
    install(&world.env, &mut quiet).expect("a library");
    assert_eq!(found(Device::Cpu), "1.32.0");
    assert_eq!(found(Device::Auto), "1.31.1");
    fs::remove_dir_all(world.path("root/proc")).expect("removed");
    assert_eq!(
        found(Device::Auto),
        "1.32.0",
        "without a driver the plain one is leaner"
    );
}

#[test]
fn an_old_driver_a_missing_driver_library_and_hidden_cards_are_named() {
    let mut world = World::new();
    card(&world);
    cuda_pip(&world);
    install_cuda(&world.env, &mut quiet).expect("the variant");
    world.write(
        "root/proc/driver/nvidia/version",
        b"NVRM version: Kernel Module  535.1.2  x\n",
    );
    fs::remove_file(world.path("root/usr/lib64/libcuda.so.1")).expect("removed");
    world.env.cuda_visible_devices = Some(String::new());
    let error = resolve(&world, Device::Cuda(0))
        .expect_err("much is wrong")
        .to_string();
    for part in [
        "535.1.2 is older than 580",
        "libcuda.so.1 is not found",
        "no NVIDIA card is visible",
    ] {
        assert!(error.contains(part), "{part:?} is not in:\n{error}");
    }
}

#[test]
fn an_explicit_library_without_cuda_is_no_silent_processor() {
    let world = World::new();
    card(&world);
    let path = world.write("own/libonnxruntime.so", &library(Some("1.32.0"), &[]));
    let request = Request {
        ort_lib: Some(path),
        device: Device::Cuda(0),
        ..Request::default()
    };
    let library = ensure(&world.env, &request, &mut quiet).expect("the named library");
    let error = resolve_device(Device::Cuda(0), &library, &Nvidia::detect(&world.env));
    assert!(
        matches!(error, Err(Error::NoCuda { card: 0, .. })),
        "{error:?}"
    );
}

#[test]
fn cards_without_a_proc_entry_are_found_by_their_device_files() {
    let world = World::new();
    for name in ["nvidiactl", "nvidia0", "nvidia1", "nvidia-uvm"] {
        world.write(&format!("root/dev/{name}"), b"");
    }
    let nvidia = Nvidia::detect(&world.env);
    assert_eq!(nvidia.cards.len(), 2);
    assert_eq!(nvidia.cards[1].place, "/dev/nvidia1");
    assert_eq!(
        nvidia.driver.expect("a driver").version,
        "of unknown version"
    );
}

#[test]
fn the_host_tells_threads_and_memory() {
    let world = World::new();
    world.write(
        "root/proc/cpuinfo",
        b"processor\t: 0\nmodel name\t: A Processor\n",
    );
    world.write(
        "root/proc/meminfo",
        b"MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:  1024 kB\n",
    );
    let host = Host::detect(&world.env);
    assert_eq!(host.model.as_deref(), Some("A Processor"));
    assert_eq!(host.memory, Some((2 << 20, 1 << 20)));
    assert!(host.threads >= 1);
}

#[test]
fn what_a_card_has_free_is_asked_for_by_the_name_that_the_driver_knows() {
    let mut world = World::new();
    assert_eq!(free_card_memory(&world.env, 0), None, "no nvidia-smi");
    world.program("nvidia-smi", "echo 81000");
    assert_eq!(free_card_memory(&world.env, 1), Some(81000 << 20));
    world.env.cuda_visible_devices = Some("3, GPU-5a".to_owned());
    assert_eq!(free_card_memory(&world.env, 1), Some(81000 << 20));
    assert_eq!(
        free_card_memory(&world.env, 2),
        None,
        "only two are visible"
    );
    let asked = world.runs("nvidia-smi");
    assert!(asked[0].ends_with("--id=1"), "{asked:?}");
    assert!(asked[1].ends_with("--id=GPU-5a"), "{asked:?}");
    assert_eq!(asked.len(), 2);
    world.program("nvidia-smi", "echo 'Insufficient Permissions'");
    assert_eq!(free_card_memory(&world.env, 0), None);
    world.program("nvidia-smi", "echo 5; exit 9");
    assert_eq!(free_card_memory(&world.env, 0), None);
}
