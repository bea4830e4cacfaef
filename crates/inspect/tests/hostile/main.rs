//! Files made to take the time of whoever reads them. Twice the bytes may take twice the time and not four times, in
//! every analyzer and in the decoder.

mod programs;
mod reading;
mod texts;

use reading::{Cost, cost};

/// A small file, and how many times larger the same one is made.
const SMALL: usize = 1 << 20;
const TIMES: usize = 8;
/// The small file where the language is not the one that an input is meant for: every input in every language of this
/// size would take minutes.
const REDUCED: usize = 64 << 10;
/// The processor's time that one reader may take for a file of the large size, whatever is in it, in a build for tests
/// on a slow machine.
const MOST: f64 = 30.0;
/// Eight times the bytes may take twenty times as long, as caches and tables fill. A quadratic pass takes 64 times.
const RATIO: f64 = 20.0;
/// What is too short to be compared.
const SLACK: f64 = 0.4;

/// Checks all readers over one kind of input of both sizes, and says what took too long.
fn check(path: &str, name: &str, size: usize, make: &dyn Fn(usize) -> Vec<u8>) -> Vec<String> {
    let small = cost(path, &make(size));
    let large = cost(path, &make(size * TIMES));
    let pairs = small.iter().zip(&large);
    let wrong =
        pairs.filter(|(small, large)| large.seconds > MOST || large.seconds > RATIO * small.seconds + SLACK);
    wrong
        .map(|(Cost { seconds: before, .. }, Cost { reader, seconds })| {
            format!("{path}, {name}, {reader}: {before:.2} s, and {seconds:.2} s for {TIMES} times the bytes")
        })
        .collect()
}

/// All texts in one language. Every seventh of them is of the full size, another seventh in each language.
fn texts_in(number: usize) {
    let (path, head) = texts::LANGUAGES[number];
    let pieces = texts::PIECES.iter().map(|(name, piece)| {
        let make: Box<dyn Fn(usize) -> Vec<u8>> = Box::new(|len| texts::fill(head, piece, len));
        (name, make)
    });
    let shapes = texts::SHAPES.iter().map(|(name, shape)| {
        let make: Box<dyn Fn(usize) -> Vec<u8>> = Box::new(|len| [head.as_bytes(), &shape(len)].concat());
        (name, make)
    });
    let wrong: Vec<_> = pieces
        .chain(shapes)
        .enumerate()
        .flat_map(|(at, (name, make))| {
            let full = at % texts::LANGUAGES.len() == number;
            check(path, name, if full { SMALL } else { REDUCED }, &*make)
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

macro_rules! languages {
    ($($name:ident: $number:literal),*) => {
        $(#[test]
        fn $name() {
            texts_in($number);
        })*
    };
}

// A test for each, so that they run side by side.
languages! {
    python_takes_the_time_that_its_length_allows: 0,
    shell_takes_the_time_that_its_length_allows: 1,
    javascript_takes_the_time_that_its_length_allows: 2,
    perl_takes_the_time_that_its_length_allows: 3,
    php_takes_the_time_that_its_length_allows: 4,
    ruby_takes_the_time_that_its_length_allows: 5,
    other_text_takes_the_time_that_its_length_allows: 6
}

#[test]
fn programs_take_the_time_that_their_length_allows() {
    let wrong: Vec<_> =
        programs::SHAPES.iter().flat_map(|(name, make)| check("usr/bin/a", name, SMALL, make)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
