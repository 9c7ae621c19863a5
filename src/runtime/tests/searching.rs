//! The order of places, and what is refused.

use std::{fs, os::unix::fs::symlink};

use super::{
    super::{Device, Error, Origin, Request, ensure, search},
    World, elf_file, good, library, quiet, version,
};

/// Puts a library into every place that is looked at. Returns the request that names two of them.
fn everywhere(world: &mut World) -> Request {
    let place = |at: &str, text| world.write(at, &library(Some(text), &[]));
    let ort_lib = place("flag/libonnxruntime.so", "1.22.0");
    let variable = place("variable/libonnxruntime.so", "1.23.0");
    let settings = place("settings/libonnxruntime.so", "1.24.0");
    place(
        "home/.local/share/pentimento/runtime/cpu-1.25.0/libonnxruntime.so.1.25.0",
        "1.25.0",
    );
    place("loader/libonnxruntime.so.1", "1.26.0");
    place("root/usr/lib/libonnxruntime.so.1", "1.27.0");
    world.env.ort_dylib_path = Some(variable);
    world.env.ld_library_path = world.path("loader").into();
    Request {
        ort_lib: Some(ort_lib),
        settings: Some(settings),
        device: Device::Auto,
    }
}

#[test]
fn the_first_place_that_has_a_library_wins() {
    let mut world = World::new();
    let mut request = everywhere(&mut world);
    let found = |world: &World, request: &Request| {
        let library = search(&world.env, request)
            .expect("a search")
            .library
            .expect("a library");
        (
            library.origin,
            library.version.expect("a version").to_string(),
        )
    };
    assert_eq!(
        found(&world, &request),
        (Origin::OrtLib, "1.22.0".to_owned())
    );
    request.ort_lib = None;
    assert_eq!(
        found(&world, &request),
        (Origin::Variable, "1.23.0".to_owned())
    );
    world.env.ort_dylib_path = None;
    assert_eq!(
        found(&world, &request),
        (Origin::Settings, "1.24.0".to_owned())
    );
    request.settings = None;
    assert_eq!(
        found(&world, &request),
        (Origin::Installed, "1.25.0".to_owned())
    );
    fs::remove_dir_all(world.installed("")).expect("removed");
    assert_eq!(
        found(&world, &request),
        (Origin::System, "1.26.0".to_owned())
    );
    fs::remove_dir_all(world.path("loader")).expect("removed");
    assert_eq!(
        found(&world, &request),
        (Origin::System, "1.27.0".to_owned())
    );
    fs::remove_dir_all(world.path("root/usr")).expect("removed");
    assert_eq!(
        search(&world.env, &request).expect("a search").library,
        None
    );
}

#[test]
fn a_named_library_is_used_or_refused_but_never_passed_over() {
    let mut world = World::new();
    world.write("root/usr/lib/libonnxruntime.so.1.32.0", &good());
    let foreign = elf_file(8, Some("1.32.0"), &[]);
    let cases: [(&str, Option<&[u8]>, &str); 4] = [
        ("absent", None, "cannot read"),
        ("text", Some(b"not a library"), "is not a shared library"),
        (
            "old",
            Some(&library(Some("1.21.1"), &[])),
            "is ONNX Runtime 1.21.1: 1.22.0 or newer",
        ),
        ("foreign", Some(&foreign), "another processor"),
    ];
    for (name, bytes, expected) in cases {
        let path = world.path(&format!("{name}.so"));
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).expect("written");
        }
        for origin in [Origin::OrtLib, Origin::Variable, Origin::Settings] {
            let mut request = Request::default();
            world.env.ort_dylib_path = None;
            match origin {
                Origin::OrtLib => request.ort_lib = Some(path.clone()),
                Origin::Variable => world.env.ort_dylib_path = Some(path.clone()),
                Origin::Settings | Origin::Installed | Origin::System => {
                    request.settings = Some(path.clone());
                }
            }
            let error = ensure(&world.env, &request, &mut quiet)
                .expect_err(name)
                .to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains(&path.display().to_string()), "{error}");
            assert!(error.contains(&origin.to_string()), "{error}");
        }
    }
}

#[test]
fn a_named_library_that_does_not_tell_its_version_is_taken() {
    let world = World::new();
    let path = world.write("build/libonnxruntime.so", &library(None, &[]));
    let request = Request {
        ort_lib: Some(path.clone()),
        ..Request::default()
    };
    let library = ensure(&world.env, &request, &mut quiet).expect("a library");
    assert_eq!((library.path, library.version), (path, None));
}

#[test]
fn the_version_inside_counts_more_than_the_name_and_links_are_followed() {
    let world = World::new();
    world.write(
        "root/usr/lib64/libonnxruntime.so.1.32.0",
        &library(Some("1.20.0"), &[]),
    );
    let real = world.write("store/libonnxruntime.so.1.23.2", &library(None, &[]));
    fs::create_dir_all(world.path("root/usr/lib")).expect("folders");
    symlink(&real, world.path("root/usr/lib/libonnxruntime.so.1")).expect("a link");
    let search = search(&world.env, &Request::default()).expect("a search");
    let library = search.library.expect("a library");
    assert_eq!(library.version, Some(version("1.23.2")));
    assert_eq!(library.path, world.path("root/usr/lib/libonnxruntime.so.1"));
    let old = search
        .looked
        .iter()
        .find(|looked| looked.path.ends_with("libonnxruntime.so.1.32.0"));
    assert_eq!(
        old.expect("looked at").finding,
        "version 1.20.0 is older than 1.22.0"
    );
}

#[test]
fn the_newest_of_several_installations_is_used() {
    let world = World::new();
    for text in ["1.9.0", "1.22.0", "1.100.0", "1.30.0"] {
        let file = format!("home/.local/share/pentimento/runtime/cpu-{text}/libonnxruntime.so");
        world.write(&file, &library(Some(text), &[]));
    }
    let library = search(&world.env, &Request::default())
        .expect("a search")
        .library;
    assert_eq!(
        library.expect("a library").version,
        Some(version("1.100.0"))
    );
}

#[test]
fn the_loader_configuration_is_read_with_its_includes() {
    let world = World::new();
    world.write(
        "root/etc/ld.so.conf",
        b"include /etc/ld.so.conf.d/*.conf\n# /nowhere\n",
    );
    world.write("root/etc/ld.so.conf.d/ort.conf", b"/opt/ort/lib # ours\n");
    world.write(
        "root/etc/ld.so.conf.d/loop.conf",
        b"include /etc/ld.so.conf.d/loop.conf\n",
    );
    let path = world.write("root/opt/ort/lib/libonnxruntime.so.1", &good());
    let library = search(&world.env, &Request::default())
        .expect("a search")
        .library;
    assert_eq!(library.expect("a library").path, path);
}

#[test]
fn cut_and_foreign_libraries_on_the_system_are_passed_over_with_a_reason() {
    let world = World::new();
    let whole = good();
    world.write(
        "root/usr/lib/libonnxruntime.so.1.32.0",
        &whole[..whole.len() - 5],
    );
    world.write(
        "root/usr/lib/libonnxruntime.so.1.31.0",
        &elf_file(8, Some("1.31.0"), &[]),
    );
    world.write("root/usr/lib/libonnxruntime.so", b"");
    let search = search(&world.env, &Request::default()).expect("a search");
    assert_eq!(search.library, None);
    let findings: Vec<&str> = search
        .looked
        .iter()
        .map(|looked| &*looked.finding)
        .collect();
    assert_eq!(
        findings,
        [
            "not a shared library",
            "built for another processor",
            "not a shared library"
        ]
    );
}

#[test]
fn a_relative_data_home_is_ignored_and_without_a_home_it_is_said() {
    let mut world = World::new();
    world.env.xdg_data_home = Some("relative".into());
    assert!(
        world
            .env
            .runtime_folder()
            .expect("a folder")
            .starts_with(world.path("home"))
    );
    world.env.xdg_data_home = Some(world.path("data"));
    assert!(
        world
            .env
            .runtime_folder()
            .expect("a folder")
            .starts_with(world.path("data"))
    );
    (world.env.xdg_data_home, world.env.home) = (None, None);
    let error = ensure(&world.env, &Request::default(), &mut quiet).expect_err("no folder");
    assert!(matches!(error, Error::NoDataFolder), "{error:?}");
}
