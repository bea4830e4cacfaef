use super::{HostKind, Remote, Store};

/// What a text holds, as far as where it comes from tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// The host that it was fetched from.
    pub(super) remote: Option<Remote>,
    /// What of the machine is in it.
    pub(super) cargo: Cargo,
    /// The start of the text, where the script spells it out.
    pub(super) text: Option<Vec<u8>>,
    /// Whether a shell that reads commands prints it, and whether that shell is interactive.
    pub(super) shell: bool,
    pub(super) interactive: bool,
    /// Whether it is what a web request says.
    pub(super) request: bool,
    /// Whether it came over a connection that the script holds open.
    pub(super) connection: bool,
}

/// What of the machine is in a text, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cargo(pub(crate) u16);

impl Cargo {
    /// The whole environment.
    pub(crate) const ENVIRONMENT: Self = Self(1);
    /// The token of the cluster's service account.
    pub(crate) const TOKEN: Self = Self(1 << 1);
    /// What the metadata service answered.
    pub(crate) const METADATA: Self = Self(1 << 2);
    /// The public address.
    pub(crate) const ADDRESS: Self = Self(1 << 3);
    /// What machine it is: processors, memory, kernel.
    pub(crate) const MACHINE: Self = Self(1 << 4);
    /// Environment or memory of other processes.
    pub(crate) const PROCESSES: Self = Self(1 << 5);
    /// It was encoded or packed.
    pub(crate) const ENCODED: Self = Self(1 << 6);
    /// Stores of credentials; how many tells [`Cargo::stores`].
    const STORES: u16 = 7;

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// How many kinds of stores of credentials are in it.
    pub(crate) fn stores(self) -> u32 {
        (self.0 >> Self::STORES).count_ones()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    pub(super) fn of_store(store: Store) -> Self {
        Self(1 << (Self::STORES + store as u16))
    }
}

impl Flow {
    pub(super) fn of(cargo: Cargo) -> Self {
        Self { cargo, ..Self::default() }
    }

    /// What a host answers.
    pub(super) fn answer(remote: &Remote) -> Self {
        let mut flow = Self::default();
        match remote.kind {
            HostKind::Metadata => flow.cargo.add(Cargo::METADATA),
            HostKind::WhoAmI => flow.cargo.add(Cargo::ADDRESS),
            _ => flow.remote = Some(remote.clone()),
        }
        flow
    }

    /// Whether anything is known of it.
    pub(super) fn is_known(&self) -> bool {
        self.remote.is_some() || self.cargo != Cargo::default()
    }

    /// Puts more into the text. Of two hosts the worse one stays.
    pub(super) fn add(&mut self, other: &Self) {
        self.cargo.add(other.cargo);
        self.shell |= other.shell;
        self.interactive |= other.interactive;
        self.request |= other.request;
        self.connection |= other.connection;
        let worse = |remote: &Remote| (remote.is_nameless(), remote.is_outside());
        match (&self.remote, &other.remote) {
            (None, Some(_)) => self.remote = other.remote.clone(),
            (Some(mine), Some(more)) if worse(more) > worse(mine) => self.remote = other.remote.clone(),
            _ => {}
        }
        if self.text.is_none() {
            self.text = other.text.clone();
        }
    }
}
