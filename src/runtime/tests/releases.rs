//! The real releases, fetched over the network when a person asks for it.
//!
//! `PENTIMENTO_TEST_INSTALL=1` fetches the plain one with every client that is on `PATH`,
//! `PENTIMENTO_TEST_INSTALL=cuda` the CUDA variant (1.2 GB) with the first.

use std::env;

use super::{
    super::{
        Device, Environment, Library, MINIMUM, Nvidia, Progress, Request, Resolved, ensure,
        install_cuda, is_intact, resolve_device,
    },
    World, devices,
};

/// Says whether these releases are to be fetched, and if not, how to have it done.
fn asked_for(what: &str) -> bool {
    let asked = env::var("PENTIMENTO_TEST_INSTALL").is_ok_and(|asked| asked == what);
    if !asked {
        println!("skipped: set PENTIMENTO_TEST_INSTALL={what} to fetch over the network");
    }
    asked
}

/// Returns a machine with nothing but one real client, or `None` if that is not here.
fn world_with(client: &str) -> Option<World> {
    let real = Environment::from_process();
    let program = real.program(client)?;
    let mut world = World::new();
    // The client's own helpers must be found, but not the other clients.
    let path = real.path.to_string_lossy();
    let body = format!("export PATH='{path}'\nexec '{}' \"$@\"", program.display());
    world.program(client, &body);
    world.env.pins = real.pins;
    world.env.patience = real.patience;
    Some(world)
}

fn told(progress: &Progress<'_>) {
    if !matches!(progress, Progress::Transferred(_)) {
        println!("  {progress:?}");
    }
}

fn check(world: &World, library: &Library) {
    println!("  {library:#?}");
    assert!(library.version.is_some_and(|version| version >= MINIMUM));
    assert_eq!(is_intact(&world.env, library), Some(true));
}

#[test]
fn the_plain_release_installs_with_every_client() {
    if !asked_for("1") {
        return;
    }
    let mut tried = 0;
    for client in ["python3", "uv", "npm"] {
        println!("{client}");
        let Some(world) = world_with(client) else {
            println!("  not on PATH");
            continue;
        };
        tried += 1;
        let library = ensure(&world.env, &Request::default(), &mut |step| told(&step));
        check(&world, &library.expect(client));
    }
    assert!(tried > 0, "none of the clients is on PATH");
}

#[test]
fn the_cuda_variant_installs_complete() {
    if !asked_for("cuda") {
        return;
    }
    let world = ["python3", "uv"].into_iter().find_map(world_with);
    let world = world.expect("a client on PATH");
    devices::card(&world);
    let library = install_cuda(&world.env, &mut |step| told(&step)).expect("the variant");
    check(&world, &library);
    let choice = resolve_device(Device::Cuda(0), &library, &Nvidia::detect(&world.env));
    assert_eq!(choice.expect("complete").device, Resolved::Cuda(0));
}
