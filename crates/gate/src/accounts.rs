//! Who has an account, and what they may do: over the store, with what was read kept for a moment.

mod known;
mod setup;

pub(crate) use setup::{SetupError, first_secret, set_up};

use crate::audit::Audit;
use access::{Action, Grant, Identity, Pattern, Principal, Rights, SecretHash, SecretKind, Upstreams};
use futures_util::future::BoxFuture;
use known::Known;
use registry::Unavailable;
use std::sync::Arc;
use store::{Store, User};
use tokio::sync::Semaphore;

/// Accounts over a store. Every change goes through here, so that what is kept in memory is forgotten with it.
pub(crate) struct Accounts {
    store: Store,
    anonymous: Principal,
    known: Known,
    /// Hashing a password takes memory and time on purpose; only so many are hashed at once.
    checks: Arc<Semaphore>,
    audit: Audit,
}

/// Written for the right to list all repositories, beside the actions of `access`.
pub(crate) const CATALOG: &str = "catalog";
/// Written before the name of an upstream that may be used, or before `*` for all.
pub(crate) const USE_UPSTREAM: &str = "use-upstream:";

impl Accounts {
    /// Accounts of a store. `anonymous` are the repositories that everybody may pull from.
    pub(crate) fn new(store: Store, anonymous: &[Pattern], checks: usize, audit: Audit) -> Self {
        let grants = anonymous.iter().map(|pattern| Grant {
            repositories: pattern.clone(),
            actions: vec![Action::Pull],
            upstreams: Vec::new(),
        });
        Self {
            store,
            anonymous: Principal::anonymous(grants.collect()),
            known: Known::default(),
            checks: Arc::new(Semaphore::new(checks)),
            audit,
        }
    }

    /// Nothing that was read before is believed any more.
    pub(crate) fn forget(&self) {
        self.known.clear();
    }

    /// Who proves to be `name`; nobody for a wrong name, a wrong secret and a disabled account alike.
    pub(crate) async fn prove(&self, name: &str, secret: &str) -> Result<Option<Principal>, store::Error> {
        let mut identity = Identity::of_login(name).ok();
        let held = match &identity {
            Some(Identity::Robot(robot)) => self.robot(robot.as_str(), secret).await?,
            // The form tells which of the two it is, so that the time tells nothing of who has an account.
            Some(Identity::User(user)) if access::has_form(SecretKind::Login, secret) => {
                let of_provider = self.of_login(user.as_str(), secret).await?;
                let held = of_provider.is_some();
                identity = of_provider;
                held
            }
            Some(Identity::User(user)) => self.user(user.as_str(), secret).await?,
            // A name that none can have takes as long as one that nobody has.
            _ => self.password(secret.to_owned(), None).await,
        };
        let principal = match identity {
            Some(identity) if held => self.of(&identity).await?,
            _ => None,
        };
        match &principal {
            Some(principal) => self.audit.logged_in(principal.as_str()).await,
            None => self.audit.refused(name).await,
        }
        Ok(principal)
    }

    async fn user(&self, name: &str, password: &str) -> Result<bool, store::Error> {
        let user = self.store.user(name).await?.filter(|user| !user.disabled);
        let kept = user.as_ref().and_then(|user| user.password.as_deref()?.parse().ok());
        let right = self.password(password.to_owned(), kept.clone()).await;
        if right
            && kept.is_some_and(|kept: access::PasswordHash| kept.is_weak())
            && let Some(user) = user
            && let Some(Ok(hash)) = self.hash(password.to_owned()).await
        {
            let user = User { password: Some(hash.as_str().to_owned()), ..user };
            self.store.update_user(&user, "gate").await?;
        }
        Ok(right)
    }

    /// Whose login through the identity provider this secret is of: the last one of the account, until it ends.
    async fn of_login(&self, name: &str, secret: &str) -> Result<Option<Identity>, store::Error> {
        let login = self.store.login(name).await?;
        let kept: Option<SecretHash> = login.as_ref().and_then(|login| login.secret.parse().ok());
        let expires = login.map(|login| seconds(login.expires));
        if access::verify_secret(SecretKind::Login, secret, kept.as_ref(), expires, now()).is_err() {
            return Ok(None);
        }
        let user = self.store.user(name).await?.filter(|user| !user.disabled);
        Ok(user
            .and_then(|user| user.identity)
            .and_then(|(issuer, subject)| Identity::oidc(&issuer, &subject)))
    }

    async fn robot(&self, name: &str, secret: &str) -> Result<bool, store::Error> {
        let robot = self.store.robot(name).await?.filter(|robot| !robot.disabled);
        let kept: Option<SecretHash> = robot.as_ref().and_then(|robot| robot.secret.parse().ok());
        let expires = robot.and_then(|robot| robot.expires).map(seconds);
        Ok(access::verify_secret(SecretKind::Robot, secret, kept.as_ref(), expires, now()).is_ok())
    }

    /// Compares a password off the threads that serve.
    pub(crate) async fn password(&self, password: String, kept: Option<access::PasswordHash>) -> bool {
        let Ok(place) = Arc::clone(&self.checks).acquire_owned().await else { return false };
        let compare = move || {
            let _place = place;
            access::verify_password(&password, kept.as_ref())
        };
        tokio::task::spawn_blocking(compare).await.unwrap_or(false)
    }

    /// Hashes a new password likewise.
    pub(crate) async fn hash(
        &self,
        password: String,
    ) -> Option<Result<access::PasswordHash, access::PasswordError>> {
        let place = Arc::clone(&self.checks).acquire_owned().await.ok()?;
        let hash = move || {
            let _place = place;
            access::hash_password(&password)
        };
        tokio::task::spawn_blocking(hash).await.ok()
    }

    /// What somebody may do now; nobody where the account is gone, disabled or over.
    pub(crate) async fn of(&self, identity: &Identity) -> Result<Option<Principal>, store::Error> {
        if let Some(known) = self.known.get(identity) {
            return Ok(known);
        }
        let turn = self.known.turn();
        let (principal, until) = self.read(identity).await?;
        self.known.put(turn, identity, principal.clone(), until);
        Ok(principal)
    }

    /// Reads the rights of an account, and until when they can hold at most, in seconds since 1970.
    async fn read(&self, identity: &Identity) -> Result<(Option<Principal>, Option<u64>), store::Error> {
        let user = match identity {
            Identity::Anonymous => return Ok((Some(self.anonymous.clone()), None)),
            // The gate proves nothing to itself.
            Identity::Gate => return Ok((None, None)),
            Identity::Robot(name) => return self.read_robot(identity, name.as_str()).await,
            Identity::User(name) => self.store.user(name.as_str()).await?,
            Identity::Oidc { issuer, subject } => self.store.user_of_identity(issuer, subject).await?,
        };
        let Some(user) = user.filter(|user| !user.disabled) else { return Ok((None, None)) };
        // What a provider said holds as long as the login to which it said it, whatever is shown of that.
        let until = match identity {
            Identity::Oidc { .. } => match self.store.login(&user.name).await? {
                Some(login) if login.expires > store::now() => Some(seconds(login.expires)),
                _ => return Ok((None, None)),
            },
            _ => None,
        };
        let rows = self.store.grants(Some(&identity.to_string())).await?;
        let mut rights = rights(&rows);
        rights.admin = user.admin;
        Ok((Some(Principal::new(identity.clone(), rights)), until))
    }

    async fn read_robot(
        &self,
        identity: &Identity,
        name: &str,
    ) -> Result<(Option<Principal>, Option<u64>), store::Error> {
        let Some(robot) = self.store.robot(name).await?.filter(|robot| !robot.disabled) else {
            return Ok((None, None));
        };
        let expires = robot.expires.map(seconds);
        if expires.is_some_and(|expires| expires <= now()) {
            return Ok((None, None));
        }
        // What cannot be read grants nothing. Robots never administer, whatever a row says.
        let mut rights: Rights = serde_json::from_value(robot.scopes).unwrap_or_default();
        rights.admin = false;
        Ok((Some(Principal::new(identity.clone(), rights)), expires))
    }
}

impl registry::Accounts for Accounts {
    fn login<'a>(
        &'a self,
        name: &'a str,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Option<Principal>, Unavailable>> {
        Box::pin(async move { self.prove(name, secret).await.map_err(unavailable) })
    }

    fn principal<'a>(
        &'a self,
        identity: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Principal>, Unavailable>> {
        Box::pin(async move { self.of(identity).await.map_err(unavailable) })
    }

    fn anonymous(&self) -> Principal {
        self.anonymous.clone()
    }
}

fn unavailable(error: store::Error) -> Unavailable {
    Unavailable(model::error_chain(&error))
}

/// Rows of grants as rights. A row that cannot be read grants nothing.
pub(crate) fn rights(rows: &[store::Grant]) -> Rights {
    let mut rights = Rights::default();
    for row in rows {
        let Ok(repositories) = row.scope.parse::<Pattern>() else { continue };
        let mut grant = Grant { repositories, actions: Vec::new(), upstreams: Vec::new() };
        for text in &row.actions {
            if text == CATALOG {
                rights.catalog = true;
            } else if let Some(upstream) = text.strip_prefix(USE_UPSTREAM) {
                grant.upstreams.extend(upstream.parse::<Upstreams>());
            } else {
                grant.actions.extend(text.parse::<Action>());
            }
        }
        rights.grants.push(grant);
    }
    rights
}

/// A grant as its row writes what is granted.
pub(crate) fn written(actions: &[Action], upstreams: &[Upstreams], catalog: bool) -> Vec<String> {
    let actions = actions.iter().map(|action| action.name().to_owned());
    let upstreams = upstreams.iter().map(|upstream| format!("{USE_UPSTREAM}{upstream}"));
    actions.chain(upstreams).chain(catalog.then(|| CATALOG.to_owned())).collect()
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    seconds(store::now())
}

fn seconds(millis: i64) -> u64 {
    u64::try_from(millis / 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_rights_and_what_cannot_be_read_grants_nothing() {
        let row = |scope: &str, actions: &[&str]| store::Grant {
            principal: "user:a".to_owned(),
            scope: scope.to_owned(),
            actions: actions.iter().map(|text| (*text).to_owned()).collect(),
            created_by: String::new(),
            created: 0,
        };
        let rights = rights(&[
            row("team/*", &["pull", "push", "use-upstream:docker.io", "fly"]),
            row("../x", &["pull"]),
            row("**", &["catalog"]),
        ]);
        assert!(rights.catalog && !rights.admin);
        let name: model::RepositoryName = "team/app".parse().unwrap();
        assert!(rights.may(&name, Action::Push) && !rights.may(&name, Action::Delete));
        assert!(rights.may_use(&name, &"docker.io".parse().unwrap()));
        assert!(!rights.may_use(&name, &"quay.io".parse().unwrap()));
        assert!(!rights.may(&"other".parse().unwrap(), Action::Pull));
        let texts = written(&[Action::Pull], &[Upstreams::All], true);
        assert_eq!(texts, ["pull", "use-upstream:*", "catalog"]);
    }

    #[tokio::test]
    async fn a_login_of_a_provider_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(store::Options::new(folder.path())).await.unwrap();
        let accounts = Accounts::new(store.clone(), &[], 1, Audit::new(store.clone()));
        let who = Identity::oidc("https://id.example", "eve").unwrap();
        let user = User {
            name: "oidc-eve".to_owned(),
            password: None,
            identity: Some(("https://id.example".to_owned(), "eve".to_owned())),
            admin: true,
            disabled: false,
            created: 0,
        };
        store.create_user(&user, "groups").await.unwrap();
        assert_eq!(accounts.of(&who).await.unwrap(), None, "who has not logged in is nobody");
        let (secret, hash) = access::new_secret(SecretKind::Login).unwrap();
        let check = async |expires: i64, name: &str, expect: bool| {
            let login = store::Login {
                user: user.name.clone(),
                secret: hash.to_string(),
                created: 0,
                expires: store::now() + expires,
            };
            store.put_login(&login).await.unwrap();
            accounts.forget();
            let proved = accounts.prove(name, secret.expose()).await.unwrap();
            assert_eq!(proved.map(|principal| principal.to_string()), expect.then(|| who.to_string()));
            assert_eq!(accounts.of(&who).await.unwrap().is_some(), expires > 0);
        };
        check(60_000, "oidc-eve", true).await;
        check(60_000, "eve", false).await;
        check(60_000, "robot+oidc-eve", false).await;
        check(-1, "oidc-eve", false).await;
        store.update_user(&User { disabled: true, ..user.clone() }, "test").await.unwrap();
        accounts.forget();
        assert_eq!(accounts.prove("oidc-eve", secret.expose()).await.unwrap(), None);
        assert!(store.delete_user("oidc-eve", "test").await.unwrap());
        assert_eq!(store.login("oidc-eve").await.unwrap(), None, "a login goes with its user");
        store.close().await;
    }
}
