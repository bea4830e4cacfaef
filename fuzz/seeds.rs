//! Writes small honest inputs for every target into `fuzz/corpus`, so that fuzzing begins at real formats.

use std::path::Path;
use test_support::{
    Compression, LayerBuilder, RawHeader, gnu_long_link, gnu_long_name, padded, pax_global_header,
    pax_header, pax_records,
};

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let directory = corpus.join(target);
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join(name), bytes)
    };
    for (name, archive) in archives() {
        put("tar", name, &archive)?;
        for (index, compression) in [
            Compression::Gzip,
            Compression::GzipMembers(600),
            Compression::Zstd,
            Compression::ZstdFrames(600),
        ]
        .into_iter()
        .enumerate()
        {
            put("decoder", &format!("{name}-{index}"), &compression.apply(&archive))?;
        }
        for first in 1..6 {
            put("layer", &format!("{name}-{first}"), &[&[first], &archive[..]].concat())?;
        }
    }
    for (index, script) in SCRIPTS.iter().enumerate() {
        put("stages", &index.to_string(), script.as_bytes())?;
    }
    // One for each place that the target numbers.
    for place in 0..64_u8 {
        let script = SCRIPTS.get(usize::from(place) % SCRIPTS.len()).copied().unwrap_or_default();
        put("readers", &place.to_string(), &[&[place], script.as_bytes()].concat())?;
    }
    for choice in 0..16_u8 {
        put("programs", &choice.to_string(), &[choice; 512])?;
    }
    for (index, records) in RECORDS.iter().enumerate() {
        put("pax", &index.to_string(), &pax_records(records))?;
    }
    for (index, feed) in FEED_LINES.iter().enumerate() {
        put("feed_lines", &index.to_string(), &[&[index as u8], feed.as_bytes()].concat())?;
        put("feed_unnamed", &format!("lines-{index}"), feed.as_bytes())?;
    }
    for (index, feed) in FEED_DOCUMENTS.iter().enumerate() {
        put("feed_documents", &index.to_string(), &[&[index as u8], feed.as_bytes()].concat())?;
        put("feed_unnamed", &format!("document-{index}"), feed.as_bytes())?;
    }
    for (index, pattern) in PATTERNS.iter().enumerate() {
        put("feed_patterns", &index.to_string(), pattern.as_bytes())?;
    }
    for (index, manifest) in MANIFESTS.iter().enumerate() {
        put("manifest", &index.to_string(), &[&[0], manifest.as_bytes()].concat())?;
        put("signature", &format!("manifest-{index}"), manifest.as_bytes())?;
    }
    for (index, document) in SIGNATURES.iter().enumerate() {
        put("signature", &index.to_string(), document.as_bytes())?;
    }
    put("request", "0", REQUESTS.as_bytes())?;
    Ok(())
}

const MANIFESTS: [&str; 3] = [
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":233,"digest":"sha256:e0faec8173db98447f0920712ba7743605e18e0ce0274ee8c17f6f86ace8cc44"},"layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":235,"digest":"sha256:5f2a708549957617f17c5ca71868eb2aa4fdebf612ebf9433b7cb55bf67a8f1f","annotations":{"dev.cosignproject.cosign/signature":"MEUCIQDpkfuIBesFYvQ5HSlWgsrywcNG56cCmm7MHm/zFbD4wgIgMX0dmx2Hq4d24oNiQlVTO9Ql/+OV4y/jN1+/JtO+D1A="}}]}"#,
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","size":635,"digest":"sha256:413a76c452b955b20cec740be37163162a9ce3b8a6f6fed45acf30ead6f450c3"}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":401,"digest":"sha256:ef03b51afd2d68e84518d647c4c5c36d6af193df7b9e243c2b2c4f08a5271078"}}"#,
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":814,"digest":"sha256:91e94e393ccae5955d28aff9c2211a6a8fc764c53763718c01c947bf079eeaa5","platform":{"architecture":"amd64","os":"linux"}}]}"#,
];

/// A payload with a signature after it, and a bundle.
const SIGNATURES: [&str; 2] = [
    "{\"critical\":{\"identity\":{\"docker-reference\":\"gate.example/team/app\"},\"image\":{\"docker-manifest-digest\":\"sha256:0707070707070707070707070707070707070707070707070707070707070707\"},\"type\":\"cosign container image signature\"},\"optional\":null}\u{c}MEUCIQDpkfuIBesFYvQ5HSlWgsrywcNG56cCmm7MHm/zFbD4wgIgMX0dmx2Hq4d24oNiQlVTO9Ql/+OV4y/jN1+/JtO+D1A=",
    r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"gjRbjLrMUI2hyLBQdNDMQh+uQ28+S3jUQMjy5l+MWQs="}},"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEUCIQDx1LC7a229O/RQ+qqY7cvJiDjVgCkrVzLbfPzsBUZB5AIgZ3dlzp5Y"}]}}"#,
];

const REQUESTS: &str = "/v2/team/app/manifests/latest\n/v2/a/blobs/uploads/0123456789abcdef0123456789abcdef\nBasic YW5uOnNlY3JldA==\nBearer eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJzdWIiOiJ1c2VyOmFubiJ9.AAAA\nrepository:team/app:pull,push repository(plugin):a/b:* registry:catalog:*";

/// In the order in which the target numbers the formats.
const FEED_LINES: [&str; 11] = [
    "0123456789abcdef0123456789abcdef, miner # seen\n",
    "0123456789abcdef0123456789abcdef:10:Unix.A\n0123456789abcdef0123456789abcdef01234567:*:Unix.B:73\n",
    "0123456789abcdef0123456789abcdef:10:Unix.A\n",
    "Unix.A:6:*:61626364??6?*65{2-5}66\nUnix.B:0:EOF-20,4:61626364\n",
    "\"2026-01-02\", \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\", \"n/a\", \"n/a\", \"r\", \"f\", \"elf\", \"m\", \"Mirai\", \"n/a\", \"n/a\", \"n/a\"\n",
    "\"2026-01-02\", \"1\", \"192.0.2.1:3333\", \"ip:port\", \"c\", \"elf.x\", \"None\", \"X\", \"\", \"75\", \"https://ref.example/\", \"\", \"0\", \"r\"\n",
    "\"1\",\"2026-01-02\",\"http://192.0.2.9:8080/b,c.sh\",\"online\",\"x\",\"malware_download\",\"elf\",\"https://u.example/1/\",\"r\"\n",
    "0123456789abcdef0123456789abcdef,01234567-89ab-cdef-0123-456789abcdef\n",
    "# Reference: https://ref.example/\npool.example\n192.0.2.1:3333\nhxxp://evil[.]example/x\n2001:db8::1\n",
    "x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef y\n",
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
];

/// In the order in which the target numbers the formats.
const FEED_DOCUMENTS: [&str; 2] = [
    r#"{"Event":{"uuid":"u","info":"i","Attribute":[{"type":"ip-dst|port","value":"192.0.2.2|3333","to_ids":true},{"type":"filename|md5","value":"x|0123456789abcdef0123456789abcdef","to_ids":"1","deleted":0}],"Object":[{"Attribute":[{"type":"url","value":"http://evil.example/","to_ids":true}]}]}}"#,
    r#"{"type":"bundle","spec_version":"2.0","objects":[{"type":"indicator","id":"i","pattern":"[file:hashes.'SHA-256' = 'aa' OR (domain-name:value = 'evil.example')] OR [ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 1]"}]}"#,
];

const PATTERNS: [&str; 3] =
    ["61626364??66\n..abcdefg", "7879*61626364{1-3}7a\nxy..abcd.z", "61626364{-4}?5\nabcd1234e"];

const SCRIPTS: &[&str] = &[
    "import base64\nexec(base64.b64decode('ZXhlYygncHJpbnQoMSknKSAjIG5vdGhpbmcgZWxzZQ=='))",
    "_ = lambda x: __import__('zlib').decompress(x[::-1])\nexec(''.join(chr(c ^ 7) for c in [119, 117, 110, 105]))",
    "#!/bin/sh\necho ZWNobyBub3RoaW5nIGVsc2UgaGVyZQ== | base64 -d | sh\neval \"$(xxd -r -p <<E\n6563686f\nE\n)\"",
    "const a = require('zlib'); eval(Buffer.from('ZXhlYygncHJpbnQoMSknKQ==', 'base64').toString())",
    "<?php eval(gzinflate(base64_decode(strrev('==AA'))));",
    "#!/usr/bin/perl\neval pack \"H*\", \"7072696e7420312c20322c20333b\";",
];

const RECORDS: &[&[(&[u8], &[u8])]] = &[
    &[(b"path", b"usr/bin/env"), (b"size", b"5"), (b"mtime", b"1350244992.5")],
    &[(b"linkpath", b"x"), (b"uid", b"4294967296"), (b"SCHILY.xattr.security.capability", b"\x01\0\0\x02")],
    &[
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", b"s"),
        (b"GNU.sparse.realsize", b"10"),
    ],
    &[(b"GNU.sparse.size", b"10"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.map", b"5,5")],
    &[
        (b"GNU.sparse.size", b"10"),
        (b"GNU.sparse.numblocks", b"1"),
        (b"GNU.sparse.offset", b"5"),
        (b"GNU.sparse.numbytes", b"5"),
    ],
];

fn archives() -> Vec<(&'static str, Vec<u8>)> {
    let plain = LayerBuilder::new()
        .dir("etc", 0o755)
        .file("etc/passwd", 0o644, "root")
        .symlink("bin", "usr/bin")
        .build();
    let long = [
        gnu_long_name("n".repeat(120)),
        gnu_long_link("t".repeat(120)),
        RawHeader::gnu("n", b'2', 0).link("t").entry(b""),
    ];
    let pax = [
        pax_global_header(&[(b"comment", b"made by a test")]),
        pax_header(RECORDS[0]),
        RawHeader::ustar("short", b'0', 5).entry(b"hello"),
    ];
    let old = RawHeader::gnu("s", b'S', 5)
        .set(386, b"00000000005\x0000000000005\0")
        .set(483, b"00000000012\0")
        .entry(b"hello");
    let map = [padded(b"1\n5\n5\n"), b"hello".to_vec()].concat();
    let new = [pax_header(RECORDS[2]), RawHeader::ustar("s", b'0', map.len() as u64).entry(&map)];
    let mut v7 = RawHeader::v7("old", 0, 3).entry(b"abc");
    v7.extend(RawHeader::ustar("d", b'3', 0).device(1, 3).entry(b""));
    vec![
        ("plain", plain),
        ("long", long.concat()),
        ("pax", pax.concat()),
        ("old-sparse", old),
        ("new-sparse", new.concat()),
        ("v7", v7),
    ]
}
