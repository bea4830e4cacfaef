use super::{Inconsistency, Ownership, Resolver};
use crate::claims::{Claim, Claims};
use crate::dpkg::{Stanza, State};
use crate::part::{Content, Part};
use std::collections::HashMap;

/// Joins dpkg's files: the status says which packages there are, the lists which paths they brought, the
/// digest lists what was promised, the diversions who had to give way.
pub(super) fn join(ownership: &mut Ownership, parts: &[(&[u8], &Part)], resolver: &mut Resolver<'_>) {
    let mut packages = Packages::default();
    let mut diversions = Diversions::new();
    for (_, part) in parts {
        match &part.content {
            Content::DpkgStatus(stanzas) => stanzas.iter().for_each(|stanza| packages.add(stanza, ownership)),
            Content::DpkgDiversions(all) => {
                for each in all {
                    let contested = resolver.resolve(&each.contested).to_vec();
                    diversions.insert(contested, (each.real.as_slice(), each.package.as_str()));
                }
            }
            _ => {}
        }
    }
    for (path, part) in parts {
        if let Content::DpkgList { stem, claims } = &part.content {
            match packages.find(stem) {
                None => ownership.note(Inconsistency::ListWithoutPackage { path: path.to_vec() }),
                Some(found) => {
                    found.has_list = true;
                    // A removed package's list is struck down to folders and configuration files, and the
                    // status names the latter: what else stands in it is not the package's any more.
                    if let (Some(package), State::Present) = (found.index, found.stanza.state) {
                        for claim in claims.iter() {
                            let place = place(&claim, &found.stanza.package.name, &diversions, resolver);
                            ownership.claimed.insert(place, package, &claim);
                        }
                    }
                }
            }
        }
    }
    for (path, part) in parts {
        if let Content::DpkgSums { stem, claims } = &part.content {
            match packages.find(stem) {
                None => ownership.note(Inconsistency::ListWithoutPackage { path: path.to_vec() }),
                Some(found) => {
                    found.has_sums = true;
                    if found.stanza.state == State::Present {
                        promise(ownership, found, claims, &diversions, resolver);
                    }
                }
            }
        }
    }
    for found in &packages.all {
        promise(ownership, found, &found.stanza.conffiles, &diversions, resolver);
        if let (Some(package), State::Present) = (found.index, found.stanza.state)
            && !found.has_list
            && !found.has_sums
        {
            ownership.note(Inconsistency::PackageWithoutList { package: package as usize });
        }
    }
}

/// Adds digests to what a package owns. A package's digest list keeps naming files that another package has
/// since taken over, which dpkg strikes from the file list alone: so digests give ownership only where there
/// is no list, as in images without a package manager.
fn promise(
    ownership: &mut Ownership,
    found: &Found<'_>,
    claims: &Claims,
    diversions: &Diversions<'_>,
    resolver: &mut Resolver<'_>,
) {
    let Some(package) = found.index else { return };
    for claim in claims.iter() {
        let place = place(&claim, &found.stanza.package.name, diversions, resolver);
        if found.has_list && found.stanza.state == State::Present {
            ownership.claimed.promise(place, package, &claim);
        } else {
            ownership.claimed.insert(place, package, &claim);
        }
    }
}

/// Contested paths, resolved, with where the file of everyone but the named package lies.
type Diversions<'a> = HashMap<Vec<u8>, (&'a [u8], &'a str)>;

/// Where a package's file lies: diverted, then with its folders resolved.
fn place<'r>(
    claim: &Claim<'_>,
    package: &str,
    diversions: &Diversions<'_>,
    resolver: &'r mut Resolver<'_>,
) -> &'r [u8] {
    if !diversions.is_empty() {
        let diverted = diversions.get(resolver.resolve(claim.path));
        if let Some((real, by)) = diverted
            && *by != package
        {
            return resolver.resolve(real);
        }
    }
    resolver.resolve(claim.path)
}

/// The packages of all status files, by the names that their other files may have.
#[derive(Default)]
struct Packages<'a> {
    all: Vec<Found<'a>>,
    by_stem: HashMap<String, usize>,
}

struct Found<'a> {
    stanza: &'a Stanza,
    /// Position in the ownership; none where the package owns nothing.
    index: Option<u32>,
    has_list: bool,
    has_sums: bool,
}

impl<'a> Packages<'a> {
    fn add(&mut self, stanza: &'a Stanza, ownership: &mut Ownership) {
        let owns = match stanza.state {
            State::Present => true,
            State::ConfigFiles => stanza.conffiles.len() > 0,
            State::Absent => false,
        };
        let index = owns.then(|| ownership.add_package(stanza.package.clone()));
        let position = self.all.len();
        self.all.push(Found { stanza, index, has_list: false, has_sums: false });
        let (name, architecture) = (&stanza.package.name, &stanza.package.architecture);
        for stem in [Some(name.clone()), Some(format!("{name}:{architecture}")), stanza.stem.clone()] {
            let Some(stem) = stem else { continue };
            // Of two packages of one name the one that is there wins over one that is not.
            let slot = self.by_stem.entry(stem).or_insert(position);
            let is_there = |found: &Found<'_>| found.stanza.state == State::Present;
            if stanza.state == State::Present && !self.all.get(*slot).is_some_and(is_there) {
                *slot = position;
            }
        }
    }

    fn find(&mut self, stem: &str) -> Option<&mut Found<'a>> {
        let position = *self.by_stem.get(stem)?;
        self.all.get_mut(position)
    }
}
