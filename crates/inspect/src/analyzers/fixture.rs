//! Images for tests, built without archives: tables and facts as the engine would have made them.

use crate::{
    Fact, FactSink, FileView, ImageAnalyzer, ImageView, LayerFacts, LayerView, Outcome, Signs, Transport,
    Want,
};
use feeds::Indicators;
use layers::{Anomaly, AnomalyKind, ContentHashes, Entry, Kind, Place, Tree, normalize_path};
use md5::Md5;
use model::{Digest, Gap, ImageConfig, ImageRef, Platform};
use packages::Ownership;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

pub(crate) struct Fixture {
    pub(crate) indicators: Indicators,
    pub(crate) digests: Vec<Digest>,
    pub(crate) name: Option<ImageRef>,
    pub(crate) platform: Platform,
    pub(crate) config: ImageConfig,
    layers: Vec<LayerFacts>,
}

pub(crate) fn hashes_of(bytes: &[u8]) -> ContentHashes {
    ContentHashes {
        md5: Some(Md5::digest(bytes).into()),
        sha1: Some(Sha1::digest(bytes).into()),
        sha256: Sha256::digest(bytes).into(),
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self {
            indicators: Indicators::default(),
            digests: Vec::new(),
            name: None,
            platform: "linux/amd64".parse().unwrap(),
            config: ImageConfig::default(),
            layers: vec![LayerFacts::default()],
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        Self { name: Some(name.parse().unwrap()), ..Self::new() }
    }

    /// Starts the next layer.
    pub(crate) fn layer(&mut self) -> &mut Self {
        self.layers.push(LayerFacts::default());
        self
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> &mut Self {
        self.sized_file(path, mode, bytes, bytes.len() as u64)
    }

    /// A file that declares another size than the bytes given, for what only looks at the size.
    pub(crate) fn sized_file(&mut self, path: &str, mode: u32, bytes: &[u8], size: u64) -> &mut Self {
        let entry = self.entry(path, Kind::File, "");
        self.push(Entry { mode, size, ..entry }, Some(bytes))
    }

    /// A program with this `security.capability`.
    pub(crate) fn capable_file(&mut self, path: &str, bytes: &[u8], capability: &[u8]) -> &mut Self {
        let entry = self.entry(path, Kind::File, "");
        let xattrs = vec![(b"security.capability".to_vec(), capability.to_vec())];
        self.push(Entry { mode: 0o755, size: bytes.len() as u64, xattrs, ..entry }, Some(bytes))
    }

    pub(crate) fn symlink(&mut self, path: &str, target: &str) -> &mut Self {
        let entry = self.entry(path, Kind::Symlink, target);
        self.push(entry, None)
    }

    pub(crate) fn hardlink(&mut self, path: &str, target: &str) -> &mut Self {
        let entry = self.entry(path, Kind::Hardlink, target);
        self.push(entry, None)
    }

    pub(crate) fn anomaly(&mut self, kind: AnomalyKind, path: &str, offset: u64) -> &mut Self {
        let anomaly = Anomaly { kind, offset, path: path.into(), detail: "as the test says".to_owned() };
        self.layers.last_mut().unwrap().anomalies.push(anomaly);
        self
    }

    /// What a layer unpacks to.
    pub(crate) fn unpacks_to(&mut self, layer: usize, diff_id: Digest) -> &mut Self {
        self.layers[layer].transport =
            Some(Transport { digest: diff_id, size: 0, diff_id, compression: layers::Compression::Plain });
        self
    }

    /// Something of the current layer was not read.
    pub(crate) fn gap(&mut self) -> &mut Self {
        self.layers.last_mut().unwrap().gaps.push(Gap::new("", "as the test says"));
        self
    }

    pub(crate) fn start(&mut self, entrypoint: &[&str], cmd: &[&str]) -> &mut Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        self.config.config.entrypoint = words(entrypoint);
        self.config.config.cmd = words(cmd);
        self
    }

    pub(crate) fn env(&mut self, variable: &str) -> &mut Self {
        self.config.config.env.push(variable.to_owned());
        self
    }

    /// A dpkg database that gives these paths, with the MD5 of these contents, to one package.
    pub(crate) fn package(&mut self, name: &str, files: &[(&str, &[u8])]) -> &mut Self {
        let md5 =
            |bytes: &[u8]| Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let list: String = files.iter().map(|(path, _)| format!("/{path}\n")).collect();
        let sums: String = files.iter().map(|(path, bytes)| format!("{}  {path}\n", md5(bytes))).collect();
        let status =
            format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n");
        self.file(&format!("var/lib/dpkg/info/{name}.list"), 0o644, list.as_bytes());
        self.file(&format!("var/lib/dpkg/info/{name}.md5sums"), 0o644, sums.as_bytes());
        self.file("var/lib/dpkg/status", 0o644, status.as_bytes())
    }

    /// What one analyzer says of the image. `start` runs before it, as it does in the product.
    pub(crate) fn run(&self, analyzer: &dyn ImageAnalyzer) -> Outcome {
        self.view(|image| {
            let mut out = Outcome::default();
            super::start::Start.analyze(image, &mut out);
            if analyzer.name() != super::start::Start.name() {
                out = Outcome { chain: out.chain, ..Outcome::default() };
                analyzer.analyze(image, &mut out);
            }
            let declared = analyzer.detections();
            for finding in &out.findings {
                let known = declared.iter().any(|detection| detection.id == finding.id);
                assert!(known, "{} is not declared", finding.id);
                assert_eq!(finding.platform, self.platform.to_string());
            }
            out
        })
    }

    /// The ids of what one analyzer finds, sorted.
    pub(crate) fn ids(&self, analyzer: &dyn ImageAnalyzer) -> Vec<String> {
        let mut ids: Vec<_> = self.run(analyzer).findings.into_iter().map(|finding| finding.id).collect();
        ids.sort();
        ids
    }

    pub(crate) fn view<T>(&self, look: impl FnOnce(&ImageView<'_>) -> T) -> T {
        let tables: Vec<_> = self.layers.iter().map(|layer| &layer.entries).collect();
        let (tree, merge_anomalies) = Tree::merge(&tables);
        let layers: Vec<_> = self
            .layers
            .iter()
            .zip(0..)
            .map(|(facts, number)| LayerView {
                digest: Digest::sha256([number; 32]),
                created_by: "",
                facts,
                declared: &[],
            })
            .collect();
        let ownership = self.ownership(&tree);
        look(&ImageView {
            name: self.name.as_ref(),
            platform: &self.platform,
            config: &self.config,
            layers: &layers,
            tree: &tree,
            merge_anomalies: &merge_anomalies,
            ownership: &ownership,
            indicators: &self.indicators,
            digests: &self.digests,
        })
    }

    fn ownership(&self, tree: &Tree<'_>) -> Ownership {
        let parts = self.layers.iter().zip(0..).flat_map(|(layer, number)| {
            layer.facts.iter().filter_map(move |(entry, fact)| match fact {
                Fact::Packages(part) => Some((Place { layer: number, entry: *entry }, part)),
                _ => None,
            })
        });
        let live = parts.filter(|(place, _)| tree.is_live(*place));
        let live = live.filter_map(|(place, part)| Some((tree.entry(place)?.path, part)));
        Ownership::build(live, &|path: &[u8]| {
            let at = path.iter().rposition(|&byte| byte == b'/');
            let Some((folder, name)) = at.and_then(|at| path.split_at_checked(at)) else {
                return path.to_vec();
            };
            match tree.directory(folder) {
                Some(folder) => [folder.as_slice(), name].concat(),
                None => path.to_vec(),
            }
        })
    }

    fn entry(&self, path: &str, kind: Kind, link: &str) -> Entry {
        Entry {
            path: normalize_path(path.as_bytes()).0,
            kind,
            mode: 0o777,
            uid: 0,
            gid: 0,
            mtime: 0,
            size: 0,
            link: link.into(),
            device: (0, 0),
            xattrs: Vec::new(),
            offset: 0,
        }
    }

    /// Adds an entry with the facts that the file analyzers learn from its bytes.
    fn push(&mut self, entry: Entry, bytes: Option<&[u8]>) -> &mut Self {
        let layer = self.layers.last_mut().unwrap();
        let index = layer.entries.push(&entry).unwrap();
        let Some(bytes) = bytes else { return self };
        layer.entries.set_hashes(index, &hashes_of(bytes));
        let view = |bytes| FileView {
            entry: &entry,
            bytes,
            whole: bytes.len() as u64 == entry.size,
            stages: &[],
            signs: Signs::of(bytes),
        };
        let patterns = self.indicators.patterns().map(super::indicators::Patterns);
        let listed: &dyn crate::FileAnalyzer = &super::indicators::Listed;
        let of_feeds = patterns.iter().map(|one| one as &dyn crate::FileAnalyzer).chain([listed]);
        let all: Vec<&dyn crate::FileAnalyzer> =
            super::file_analyzers().iter().copied().chain(of_feeds).collect();
        let passed = crate::engine::pass(&entry, bytes, &all);
        layer.facts.extend(passed.facts.into_iter().map(|fact: Fact| (index as u32, fact)));
        layer.gaps.extend(passed.gaps.into_iter().map(|why| Gap::new("", why)));
        for analyzer in all.into_iter().filter(|one| !passed.by.contains(&one.name())) {
            let head = &bytes[..bytes.len().min(4096)];
            let view = match analyzer.wants(&entry, head) {
                Want::Nothing => continue,
                Want::Whole(limit) if entry.size > limit => panic!("{} is over the limit", entry.size),
                Want::Whole(_) => FileView { whole: true, ..view(bytes) },
                Want::AtHand => view(&bytes[..bytes.len().min(64 << 10)]),
            };
            let mut sink = FactSink::default();
            analyzer.analyze(&view, &mut sink).unwrap();
            let sink = sink.into_facts();
            // Signs save time and decide nothing. What a script does is another matter: it is asked for by its words.
            if analyzer.name() != super::start::Start.name() {
                let mut all = FactSink::default();
                analyzer.analyze(&FileView { signs: Signs::ALL, ..view }, &mut all).unwrap();
                assert_eq!(all.into_facts(), sink, "{}: {}", analyzer.name(), bytes.escape_ascii());
            }
            layer.facts.extend(sink.into_iter().map(|fact: Fact| (index as u32, fact)));
        }
        let whole = FileView { whole: true, ..view(bytes) };
        let staged = crate::engine::analyze_stages(&whole, super::file_analyzers());
        assert_eq!(staged.gaps, [""; 0], "{path}", path = entry.path.escape_ascii());
        layer.facts.extend(staged.facts.into_iter().map(|fact| (index as u32, fact)));
        self
    }
}
