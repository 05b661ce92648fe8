//! A Mac whose policy carries a golden image, and the server that has it.

use std::path::PathBuf;
use std::time::Duration;

use meridian::domain::digest::Digest;
use meridian::simulator::{self, State};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::support::image_server::ImageServer;
use super::super::support::{DEADLINE, Reply, Setup, TestEnvironment};

/// How large the image is.
pub(crate) const SIZE: usize = 300_000;

/// What `vms.corporate_only` restricts.
pub(crate) const CORPORATE: [&str; 3] = ["create-vm", "add-vm", "clone-vm"];

pub(crate) struct Stage {
    pub(crate) environment: TestEnvironment,
    pub(crate) server: ImageServer,
    pub(crate) image: String,
    pub(crate) policy: String,
}

impl Stage {
    /// A Mac that has its policy, with a packed image.
    pub(crate) async fn new(settings: Value) -> Self {
        Self::with(settings, "Windows.pvmp", simulator::image(SIZE), |_| {}).await
    }

    /// The same with this image, and changes to what the portal says of its file.
    pub(crate) async fn with(
        settings: Value,
        name: &str,
        bytes: Vec<u8>,
        lie: impl FnOnce(&mut Value),
    ) -> Self {
        let environment = Setup::default().prepare().await;
        let mut file = json!({
            "enabled": true, "size": bytes.len(), "unpacked_size": 3 * bytes.len() + 1000, "sha256": Digest::of(&bytes),
        });
        let server = ImageServer::start(bytes).await;
        file["url"] = format!("{}/{name}", server.origin).into();
        lie(&mut file);
        let body = json!({"name": "Windows 11", "description": "For all", "files": {"arm64": file}});
        let image = make(&environment, "/images", &body).await;
        let body = json!({"name": "Corporate", "settings": settings, "golden_images": [image]});
        let policy = make(&environment, "/policies", &body).await;
        environment.admin.assign(&environment.group, Some(&policy)).await.unwrap();
        let mut stage = Self { environment, server, image, policy };
        stage.environment.start_agent();
        stage.environment.until_enforced().await;
        stage
    }

    /// `meridian install-image` for a user, to its end.
    pub(crate) async fn install(&self, user: &str) -> Reply {
        self.environment.cli(["install-image", "--user", user, "--timeout", "30", "--json"]).await
    }

    /// The folder of a user's virtual machines.
    pub(crate) fn folder(&self, user: &str) -> PathBuf {
        self.environment.root().join("Users").join(user).join("Parallels")
    }

    /// What lies in it.
    pub(crate) fn files(&self, user: &str) -> Vec<String> {
        let entries = self.folder(user).read_dir().into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The names and homes of a user's virtual machines that were not in the demo.
    pub(crate) fn new_vms(&self, user: &str) -> Vec<(String, String)> {
        let demo = State::demo();
        let state = self.environment.mac();
        let vms = state.vms.iter().filter(|(id, vm)| vm.owner == user && !demo.vms.contains_key(*id));
        vms.map(|(_, vm)| (vm.name.clone(), vm.home.clone())).collect()
    }

    /// `meridian images --json`.
    pub(crate) async fn images(&self) -> Value {
        self.environment.cli(["images", "--json"]).await.json()
    }

    /// Waits until the last installation for a user is at this stage.
    pub(crate) async fn until_stage(&self, user: &str, stage: &str) -> Value {
        let status = self
            .environment
            .until(&format!("{stage} for {user}"), |status| {
                status.images.iter().any(|install| install.user == user && install.stage == stage)
            })
            .await;
        let install = status.images.into_iter().find(|install| install.user == user).unwrap();
        serde_json::to_value(install).unwrap()
    }
}

/// Waits for what `meridian images` shows.
pub(crate) async fn until_images(
    environment: &TestEnvironment,
    what: &str,
    fits: impl Fn(&Value) -> bool,
) -> Value {
    let begun = Instant::now();
    loop {
        let view = environment.cli(["images", "--json"]).await.json();
        if fits(&view) {
            return view;
        }
        assert!(begun.elapsed() < DEADLINE, "it did not come true that {what}: {view:#}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The names of the images that are offered to a user.
pub(crate) fn offered(view: &Value, user: &str) -> Vec<String> {
    let images = view["images"].as_array().unwrap().iter();
    let to_user = |image: &&Value| {
        image["users"].as_array().unwrap().iter().any(|it| it["user"] == user && it["offered"] == true)
    };
    images.filter(to_user).map(|image| image["name"].as_str().unwrap().to_owned()).collect()
}

pub(crate) async fn make(environment: &TestEnvironment, path: &str, body: &Value) -> String {
    let made = environment.admin.ask(Method::POST, path, Some(body)).await.unwrap();
    made["id"].as_str().unwrap().to_owned()
}
