use super::*;
use crate::buffers::Buffers;
use layers::ContentHashes;
use md5::{Digest as _, Md5};
use proptest::prelude::*;
use sha1::Sha1;

/// A file: its size, how many blocks its pieces have, and whether it ends or breaks off.
type File = (usize, usize, bool);

fn content(reader: usize, file: usize, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at as u8).wrapping_mul(37) ^ (reader * 16 + file) as u8).collect()
}

/// Readers with so many pieces each send their files, one after the other, to one hashing thread. Exactly those that
/// end have hashes, and theirs are those of the crates.
fn check(readers: &[&[File]], pieces: usize, sha1: bool) {
    let buffers = Buffers::default();
    std::thread::scope(|scope| {
        let (streams, messages) = Streams::new(1);
        scope.spawn(move || hash(&messages));
        std::thread::scope(|scope| {
            for (reader, files) in readers.iter().enumerate() {
                let (streams, buffers) = (&streams, &buffers);
                scope.spawn(move || {
                    assert_eq!(
                        read(reader, files, pieces, sha1, streams, buffers),
                        expected(reader, files, sha1)
                    );
                });
            }
        });
    });
}

fn read<'p>(
    reader: usize,
    files: &[File],
    pieces: usize,
    sha1: bool,
    streams: &Streams<'p>,
    buffers: &'p Buffers,
) -> Vec<(u32, ContentHashes)> {
    let runway = Runway::new(pieces);
    let (reply, replies) = unbounded();
    for (index, &(size, blocks, ends)) in files.iter().enumerate() {
        let bytes = content(reader, index, size);
        let stream = streams.open(index as u32, sha1, &runway, &reply);
        let mut rest = bytes.as_slice();
        loop {
            let mut piece = runway.piece(buffers);
            let (next, left) = rest.split_at(rest.len().min(blocks * BLOCK));
            piece.bytes.extend_from_slice(next);
            rest = left;
            if next.len() == blocks * BLOCK {
                stream.send(piece);
            } else if ends {
                break stream.end(piece, [index as u8; 32]);
            } else {
                break;
            }
        }
    }
    streams.hurry(&runway);
    drop(reply);
    let mut hashes: Vec<_> = replies.iter().flat_map(|done: Done| done.hashes).collect();
    hashes.sort_by_key(|(index, _)| *index);
    hashes
}

fn expected(reader: usize, files: &[File], sha1: bool) -> Vec<(u32, ContentHashes)> {
    let hashes = |(index, &(size, _, ends)): (usize, &File)| {
        let bytes = content(reader, index, size);
        let sha1 = sha1.then(|| Sha1::digest(&bytes).into());
        let hashes = ContentHashes { md5: Some(Md5::digest(&bytes).into()), sha1, sha256: [index as u8; 32] };
        ends.then_some((index as u32, hashes))
    };
    files.iter().enumerate().filter_map(hashes).collect()
}

#[test]
fn every_file_that_ends_has_its_hashes() {
    for sha1 in [false, true] {
        check(&[], 1, sha1);
        check(&[&[]], 1, sha1);
        check(&[&[(0, 1, true)]], 1, sha1);
        check(&[&[(64, 1, true), (1, 1, true), (63, 1, true), (65, 1, true), (6400, 1, true)]], 1, sha1);
        check(&[&[(300_000, 100, true)]], 3, sha1);
        check(&[&[(300_000, 4096, true), (300_000, 4096, true)]], 24, sha1);
    }
}

#[test]
fn a_file_that_breaks_off_has_none() {
    check(&[&[(100_000, 10, false)]], 1, false);
    check(&[&[(100_000, 10, true), (100_000, 10, false), (70_000, 10, true)]], 3, true);
    check(&[&[(0, 1, false), (5, 1, true)], &[(640, 10, false)], &[(90_000, 3, true)]], 2, false);
}

#[test]
fn more_files_than_lanes_are_open_at_once() {
    let files: Vec<File> = (0..5).map(|file| (12_000 + file * 777, 16, true)).collect();
    for pieces in [1, 3, 24] {
        check(&[files.as_slice(); 7], pieces, false);
    }
}

#[test]
fn nobody_waits_for_company_that_does_not_come() {
    // Two of three pieces are under way: the file goes on alone, without its end.
    let buffers = Buffers::default();
    let (reply, _replies) = unbounded();
    let (streams, messages) = Streams::new(1);
    let runway = Runway::new(3);
    let stream = streams.open(0, false, &runway, &reply);
    let mut open = VecDeque::new();
    for expect in [false, true] {
        let mut piece = runway.piece(&buffers);
        piece.bytes.resize(BLOCK, 0);
        stream.send(piece);
        messages.try_iter().for_each(|message| take(message, &mut open));
        assert_eq!(step(&mut open), expect);
    }
    streams.hurry(&runway);
    assert!(step(&mut open), "and all of it once the reader waits");
    assert!(!step(&mut open));
}

#[test]
fn all_pieces_together_are_bounded() {
    for readers in 0..40 {
        let each = Streams::new(readers).0.pieces;
        assert!(each >= 1 && each * readers.clamp(1, READERS) * PIECE <= RUN_AHEAD, "{readers} readers");
    }
    let buffers = Buffers::default();
    let runway = Runway::new(2);
    let held = [runway.piece(&buffers), runway.piece(&buffers)];
    assert!(runway.is_short());
    drop(held);
    assert!(!runway.is_short());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_readers_with_any_files(
        readers in prop::collection::vec(prop::collection::vec((0usize..9000, 1usize..30, any::<bool>()), 0..5), 0..6),
        pieces in 1usize..6,
        with_sha1 in any::<bool>(),
    ) {
        let readers: Vec<&[File]> = readers.iter().map(Vec::as_slice).collect();
        check(&readers, pieces, with_sha1);
    }
}
