use std::fs;
use std::path::Path;

use yaml_rust2::{Yaml, YamlLoader};

use super::image::Image;
use super::{Environment, at_home, is_there, serve, text};
use crate::server::{Postgres, access_token};

const FILES: [&str; 2] = ["docker-compose.yml", "compose.dev.yml"];

fn read(file: &str) -> Yaml {
    YamlLoader::load_from_str(&text(file)).unwrap().remove(0)
}

fn texts(list: &Yaml) -> impl Iterator<Item = &str> {
    list.as_vec().into_iter().flatten().filter_map(Yaml::as_str)
}

fn names(map: &Yaml) -> impl Iterator<Item = &str> {
    map.as_hash().into_iter().flatten().filter_map(|(name, _)| name.as_str())
}

/// What a service of the compose file is started with: the image's environment, and its own over it.
fn environment(image: &Image, service: &Yaml) -> Environment {
    let mut environment = image.environment.clone();
    for (name, value) in service["environment"].as_hash().unwrap() {
        environment.insert(name.as_str().unwrap().into(), value.as_str().unwrap().into());
    }
    environment
}

#[test]
fn a_first_try_lets_everybody_in_and_only_this_machine_reaches_it() {
    let (folder, image, compose) =
        (tempfile::tempdir().unwrap(), Image::read(), read("compose.dev.yml"));
    let service = &compose["services"]["api"];
    assert!(texts(&service["ports"]).all(|port| port.starts_with("127.0.0.1:")));
    let environment = at_home(environment(&image, service), folder.path());
    let server = serve(&image.arguments, &environment, folder.path());
    access_token(&server, "Alice");
    assert!(image.is_healthy(&environment, &server, folder.path()).0);
    server.stop();
}

#[test]
fn a_replica_of_several_serves_with_its_secrets_on_postgres() {
    let (folder, image, compose) =
        (tempfile::tempdir().unwrap(), Image::read(), read("docker-compose.yml"));
    let postgres = Postgres::database();
    let service = &compose["services"]["api-1"];
    let secrets = [
        ("resi.toml", format!("database_url = \"{}\"\n", postgres.url)),
        ("rotation_key", "ab".repeat(32)),
        ("jwt_keys", format!("k:{}", "cd".repeat(32))),
    ];
    assert!(texts(&service["secrets"]).eq(secrets.iter().map(|(name, _)| *name)));
    for (name, secret) in &secrets {
        fs::write(folder.path().join(name), secret).unwrap();
    }
    let mut environment = at_home(environment(&image, service), folder.path());
    for value in environment.values_mut() {
        *value = on_the_host(value, service, folder.path());
    }
    environment.insert("RESI_METRICS_ADDR".into(), "127.0.0.1:0".into());
    let server = serve(&image.arguments, &environment, folder.path());
    assert_eq!(server.get_json("/health")["registry"]["kind"], "file");
    assert!(server.metrics().1.contains("resi_epoch_index"));
    assert!(image.is_healthy(&environment, &server, folder.path()).0);
    server.stop();
}

/// A value with the paths of a container as those of this machine: secrets are in `folder`, the rest is in the repository.
fn on_the_host(value: &str, service: &Yaml, folder: &Path) -> String {
    let secrets = format!("{}/", folder.display());
    let mut value = value.replace("/run/secrets/", &secrets);
    for volume in texts(&service["volumes"]) {
        let mut parts = volume.split(':');
        let (source, target) = (parts.next().unwrap(), parts.next().unwrap());
        value = value.replace(target, &super::repository(source).display().to_string());
    }
    value
}

#[test]
fn every_file_that_is_named_is_there() {
    for file in FILES {
        let compose = read(file);
        for (name, service) in compose["services"].as_hash().unwrap() {
            let named_by = format!("{} of {file}", name.as_str().unwrap());
            if let Some(folder) = service["build"].as_str() {
                is_there(&format!("{folder}/Dockerfile"), &named_by);
            }
            for volume in texts(&service["volumes"]) {
                let source = volume.split(':').next().unwrap();
                if source.starts_with('.') {
                    assert!(volume.ends_with(":ro"), "{named_by} may write {source}");
                    is_there(source, &named_by);
                } else {
                    assert!(names(&compose["volumes"]).any(|volume| volume == source), "{volume}");
                }
            }
            for secret in texts(&service["secrets"]) {
                assert!(names(&compose["secrets"]).any(|name| name == secret), "{secret}");
            }
        }
    }
}

#[test]
fn who_may_read_each_secret_is_written_down() {
    let (compose, operations) = (read("docker-compose.yml"), text("docs/operations.md"));
    let services = compose["services"].as_hash().unwrap();
    for (name, secret) in compose["secrets"].as_hash().unwrap() {
        let name = name.as_str().unwrap();
        let file = secret["file"].as_str().unwrap().strip_prefix("./secrets/").unwrap();
        let row = operations
            .lines()
            .find(|line| line.starts_with(&format!("| {file} |")))
            .unwrap_or_else(|| panic!("docs/operations.md does not say what is in {file}"));
        let users =
            services.values().filter(|service| texts(&service["secrets"]).any(|used| used == name));
        // Compose leaves owner and mode as they are on the host.
        for service in users {
            let owner = service["user"].as_str().map_or("", |user| user.split(':').next().unwrap());
            assert!(row.contains(&format!("| {owner}")), "{owner} reads {file}: {row}");
        }
    }
}

#[test]
fn what_is_mounted_names_only_what_is_mounted() {
    let compose = read("docker-compose.yml");
    let nginx = text("deploy/nginx.conf");
    let named: Vec<_> = nginx
        .split(|letter: char| letter.is_whitespace() || letter == ';')
        .filter_map(|word| word.strip_prefix("/run/secrets/"))
        .collect();
    assert!(!named.is_empty());
    for secret in named {
        assert!(
            texts(&compose["services"]["nginx"]["secrets"]).any(|one| one == secret),
            "{secret}"
        );
    }
    let services: Vec<_> = names(&compose["services"]).collect();
    for server in nginx.lines().filter_map(|line| line.trim().strip_prefix("server api")) {
        let name = format!("api{}", server.split(':').next().unwrap());
        assert!(services.contains(&&*name), "{name}");
    }

    let prometheus = YamlLoader::load_from_str(&text("deploy/prometheus.yml")).unwrap().remove(0);
    for rules in texts(&prometheus["rule_files"]) {
        is_there(&format!("deploy/{rules}"), "deploy/prometheus.yml");
        let target = format!(":/etc/prometheus/{rules}:ro");
        let mut volumes = texts(&compose["services"]["prometheus"]["volumes"]);
        assert!(volumes.any(|volume| volume.ends_with(&target)), "{target}");
    }
}
