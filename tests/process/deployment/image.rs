use std::path::Path;

use super::{Environment, at_home, command, is_there, serve, text};
use crate::server::Server;

/// The last stage of the Dockerfile: what a container is started with.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) environment: Environment,
    /// The command, without the binary.
    pub(super) arguments: Vec<String>,
    /// The command that says whether a container is healthy, likewise.
    healthy: Vec<String>,
    files: Vec<String>,
}

impl Image {
    pub(super) fn read() -> Self {
        let text = text("Dockerfile").replace("\\\n", " ");
        let (_, stage) = text.rsplit_once("\nFROM ").unwrap();
        let lines = |name: &'static str| {
            stage.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '))
        };
        let environment = lines("ENV").flat_map(str::split_whitespace).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        let only = |name| lines(name).next().unwrap_or_else(|| panic!("no {name} in {stage}"));
        let files: Vec<_> = lines("COPY")
            .map(|line| line.split_whitespace().next_back().unwrap().to_owned())
            .collect();
        let arguments = |list: &str| -> Vec<String> {
            let mut words: Vec<String> = serde_json::from_str(list).unwrap();
            let binary = words.remove(0);
            assert!(files.contains(&binary), "{binary} is none of {files:?}");
            words
        };
        let mut command = arguments(only("ENTRYPOINT"));
        command.extend(serde_json::from_str::<Vec<String>>(only("CMD")).unwrap());
        let (_, healthy) = only("HEALTHCHECK").split_once("CMD ").unwrap();
        Self {
            environment: environment.collect(),
            arguments: command,
            healthy: arguments(healthy),
            files,
        }
    }

    /// Whether a container that serves as `server` does would be called healthy, and what is said.
    pub(super) fn is_healthy(
        &self,
        environment: &Environment,
        server: &Server,
        folder: &Path,
    ) -> (bool, String) {
        let mut environment = environment.clone();
        environment.insert("RESI_PORT".into(), server.port());
        let output = command(&self.healthy, &environment, folder).output().unwrap();
        let words = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(words).unwrap())
    }
}

#[test]
fn a_bare_container_serves_those_whom_the_chain_lets_in() {
    let (folder, image) = (tempfile::tempdir().unwrap(), Image::read());
    let environment = at_home(image.environment.clone(), folder.path());
    let server = serve(&image.arguments, &environment, folder.path());
    assert_eq!(server.get_json("/health")["registry"]["kind"], "chain");
    assert_eq!(image.is_healthy(&environment, &server, folder.path()), (true, "ready\n".into()));
    server.stop();
}

#[test]
fn its_data_is_in_a_volume_that_it_may_write() {
    let (image, dockerfile) = (Image::read(), text("Dockerfile"));
    let data = &image.environment["RESI_DATA_DIR"];
    assert!(image.files.contains(data), "{data} is not made with its owner");
    assert!(dockerfile.contains(&format!("\nVOLUME {data}\n")), "{data} is no volume");
    assert!(dockerfile.contains("--chown=nonroot:nonroot /empty"));
    is_there(".dockerignore", "a build that is not to send secrets and target/");
}
