use serde_json::{Map, Value, json};

/// Builds the JSON of an image configuration. Fields that were not set are left out, as builders do.
#[derive(Debug, Clone)]
pub struct ConfigBuilder {
    os: String,
    architecture: String,
    variant: Option<String>,
    author: Option<String>,
    run: Map<String, Value>,
}

impl Default for ConfigBuilder {
    fn default() -> Self {
        Self {
            os: "linux".into(),
            architecture: "amd64".into(),
            variant: None,
            author: None,
            run: json!({"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]})
                .as_object()
                .cloned()
                .unwrap_or_default(),
        }
    }
}

impl ConfigBuilder {
    /// A configuration for `linux/amd64` with the usual `PATH` and nothing to run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Operating system and architecture.
    pub fn platform(mut self, os: &str, architecture: &str) -> Self {
        self.os = os.into();
        self.architecture = architecture.into();
        self
    }

    /// Variant of the architecture.
    pub fn variant(mut self, variant: &str) -> Self {
        self.variant = Some(variant.into());
        self
    }

    /// Author, as claimed.
    pub fn author(mut self, author: &str) -> Self {
        self.author = Some(author.into());
        self
    }

    /// Words of the entrypoint.
    pub fn entrypoint(self, words: &[&str]) -> Self {
        self.set("Entrypoint", json!(words))
    }

    /// Words of the command.
    pub fn cmd(self, words: &[&str]) -> Self {
        self.set("Cmd", json!(words))
    }

    /// Adds one variable, in place of one of the same name.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        let mut env = self.run.remove("Env").and_then(|list| list.as_array().cloned()).unwrap_or_default();
        env.retain(|entry| {
            entry.as_str().and_then(|text| text.split_once('=')).is_none_or(|(key, _)| key != name)
        });
        env.push(json!(format!("{name}={value}")));
        self.set("Env", Value::Array(env))
    }

    /// Directory in which the start happens.
    pub fn workdir(self, path: &str) -> Self {
        self.set("WorkingDir", json!(path))
    }

    /// User by name or number.
    pub fn user(self, user: &str) -> Self {
        self.set("User", json!(user))
    }

    /// Adds one label.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        let mut labels =
            self.run.remove("Labels").and_then(|map| map.as_object().cloned()).unwrap_or_default();
        labels.insert(name.into(), json!(value));
        self.set("Labels", Value::Object(labels))
    }

    /// Docker's health check, such as `["CMD-SHELL", "…"]`.
    pub fn healthcheck(self, test: &[&str]) -> Self {
        self.set("Healthcheck", json!({"Test": test}))
    }

    /// Any field of the run configuration by its name in JSON.
    pub fn set(mut self, field: &str, value: Value) -> Self {
        self.run.insert(field.into(), value);
        self
    }

    /// The platform as descriptors of an index write it.
    pub(crate) fn platform_json(&self) -> Value {
        let mut platform = json!({"os": self.os, "architecture": self.architecture});
        if let Some(variant) = &self.variant {
            platform["variant"] = json!(variant);
        }
        platform
    }

    pub(crate) fn json(&self, diff_ids: &[String], history: &[Value]) -> Value {
        let mut config = self.platform_json();
        config["created"] = json!("1970-01-01T00:00:00Z");
        if let Some(author) = &self.author {
            config["author"] = json!(author);
        }
        config["config"] = Value::Object(self.run.clone());
        config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
        config["history"] = json!(history);
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_the_model_reads() {
        let json = ConfigBuilder::new()
            .platform("linux", "arm")
            .variant("v7")
            .entrypoint(&["/start", "-x"])
            .cmd(&["now"])
            .env("A", "1")
            .env("A", "2")
            .workdir("/srv")
            .user("1000:1000")
            .label("a", "b")
            .healthcheck(&["NONE"])
            .json(&[], &[json!({"created_by": "RUN x"})]);
        let config: model::ImageConfig = serde_json::from_slice(json.to_string().as_bytes()).unwrap();
        assert_eq!(config.variant.as_deref(), Some("v7"));
        assert_eq!(config.config.entrypoint, ["/start", "-x"]);
        assert_eq!(config.config.cmd, ["now"]);
        assert_eq!(config.config.env.last().map(String::as_str), Some("A=2"));
        assert_eq!(config.config.env.len(), 2);
        assert_eq!((config.config.working_dir.as_str(), config.config.user.as_str()), ("/srv", "1000:1000"));
        assert_eq!(config.config.labels["a"], "b");
        assert_eq!(config.config.healthcheck.test, ["NONE"]);
        assert_eq!(config.layer_instructions(), ["RUN x"]);
    }
}
