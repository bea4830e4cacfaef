#![no_main]
use inspect::decode::{Decoded, stages};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Decoded { stages: found, limits } = stages(data);
    assert!(found.len() <= 256, "more stages than are kept");
    let bytes: usize = found.iter().map(|stage| stage.bytes.len()).sum();
    assert!(bytes <= 8 << 20, "more bytes than are kept");
    for (stage, number) in found.iter().zip(1..) {
        assert!(stage.parent < number, "a stage before the one that holds it");
        assert!(stage.steps.iter().all(|step| (1..=64).contains(&step.round)), "a round too many");
    }
    let again = stages(data);
    assert_eq!(again.limits, limits, "the same bytes give other limits");
    assert_eq!(again.stages, found, "the same bytes give other stages");
});
