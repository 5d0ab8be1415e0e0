use std::path::Path;

use super::{is_there, repository, text};

const MANIFESTS: [&str; 2] = ["Cargo.toml", "crates/validator/Cargo.toml"];

fn deb(manifest: &str) -> toml::Table {
    let manifest: toml::Table = text(manifest).parse().unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

/// The files of a package: where from, where to, mode.
fn assets(deb: &toml::Table) -> Vec<[String; 3]> {
    let assets = deb["assets"].as_array().unwrap().iter();
    let text = |asset: &toml::Value, at: usize| asset[at].as_str().unwrap().to_owned();
    assets.map(|asset| [0, 1, 2].map(|at| text(asset, at))).collect()
}

#[test]
fn every_file_of_the_packages_is_there_or_made_by_the_script() {
    let script = text("scripts/build-deb.sh");
    for manifest in MANIFESTS {
        let folder = Path::new(manifest).parent().unwrap();
        for [source, target, mode] in assets(&deb(manifest)) {
            assert!(
                !target.starts_with('/') && ["644", "640", "755"].contains(&&*mode),
                "{target}"
            );
            assert_eq!(mode == "755", target.starts_with("usr/bin"), "{target} is {mode}");
            // What is built is named from the root of the workspace.
            if source.starts_with("target/release/") {
                continue;
            }
            if let Some((_, made)) = source.split_once("target/deb/") {
                let (_, name) = made.rsplit_once('/').unwrap_or(("", made));
                assert!(script.contains(name.trim_end_matches('*')), "{source}");
                continue;
            }
            match source.rsplit_once("/*") {
                Some((inside, ending)) => {
                    let files = repository("").join(folder).join(inside).read_dir().unwrap();
                    let mut names =
                        files.map(|file| file.unwrap().file_name().into_string().unwrap());
                    assert!(names.any(|name| name.ends_with(ending)), "{manifest} names {source}");
                }
                None => is_there(folder.join(&source).to_str().unwrap(), manifest),
            }
        }
    }
}

#[test]
fn the_unit_and_the_package_name_the_same_files() {
    let deb = deb("Cargo.toml");
    let targets: Vec<_> = assets(&deb).into_iter().map(|[_, target, _]| target).collect();
    let unit = text("deploy/resi-data-api.service");
    let conf = deb["conf-files"].as_array().unwrap()[0].as_str().unwrap();
    assert_eq!(conf, "/etc/resi/resi.toml");
    assert!(unit.contains(&format!("\nEnvironment=RESI_CONFIG={conf}\n")));
    assert!(targets.iter().any(|target| target == "etc/resi/"));
    let scripts = deb["maintainer-scripts"].as_str().unwrap();
    let postinst = text(&format!("{scripts}/postinst"));
    // Where the user is made, and what was upgraded is started again.
    let (_, rest) = postinst.split_once("\n#DEBHELPER#\n").unwrap();
    assert!(rest.contains(&format!("chown root:resi /etc/resi {conf}")), "{postinst}");
    let units = deb["systemd-units"]["unit-scripts"].as_str().unwrap();
    for unit in ["resi-data-api.service", "resi-data-api.sysusers"] {
        is_there(&format!("{units}/{unit}"), "Cargo.toml");
    }
}
