use super::sieve::GRAM;
use super::*;
use proptest::prelude::*;

/// Which signs a text has, told by looking for each by itself.
fn told_one_by_one(text: &[u8]) -> Signs {
    let mut found = Signs::default();
    for (sign, number) in GROUPS.iter().flat_map(|group| group.signs()).zip(0..) {
        let mut places = memchr::memmem::find_iter(text, sign.text.as_bytes());
        if places.any(|start| (sign.fits)(text, start, start + sign.text.len())) {
            found.insert(number);
        }
    }
    found
}

fn check(text: &[u8]) {
    assert_eq!(Signs::of(text), told_one_by_one(text), "{}", text.escape_ascii());
}

#[test]
fn each_sign_is_found_wherever_it_stands() {
    let all: Vec<_> = GROUPS.iter().flat_map(|group| group.signs()).collect();
    assert!(all.len() <= 64 * WORDS, "{}", all.len());
    for sign in &all {
        assert!(sign.text.len() >= GRAM, "{}", sign.text);
        for before in 0..20 {
            for after in [0, 1, 2, 3, 12] {
                let text = [&b" ".repeat(before), sign.text.as_bytes(), &b" ".repeat(after)].concat();
                check(&text);
            }
        }
        let found = Signs::of(format!(" {} ", sign.text).as_bytes());
        assert!(found.meet(&Signs::ALL), "{}", sign.text);
    }
    check(all.iter().map(|sign| sign.text).collect::<String>().as_bytes());
    check(b"");
}

#[test]
fn what_is_no_text_may_have_any() {
    assert_eq!(Signs::of(b"a\0b"), Signs::ALL);
    let mut late = vec![b' '; TEXT];
    late.extend(b"\0base64");
    assert!(Signs::of(&late).any_of(Group::Decoding));
    assert!(!Signs::of(&late).any_of(Group::Secrets));
}

proptest! {
    #[test]
    fn searching_at_once_is_searching_one_by_one(words in proptest::collection::vec((0..400_usize, 0..4_usize), 0..60)) {
        let all: Vec<_> = GROUPS.iter().flat_map(|group| group.signs()).collect();
        let between = ["", " ", "a", "."];
        let text: String = words
            .iter()
            .map(|&(word, gap)| {
                let text = all.get(word).map_or("x", |sign| sign.text);
                format!("{text}{}", between[gap])
            })
            .collect();
        prop_assert_eq!(Signs::of(text.as_bytes()), told_one_by_one(text.as_bytes()));
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in proptest::collection::vec(1_u8.., 0..200)) {
        prop_assert_eq!(Signs::of(&bytes), told_one_by_one(&bytes));
    }
}
