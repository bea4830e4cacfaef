use super::{At, Noted};
use events::{ConnectionId, Process, WireKind};
use std::net::SocketAddr;

/// What the guest and the network said to each other over one flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Which.
    pub connection: ConnectionId,
    /// The guest's end.
    pub from: SocketAddr,
    /// Whom it asked for.
    pub to: SocketAddr,
    /// When it was opened.
    pub opened: At,
    /// Who opened it, where a call of a process was seen for it.
    pub process: Option<Process>,
    /// The name under which the address was learned from an answer of ours, where it was.
    pub name: Option<String>,
    /// The protocol that was recognised.
    pub protocol: Option<String>,
    /// What was seen, in order.
    pub steps: Vec<Noted<WireKind>>,
    /// Bytes that the guest sent, as far as is known.
    pub sent: u64,
    /// Bytes that it was sent.
    pub received: u64,
    /// When it was closed.
    pub closed: Option<At>,
}

/// One step of a flow with the flow that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct FlowStep<'a> {
    /// The flow.
    pub flow: &'a Flow,
    /// The step.
    pub step: &'a Noted<WireKind>,
}

impl Flow {
    /// The host as a person would say it: the name it was learned by, or the bare address.
    pub fn host(&self) -> String {
        match &self.name {
            Some(name) => model::escape_text(name),
            None => self.to.ip().to_string(),
        }
    }

    /// Whether it goes to an address that no answer of ours had named.
    pub fn is_bare(&self) -> bool {
        self.name.is_none()
    }

    /// Its steps with itself.
    pub fn each(&self) -> impl Iterator<Item = FlowStep<'_>> {
        self.steps.iter().map(move |step| FlowStep { flow: self, step })
    }
}
