use super::*;
use crate::analyzers::indicators::MentionFacts;
use crate::analyzers::program::ProgramFacts;
use crate::analyzers::start::{Language, ScriptFacts};

fn script(bytes: usize) -> Fact {
    Fact::Script(ScriptFacts {
        shebang: Vec::new(),
        language: Language::Shell,
        runs: Vec::new(),
        imports: vec![b'a'; bytes],
        cut: false,
        acts: Vec::new(),
    })
}

fn mentions(bytes: usize) -> Fact {
    Fact::Mentions(MentionFacts { network: "a".repeat(bytes), ..MentionFacts::default() })
}

/// The facts of a layer of many files, of each what `of` gives.
fn files(count: u32, of: impl Fn(u32) -> Vec<Fact>) -> Vec<Vec<Weighed>> {
    (0..count).map(|index| of(index).into_iter().map(|fact| Weighed::new(index, fact)).collect()).collect()
}

/// What is kept, as index and rank, and the gaps, where files come in this order.
fn check(budget: usize, files: Vec<Vec<Weighed>>, expect: (&[(u32, u8)], &[&str])) {
    let mut kept = Kept::within(budget);
    files.into_iter().for_each(|facts| kept.facts(facts));
    let (facts, gaps) = kept.finish(|index| Some(format!("/{index}")));
    let ranks: Vec<_> =
        facts.into_iter().map(|(index, fact)| (index, Weighed::new(index, fact).rank().0)).collect();
    let gaps: Vec<_> = gaps.iter().map(|gap| gap.why.as_str()).collect();
    assert_eq!((ranks.as_slice(), gaps.as_slice()), expect);
}

#[test]
fn facts_over_the_budget_are_dropped_from_the_end_and_said() {
    let program = || Fact::Program(ProgramFacts::Malformed);
    check(1 << 20, files(3, |_| vec![program()]), (&[(0, 0), (1, 0), (2, 0)], &[]));
    // What speaks for itself is kept of every file.
    let expect: Vec<_> = (0..8).flat_map(|index| [(index, 0), (index, 1)]).collect();
    let expect: Vec<_> = expect.into_iter().filter(|(index, rank)| *rank == 0 || *index < 3).collect();
    let why = "what there is to know of its files takes more than 1 MiB; it was not all kept of 5 files, the first of which is /3";
    check(1 << 20, files(8, |_| vec![program(), script(300 << 10)]), (&expect, &[why]));
    // Names of hosts go before scripts do.
    let both = files(4, |_| vec![script(200 << 10), mentions(200 << 10)]);
    let expect = [(0, 1), (0, 2), (1, 1), (2, 1), (3, 1)];
    let why = "what there is to know of its files takes more than 1 MiB; it was not all kept of 3 files, the first of which is /1";
    check(1 << 20, both, (&expect, &[why]));
}

#[test]
fn a_file_that_takes_the_whole_budget_is_dropped_and_said() {
    let why = "what there is to know of its files takes more than 1 MiB; it was not all kept of 1 files, the first of which is /0";
    check(1 << 20, files(1, |_| vec![script(2 << 20)]), (&[], &[why]));
}

proptest::proptest! {
    /// Threads bring files in any order; what is kept is the same.
    #[test]
    fn the_order_in_which_files_come_in_changes_nothing(
        sizes in proptest::collection::vec((0_usize..2, 0_usize..9000), 1..60),
        seed in 0_u64..1 << 40,
    ) {
        let all = || files(sizes.len() as u32, |index| {
            let (kind, size) = sizes[index as usize];
            vec![if kind == 0 { script(size) } else { mentions(size) }, Fact::Program(ProgramFacts::Malformed)]
        });
        let keep = |files: Vec<Vec<Weighed>>| {
            let mut kept = Kept::within(64 << 10);
            files.into_iter().for_each(|facts| kept.facts(facts));
            kept.finish(|index| Some(index.to_string()))
        };
        let mut shuffled: Vec<_> = all().into_iter().enumerate().collect();
        shuffled.sort_by_key(|(at, _)| (*at as u64 + 1).wrapping_mul(seed | 1) % 1009);
        let shuffled = shuffled.into_iter().map(|(_, facts)| facts).collect();
        proptest::prop_assert_eq!(keep(all()), keep(shuffled));
    }
}

#[test]
fn gaps_are_counted_where_there_are_too_many() {
    let mut kept = Kept::default();
    for number in (0..5000).rev() {
        kept.gaps(vec![Gap::new(format!("/{number:04}"), "as the test says")]);
    }
    let (_, gaps) = kept.finish(|_| None);
    assert_eq!(gaps.len(), MAX_GAPS + 1);
    assert_eq!(gaps[0].why, "4000 more of its files were not looked at, for reasons as above");
    assert_eq!((gaps[1].what.as_str(), gaps[1000].what.as_str()), ("/0000", "/0999"));
}
