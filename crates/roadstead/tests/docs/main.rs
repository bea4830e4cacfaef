//! What the documentation says is done: every page of `docs`, and the README, is gone through as a reader would go
//! through it. A block of commands is run, or says in a comment before it why it cannot be run here and is then held
//! against the program's own options; a document is read by whoever reads it in earnest. A block that says nothing fails.
//!
//! | comment before the block | what is done |
//! |---|---|
//! | `<!-- run -->` | the commands are run, and have to leave with 0 |
//! | `<!-- run: exit 3 -->` | the same, with another exit code |
//! | `<!-- run: in the background until "TEXT" -->` | they go on while the page does, once they have said TEXT |
//! | `<!-- not run: REASON -->` | each command of the program has to have its subcommand and options |
//! | `<!-- printed -->` | the lines were printed by what was run before; `…` stands for anything |
//! | `<!-- file: NAME -->` | the document is written where later blocks find it; its name tells who reads it |

#[cfg(test)]
mod blocks;
#[cfg(test)]
mod chart;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod session;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod yaml;

#[cfg(test)]
mod tests {
    use crate::blocks::{Block, Marker, blocks, pages};
    use crate::session::Session;
    use crate::{commands, formats, shell};
    use std::path::Path;
    use test_support::peer;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
    }

    /// What is wrong with a page; the first block that cannot be followed ends it.
    fn follow(page: &str, text: &str) -> Vec<String> {
        let blocks = blocks(page, text);
        let mut wrong: Vec<String> = blocks.iter().filter_map(|block| declared(block).err()).collect();
        let session = Session::new();
        for block in &blocks {
            let checked = if block.is_commands() { possible(block) } else { formats::check(block, &session) };
            wrong.extend(checked.err().map(|why| format!("{}: {why}", block.place())));
        }
        let can_be_run = wrong.is_empty()
            && blocks.iter().all(has_programs)
            && (can_run_images() || !runs_images(&blocks));
        if !can_be_run {
            return wrong;
        }
        let mut session = Session::new();
        for block in &blocks {
            if let Err(why) = session.follow(block) {
                wrong.push(format!("{}: {why}", block.place()));
                break;
            }
        }
        wrong
    }

    /// A block of commands says what is done with it.
    fn declared(block: &Block) -> Result<(), String> {
        match &block.marker {
            Marker::Unknown(words) => Err(format!("{}: nobody knows the marker {words:?}", block.place())),
            Marker::Run { .. } | Marker::Background { .. } | Marker::NotRun { .. } if block.is_commands() => {
                Ok(())
            }
            _ if block.is_commands() => {
                Err(format!("{}: commands without <!-- run --> or <!-- not run: REASON -->", block.place()))
            }
            _ => Ok(()),
        }
    }

    fn possible(block: &Block) -> Result<(), String> {
        shell::commands(&block.text).iter().try_for_each(|command| commands::is_possible(command))
    }

    /// Whether the programs of others that a block runs are installed; under CI they have to be.
    fn has_programs(block: &Block) -> bool {
        let runs = matches!(block.marker, Marker::Run { .. } | Marker::Background { .. });
        let others = ["skopeo", "curl", "jq", "docker-registry", "cosign", "openssl", "podman"];
        let needed = shell::commands(&block.text).into_iter().filter_map(|words| words.into_iter().next());
        let needed: Vec<String> = needed.collect();
        !runs
            || needed
                .into_iter()
                .filter(|name| others.contains(&name.as_str()))
                .all(|name| peer(&name).is_some())
    }

    /// Whether a page has images run: such a page asks the doctor first.
    fn runs_images(blocks: &[Block]) -> bool {
        let run = blocks.iter().filter(|block| matches!(block.marker, Marker::Run { .. }));
        run.flat_map(|block| shell::commands(&block.text)).any(|words| words == ["roadstead", "doctor"])
    }

    fn can_run_images() -> bool {
        let doctor =
            std::process::Command::new(env!("CARGO_BIN_EXE_roadstead")).arg("doctor").output().unwrap();
        if !doctor.status.success() {
            assert!(std::env::var_os("CI").is_none(), "CI runs images, and this machine cannot: {doctor:?}");
            eprintln!("SKIPPED: this machine cannot run images, so pages that do were not gone through");
        }
        doctor.status.success()
    }

    #[test]
    fn every_command_of_the_documentation_does_what_its_page_says() {
        let root = root();
        let found = pages(root);
        assert!(found.len() > 10, "{found:?}");
        let wrong: Vec<String> = found
            .iter()
            .flat_map(|path| {
                let page = path.strip_prefix(root).unwrap_or(path).display().to_string();
                follow(&page, &std::fs::read_to_string(path).unwrap())
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }

    #[test]
    fn a_page_with_a_mistake_is_found() {
        fn check(text: &str, expect: &str) {
            let wrong = follow("a.md", text);
            assert!(wrong.iter().any(|why| why.contains(expect)), "{text} is {wrong:?}");
        }
        check("```\nroadstead doctor\n```\n", "a.md:1: commands without");
        check("<!-- not run: needs an image -->\n```\nroadstead scan --frmat x y\n```\n", "--frmat");
        check("<!-- run: never -->\n```\ntrue\n```\n", "nobody knows");
        check("<!-- run -->\n```\nroadstead scan dir:gone\n```\n", "leaves with");
        check("```toml\na = \n```\n", "no TOML");
        check("<!-- file: gate.toml -->\n```toml\nlisen = \"x\"\n```\n", "lisen");
        check("```json\n{\n```\n", "a.md:1");
        check("```yaml\na:\n  script: [roadstead scna x]\n```\n", "scna");
        check(
            "```toml\nschema = \"roadstead.policy/v1\"\n[[rule]]\nname = \"a\"\nwhen = \"verdcit\"\neffect = \"deny\"\nreason = \"a reason\"\n```\n",
            "verdcit",
        );
        check("```cobol\nMOVE\n```\n", "nobody reads");
    }
}
