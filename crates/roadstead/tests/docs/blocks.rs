//! Pages of the documentation as the blocks of code that stand in them, each with what its marker says.

use std::path::{Path, PathBuf};

/// A fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The page, from the root of the checkout.
    pub(crate) page: String,
    /// The line of its fence, the first is 1.
    pub(crate) line: usize,
    /// The word after the fence; empty where there is none, which means commands.
    pub(crate) language: String,
    pub(crate) marker: Marker,
    pub(crate) text: String,
}

/// What the comment before a block says: `<!-- run -->` and its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Marker {
    /// There is none.
    None,
    /// The commands are run, and the last one leaves with this code.
    Run { code: i32 },
    /// The commands are started and go on while the page does, once they have said this.
    Background { until: String },
    /// They cannot be run here, for this reason.
    NotRun { why: String },
    /// What the block before printed; `…` stands for anything.
    Printed,
    /// A file of this name, which later blocks of the page use.
    File { name: String },
    /// Something that no reader of this test knows.
    Unknown(String),
}

impl Block {
    pub(crate) fn is_commands(&self) -> bool {
        ["", "sh", "bash", "shell", "console"].contains(&self.language.as_str())
    }

    /// Where it stands, for messages.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// The README and every page below `docs` that a person wrote.
pub(crate) fn pages(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs"), root.join("packaging")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    // What is generated says what the program says, and has its own test.
    found.retain(|path| !path.starts_with(root.join("docs/reference")));
    found.sort();
    found
}

/// The blocks of a page, in their order.
pub(crate) fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut marker = Marker::None;
    let mut open: Option<(Block, usize)> = None;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some((block, before)) = &mut open {
            if trimmed.trim_end() == "```" {
                found.extend(open.take().map(|(block, _)| block));
            } else {
                let rest = line.get(indent.min(*before)..).unwrap_or_default();
                block.text.push_str(rest);
                block.text.push('\n');
            }
            continue;
        }
        if let Some(language) = trimmed.strip_prefix("```") {
            let block = Block {
                page: page.to_owned(),
                line: at + 1,
                language: language.trim().to_owned(),
                marker: std::mem::replace(&mut marker, Marker::None),
                text: String::new(),
            };
            open = Some((block, indent));
        } else if let Some(words) =
            trimmed.strip_prefix("<!--").and_then(|rest| rest.trim_end().strip_suffix("-->"))
        {
            marker = Marker::parse(words.trim());
        } else if !trimmed.is_empty() {
            marker = Marker::None;
        }
    }
    assert!(open.is_none(), "{page}: a block is not closed");
    found
}

impl Marker {
    fn parse(words: &str) -> Self {
        let (name, rest) = words.split_once(':').map_or((words, ""), |(name, rest)| (name, rest.trim()));
        match (name, rest) {
            ("run", "") => Self::Run { code: 0 },
            ("run", rest) => {
                let code = rest.strip_prefix("exit ").and_then(|code| code.parse().ok());
                let until = rest.strip_prefix("in the background until ");
                match (code, until) {
                    (Some(code), _) => Self::Run { code },
                    (None, Some(until)) => Self::Background { until: until.trim_matches('"').to_owned() },
                    (None, None) => Self::Unknown(words.to_owned()),
                }
            }
            ("not run", why) if why.len() > 5 => Self::NotRun { why: why.to_owned() },
            ("printed", "") => Self::Printed,
            ("file", name) if !name.is_empty() => Self::File { name: name.to_owned() },
            // Between these stands what `cargo xtask reference` writes.
            ("demo", _) => Self::None,
            _ => Self::Unknown(words.to_owned()),
        }
    }
}

#[test]
fn markers_and_blocks_are_read() {
    let text = "# A\n\n<!-- run -->\n```\necho a\n```\n\n1. In a list:\n\n   <!-- not run: needs a cluster -->\n   ```sh\n   a \\\n     b\n   ```\n\
                text\n```toml\nx = 1\n```\n<!-- run: exit 3 -->\n\n```\nfalse\n```\n<!-- run: soon -->\n```\nb\n```\n";
    let found = blocks("a.md", text);
    let seen: Vec<_> = found.iter().map(|block| (block.line, &block.marker, block.text.as_str())).collect();
    let needs = Marker::NotRun { why: "needs a cluster".to_owned() };
    let unknown = Marker::Unknown("run: soon".to_owned());
    assert_eq!(
        seen,
        [
            (4, &Marker::Run { code: 0 }, "echo a\n"),
            (11, &needs, "a \\\n  b\n"),
            (16, &Marker::None, "x = 1\n"),
            (21, &Marker::Run { code: 3 }, "false\n"),
            (25, &unknown, "b\n"),
        ]
    );
    assert_eq!(
        Marker::parse("not run: x"),
        Marker::Unknown("not run: x".to_owned()),
        "a reason is a sentence"
    );
    let until = Marker::Background { until: "Verify:".to_owned() };
    assert_eq!(Marker::parse("run: in the background until \"Verify:\""), until);
}
