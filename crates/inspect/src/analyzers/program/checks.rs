use super::{Elf, FOREIGN, ProgramFacts};
use crate::{Fact, ImageView, Outcome};
use model::Platform;
use std::collections::BTreeSet;

/// One finding for each program on the way from the start that the declared platform cannot run. Programs off
/// that way say nothing: emulators, cross-compilers and firmware are all built for other machines.
pub(super) fn foreign_machine(image: &ImageView<'_>, out: &mut Outcome) {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for reached in out.certain() {
        let place = image.tree.content(reached.place);
        if !seen.insert(place) {
            continue;
        }
        for fact in image.facts(place) {
            let Fact::Program(ProgramFacts::Elf(elf)) = fact else { continue };
            if runs_on(elf, image.platform) != Some(false) {
                continue;
            }
            let why = format!(
                "The image declares {}; the start leads to this program, which is built for {}.",
                image.platform,
                machine_name(elf)
            );
            let mut finding = image.finding_at(&FOREIGN, why, reached.place).with_evidence(
                "field",
                &format!("e_machine {}", elf.machine),
                Some(18),
            );
            finding.reachable = Some(true);
            findings.push(finding);
        }
    }
    out.findings.append(&mut findings);
}

/// Whether a machine of this platform runs the file; none where either is not known here. 64-bit kernels of the
/// same family run 32-bit programs.
fn runs_on(elf: &Elf, platform: &Platform) -> Option<bool> {
    let runs: &[(u16, bool, bool)] = match platform.architecture.as_str() {
        "amd64" => &[(EM_X86_64, true, true), (EM_X86_64, false, true), (EM_386, false, true)],
        "386" => &[(EM_386, false, true)],
        "arm64" => &[(EM_AARCH64, true, true), (EM_AARCH64, false, true), (EM_ARM, false, true)],
        "arm" => &[(EM_ARM, false, true)],
        "riscv64" => &[(EM_RISCV, true, true)],
        "loong64" => &[(EM_LOONGARCH, true, true)],
        "ppc64le" => &[(EM_PPC64, true, true)],
        "s390x" => &[(EM_S390, true, false)],
        "mips64le" => &[(EM_MIPS, true, true), (EM_MIPS, false, true)],
        "mipsle" => &[(EM_MIPS, false, true)],
        _ => return None,
    };
    (platform.os == "linux").then(|| runs.contains(&(elf.machine, elf.wide, elf.little)))
}

const EM_386: u16 = 3;
const EM_MIPS: u16 = 8;
const EM_PPC64: u16 = 21;
const EM_S390: u16 = 22;
const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;
const EM_RISCV: u16 = 243;
const EM_LOONGARCH: u16 = 258;

fn machine_name(elf: &Elf) -> String {
    let name = match elf.machine {
        EM_386 => "x86",
        EM_MIPS => "MIPS",
        EM_PPC64 => "POWER",
        EM_S390 => "IBM Z",
        EM_ARM => "ARM",
        EM_X86_64 => "x86-64",
        EM_AARCH64 => "ARM 64",
        EM_RISCV => "RISC-V",
        EM_LOONGARCH => "LoongArch",
        other => return format!("machine number {other}"),
    };
    let (bits, order) = (if elf.wide { 64 } else { 32 }, if elf.little { "little" } else { "big" });
    format!("{name} ({bits} bits, {order}-endian)")
}
