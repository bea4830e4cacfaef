use crate::grant::shown;
use crate::{Action, Principal, Rights, Upstreams};
use model::RepositoryName;
use serde::{Deserialize, Serialize};

/// What a client asks a token for, as the Docker token service writes it: `repository:team/app:pull,push`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Actions in a repository.
    Repository {
        /// The repository.
        name: RepositoryName,
        /// What is asked for; `*` asks for all that there is.
        actions: Vec<Action>,
    },
    /// The names of all repositories: `registry:catalog:*`.
    Catalog,
    /// The administration of the gate: `registry:admin:*`.
    Admin,
    /// Something that is well written and unknown here. Nothing is granted for it, and it is no error, as clients ask
    /// every registry for what some have.
    Unknown,
}

/// What a token allows on one thing, in the shape that Docker gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// `repository` or `registry`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The repository, `catalog` or `admin`.
    pub name: String,
    /// Names of actions; an upstream that may be used through the repository is written `use-upstream:NAME`.
    pub actions: Vec<String>,
}

/// Why a scope cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not `type:name:actions`.
    #[error("scope {0} is not written type:name:action,action")]
    Form(String),
    /// More than any client needs at once.
    #[error("more than {MOST_SCOPES} scopes are asked for at once; ask for fewer")]
    Many,
}

/// What a client may ask for at once. Docker asks for one, or for two where it mounts.
pub const MOST_SCOPES: usize = 32;
/// The longest scope: the longest name with all actions and room.
const LONGEST_SCOPE: usize = 512;

/// Reads the values of all `scope` parameters of a request. Each may hold several scopes with spaces between them.
pub fn parse_scopes<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Vec<Scope>, ScopeError> {
    let mut scopes = Vec::new();
    for text in values.into_iter().flat_map(|value| value.split(' ')).filter(|text| !text.is_empty()) {
        if scopes.len() == MOST_SCOPES {
            return Err(ScopeError::Many);
        }
        let scope = parse(text).ok_or_else(|| ScopeError::Form(shown(text)))?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

fn parse(text: &str) -> Option<Scope> {
    if text.len() > LONGEST_SCOPE || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    // A name may have a colon, where it has a host with a port. We know no such names, but they are well written.
    let (kind, rest) = text.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let (kind, class) = match kind.strip_suffix(')').map(|kind| kind.split_once('(')) {
        Some(Some((kind, class))) => (kind, Some(class)),
        Some(None) => return None,
        None => (kind, None),
    };
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !word(kind) || class.is_some_and(|class| !word(class)) || name.is_empty() {
        return None;
    }
    let any = actions.split(',').any(|action| action == "*");
    Some(match (kind, name.parse::<RepositoryName>()) {
        // The class says what a client means to find in a repository (`repository(plugin)`), not what it may do.
        ("repository", Ok(name)) => {
            let asked = |action: &Action| any || actions.split(',').any(|text| text == action.name());
            Scope::Repository { name, actions: Action::ALL.into_iter().filter(asked).collect() }
        }
        ("registry", _) if name == "catalog" && any => Scope::Catalog,
        ("registry", _) if name == "admin" && any => Scope::Admin,
        _ => Scope::Unknown,
    })
}

/// What the principal gets of what is asked for: never more than was asked, never more than was granted.
///
/// Clients know `pull` and `push` only. Whoever asks to push gets `overwrite` and `quarantine-read` with it where they
/// have them, whoever asks to pull gets `quarantine-read`.
pub fn grant(principal: &Principal, scopes: &[Scope]) -> Vec<Access> {
    let mut granted: Vec<Access> = Vec::new();
    for scope in scopes {
        let access = match scope {
            Scope::Repository { name, actions } => in_repository(principal.rights(), name, actions),
            Scope::Catalog if principal.may_list() => Some(all_of("catalog")),
            Scope::Admin if principal.is_admin() => Some(all_of("admin")),
            Scope::Catalog | Scope::Admin | Scope::Unknown => None,
        };
        let Some(access) = access else { continue };
        match granted.iter_mut().find(|known| known.kind == access.kind && known.name == access.name) {
            Some(known) => {
                let more: Vec<_> =
                    access.actions.into_iter().filter(|action| !known.actions.contains(action)).collect();
                known.actions.extend(more);
            }
            None => granted.push(access),
        }
    }
    granted
}

fn in_repository(rights: &Rights, name: &RepositoryName, asked: &[Action]) -> Option<Access> {
    let comes_with = |action: Action| match action {
        Action::Overwrite => asked.contains(&Action::Push),
        Action::QuarantineRead => asked.contains(&Action::Push) || asked.contains(&Action::Pull),
        Action::Pull | Action::Push | Action::Delete => false,
    };
    let gets = |action: &Action| (asked.contains(action) || comes_with(*action)) && rights.may(name, *action);
    let mut actions: Vec<String> =
        Action::ALL.into_iter().filter(gets).map(|action| action.name().to_owned()).collect();
    if actions.is_empty() {
        return None;
    }
    let mut upstreams: Vec<&Upstreams> = rights.upstreams(name).collect();
    if rights.admin {
        upstreams.push(&Upstreams::All);
    }
    upstreams.sort();
    upstreams.dedup();
    if upstreams.contains(&&Upstreams::All) {
        upstreams = vec![&Upstreams::All];
    }
    actions.extend(upstreams.iter().map(|upstream| format!("{USE_UPSTREAM}{upstream}")));
    Some(Access { kind: "repository".to_owned(), name: name.to_string(), actions })
}

pub(crate) const USE_UPSTREAM: &str = "use-upstream:";

fn all_of(name: &str) -> Access {
    Access { kind: "registry".to_owned(), name: name.to_owned(), actions: vec!["*".to_owned()] }
}

#[cfg(test)]
mod tests;
