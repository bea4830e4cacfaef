//! Values of constant expressions, with the steps that led to them.

use super::bytes::Bytes;
use super::inflate::{inflate, sniff};
use super::{Budget, Limit, Runner, Step, StepKind, alphabets, marshal};
use std::borrow::Cow;
use std::rc::Rc;

/// Bytes that an expression is known to have.
#[derive(Debug, Clone)]
pub(super) struct Data<'t> {
    pub(super) bytes: Bytes<'t>,
    /// How they were decoded; empty for what stands in the text.
    pub(super) steps: Vec<Step>,
    /// Where in the text the first of them stands.
    pub(super) at: usize,
    /// Whether the bytes are known. Steps over what is not known count, for their shape.
    pub(super) known: bool,
}

/// Something decoded, and what runs it.
#[derive(Debug, Clone)]
pub(super) struct Found<'t> {
    pub(super) data: Data<'t>,
    pub(super) runner: Option<Runner>,
}

/// What an expression is.
#[derive(Debug, Clone)]
pub(super) enum Value<'t> {
    /// Something that only running shows.
    Unknown,
    Data(Data<'t>),
    /// A list of numbers, and where it stands.
    Codes(Rc<Vec<u32>>, usize),
    /// A list of texts.
    Parts(Rc<Vec<Data<'t>>>),
    Int(i64),
    /// A name without a known value: what stands before its last dot, and what behind.
    Name(Cow<'t, [u8]>, Cow<'t, [u8]>),
    /// A function of one parameter, and where its body stands.
    Lambda(&'t [u8], usize),
}

/// Most steps of one round. Each is a call that someone wrote down.
const MAX_STEPS: usize = 256;

impl<'t> Data<'t> {
    pub(super) fn text(bytes: impl Into<Bytes<'t>>, at: usize) -> Self {
        Self { bytes: bytes.into(), steps: Vec::new(), at, known: true }
    }

    pub(super) fn unknown(at: usize) -> Self {
        Self { known: false, ..Self::text([].as_slice(), at) }
    }

    /// The same bytes after a step that gave `out`.
    pub(super) fn stepped(&self, kind: StepKind, out: Vec<u8>, budget: &mut Budget) -> Option<Self> {
        if self.steps.len() >= MAX_STEPS {
            budget.note(Limit::Rounds);
            return None;
        }
        if !budget.work(out.len()) {
            return None;
        }
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut steps = self.steps.clone();
        steps.push(Step { kind, round: 0, bytes_in: len(&self.bytes), bytes_out: len(&out) });
        Some(Self { bytes: out.into(), steps, at: self.at, known: self.known })
    }

    /// Decodes; none where the bytes are nothing of this kind.
    pub(super) fn decode(&self, kind: StepKind, budget: &mut Budget) -> Option<Self> {
        if !self.known {
            return self.stepped(kind, Vec::new(), budget);
        }
        let bytes = &self.bytes;
        let out = match kind {
            StepKind::Base64 => alphabets::base64(bytes),
            StepKind::Base32 => alphabets::base32(bytes),
            StepKind::Base85 => alphabets::base85(bytes)?,
            StepKind::Ascii85 => alphabets::ascii85(bytes)?,
            StepKind::Hex => alphabets::hex(bytes)?,
            StepKind::Rot13 => alphabets::rot13(bytes),
            StepKind::Escapes => alphabets::escapes(bytes).0,
            StepKind::Reverse => bytes.iter().rev().copied().collect(),
            StepKind::Marshal => marshal::strings(bytes),
            StepKind::Gzip | StepKind::Zlib | StepKind::Deflate | StepKind::Bzip2 | StepKind::Lzma => {
                inflate(kind, bytes, budget)?
            }
            StepKind::Text | StepKind::CharCodes | StepKind::Xor => bytes.to_vec(),
        };
        (!out.is_empty()).then(|| self.stepped(kind, out, budget)).flatten()
    }

    /// Inflates by what the bytes say of themselves, or as the caller expects.
    pub(super) fn inflate(&self, expect: Option<StepKind>, budget: &mut Budget) -> Option<Self> {
        if !self.known {
            return self.decode(expect.unwrap_or(StepKind::Zlib), budget);
        }
        match (sniff(&self.bytes), expect) {
            (Some(kind), _) => self.decode(kind, budget),
            (None, Some(StepKind::Zlib | StepKind::Deflate) | None) => {
                self.decode(StepKind::Zlib, budget).or_else(|| self.decode(StepKind::Deflate, budget))
            }
            (None, Some(kind)) => self.decode(kind, budget),
        }
    }

    pub(super) fn xor(&self, key: u8, budget: &mut Budget) -> Option<Self> {
        self.stepped(StepKind::Xor, self.bytes.iter().map(|byte| byte ^ key).collect(), budget)
    }

    /// Appends. The steps are those of the part that took more.
    pub(super) fn append(mut self, other: &Self, budget: &mut Budget) -> Option<Self> {
        if !budget.work(other.bytes.len() + self.bytes.to_copy()) {
            return None;
        }
        self.bytes.append(&other.bytes);
        self.known &= other.known;
        let alike = self.steps.len() == other.steps.len()
            && self.steps.iter().zip(&other.steps).all(|(one, other)| one.kind == other.kind);
        if alike {
            for (step, more) in self.steps.iter_mut().zip(&other.steps) {
                step.bytes_in = step.bytes_in.saturating_add(more.bytes_in);
                step.bytes_out = step.bytes_out.saturating_add(more.bytes_out);
            }
        } else if other.steps.len() > self.steps.len() {
            self.steps.clone_from(&other.steps);
        }
        Some(self)
    }
}

impl<'t> Value<'t> {
    /// Its bytes, where it has some: a list of numbers is the text of these characters, a list of texts their
    /// sequence.
    pub(super) fn data(&self, budget: &mut Budget) -> Option<Data<'t>> {
        match self {
            Self::Data(data) => Some(data.clone()),
            Self::Codes(codes, at) => {
                let mut out = Vec::with_capacity(codes.len());
                for &code in codes.iter() {
                    alphabets::push_char(code, &mut out);
                }
                let written = Data::text(vec![0; codes.len()], *at);
                written.stepped(StepKind::CharCodes, out, budget)
            }
            Self::Parts(parts) => {
                let mut parts = parts.iter();
                let first = parts.next()?.clone();
                parts.try_fold(first, |all, part| all.append(part, budget))
            }
            Self::Unknown | Self::Int(_) | Self::Name(..) | Self::Lambda(..) => None,
        }
    }

    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Data(data) if data.steps.is_empty() => match data.bytes.as_slice() {
                [byte] => Some(i64::from(*byte)),
                _ => None,
            },
            _ => None,
        }
    }
}
