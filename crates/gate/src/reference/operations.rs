//! Every request that the gate answers besides those of the registry. A test holds it against the routers: a path or a method
//! that is not here fails it, and so does one that is here and nowhere else.

use super::{Field, Kind, Operation, Who};
use Kind::{Digest, Flag, Grants, Id, List, Name, Number, Repository, Secret, Text, Time};
use Who::{Admin, Anybody, Harbor, Metrics, Somebody};

const fn must(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, required: true, meaning }
}

const fn may(name: &'static str, kind: Kind, meaning: &'static str) -> Field {
    Field { name, kind, required: false, meaning }
}

const fn get(path: &'static str, who: Who, what: &'static str) -> Operation {
    Operation { method: "GET", path, who, what, query: &[], body: &[], status: 200, answer: "" }
}

const fn post(path: &'static str, who: Who, what: &'static str) -> Operation {
    Operation { method: "POST", ..get(path, who, what) }
}

const fn put(path: &'static str, who: Who, what: &'static str) -> Operation {
    Operation { method: "PUT", status: 204, ..get(path, who, what) }
}

const fn patch(path: &'static str, who: Who, what: &'static str) -> Operation {
    Operation { method: "PATCH", status: 204, ..get(path, who, what) }
}

const fn delete(path: &'static str, who: Who, what: &'static str) -> Operation {
    Operation { method: "DELETE", status: 204, ..get(path, who, what) }
}

impl Operation {
    const fn query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: &'static [Field]) -> Self {
        Self { body, ..self }
    }

    const fn gives(self, status: u16, answer: &'static str) -> Self {
        Self { status, answer, ..self }
    }
}

const IMAGE: &[Field] =
    &[must("repository", Repository, "the repository here"), must("digest", Digest, "the root manifest")];
const DECIDED: &[Field] = &[
    must("repository", Repository, "the repository here"),
    must("digest", Digest, "the root manifest"),
    must("reason", Text, "why, for whoever reads it in a year: 10 to 2000 characters"),
];
const PAGE: &str = "how many at most; 100 unless it is said";

/// Health, metrics, tokens.
pub(crate) const OPERATIONS: &[Operation] = &[
    get("/healthz", Anybody, "Whether the process answers").gives(200, "`ok`"),
    get("/readyz", Anybody, "Whether the store takes writes and workers are alive; 503 where not")
        .gives(200, "`ready`, `store`, `workers`, `stopping`"),
    get("/metrics", Metrics, "Metrics in the text of OpenMetrics"),
    get("/", Anybody, "Leads a browser to the console; for others 404, with where things are")
        .gives(303, "`Location: /console`"),
    get(
        "/q/{image}",
        Anybody,
        "Leads a browser to the page of an image; tells others where to look, and nothing about it",
    ),
];

/// The token service, which the registry's router has.
pub(crate) const TOKENS: &[Operation] = &[TOKEN, TOKEN_BY_FORM];

const TOKEN: Operation = get(
    "/token",
    Anybody,
    "Exchanges name and password (Basic) for a token that is good for `access.token-life`",
)
.query(&[
    may("service", Name, "`roadstead`"),
    may(
        "scope",
        Text,
        "`registry:admin:*` for the administration, `repository:NAME:pull,push` for images; repeatable",
    ),
])
.gives(200, "`token`, `expires_in`");

const TOKEN_BY_FORM: Operation = post(
    "/token",
    Anybody,
    "The same in the form of OAuth 2: `grant_type=password`, `username`, `password`, `scope`",
)
.gives(200, "`token`, `expires_in`");

/// The administration, below `/api/v1`.
pub(crate) const ADMIN: &[Operation] = &[
    post("/setup", Anybody, "Makes the first administrator with the secret of the first start")
        .body(&[
            must("secret", Secret, "what the gate printed"),
            must("name", Name, "the account"),
            must("password", Secret, "its password"),
        ])
        .gives(201, "`name`, `admin`"),
    get("/me", Somebody, "Who asks, and what they may do").gives(200, "`who`, `admin`, `catalog`, `grants`"),
    put("/me/password", Somebody, "Changes one's own password")
        .body(&[must("current", Secret, "the password until now"), must("password", Secret, "the new one")]),
    get("/me/login", Somebody, "One's own login through the identity provider")
        .gives(200, "`name`, `created`, `expires`"),
    delete("/me/login", Somebody, "Ends it, with every token that was got by it"),
    get("/logins", Admin, "All logins that have not ended").gives(200, "`logins`"),
    delete("/logins/{name}", Admin, "Ends a login, with every token that was got by it"),
    get("/users", Admin, "All users").gives(200, "`users`"),
    post("/users", Admin, "Makes a user")
        .body(&[
            must("name", Name, "the account"),
            must("password", Secret, "its password"),
            may("admin", Flag, "whether they administer; false unless it is said"),
        ])
        .gives(201, "the user"),
    patch("/users/{name}", Admin, "Changes a user; the last administrator cannot be made none").body(&[
        may("admin", Flag, "whether they administer"),
        may("disabled", Flag, "whether they are let in no more"),
        may("password", Secret, "a new password"),
    ]),
    delete("/users/{name}", Admin, "Removes a user with all that was granted to them"),
    get("/robots", Admin, "All robots, without their secrets").gives(200, "`robots`"),
    post("/robots", Admin, "Makes a robot; its secret is shown once")
        .body(&[
            must("name", Name, "the robot; it logs in as `robot+NAME`"),
            must("expires", Time, "when it ends; `null` for never, which has to be written"),
            may("grants", Grants, "what it may do: `repositories`, `actions`, `upstreams`"),
            may("catalog", Flag, "whether it may list all repositories"),
        ])
        .gives(201, "the robot, with `secret`"),
    patch("/robots/{name}", Admin, "Changes a robot").body(&[
        may("disabled", Flag, "whether it is let in no more"),
        may("grants", Grants, "all that it may do from now on"),
        may("catalog", Flag, "whether it may list all repositories"),
        may("expires", Time, "when it ends"),
    ]),
    delete("/robots/{name}", Admin, "Removes a robot"),
    post("/robots/{name}/secret", Admin, "Gives a robot another secret; the one before opens no more")
        .gives(200, "the robot, with `secret`"),
    get("/grants", Admin, "What users may do where")
        .query(&[may("principal", Text, "of one alone, such as `user:carol`")])
        .gives(200, "`grants`"),
    put("/grants", Admin, "Grants, in place of what was granted to the same one for the same repositories")
        .body(&[
            must("principal", Text, "whom, such as `user:carol`"),
            must("repositories", Text, "where: a name, with `*` for one part and `**` for all that follow"),
            must("actions", List, "what: `pull`, `push`, `overwrite`, `delete`, `quarantine-read`"),
            may("upstreams", List, "upstreams that may be pulled through there; `*` for all"),
            may("catalog", Flag, "whether they may list all repositories"),
        ]),
    delete("/grants", Admin, "Takes a grant back").query(&[
        must("principal", Text, "whose"),
        must("repositories", Text, "the pattern, as it was granted"),
    ]),
    get("/upstreams", Admin, "The registries that may be pulled through, without their passwords")
        .gives(200, "`upstreams`"),
    get("/quarantine", Admin, "Images by how they stand")
        .query(&[
            may("state", Name, "`quarantined` unless it is said; `released`, `denied`, `revoked`, `all`"),
            may("repository", Repository, "of one repository alone"),
            may("last", Text, "the last one of the page before, `REPOSITORY@DIGEST`"),
            may("n", Number, PAGE),
        ])
        .gives(200, "`images`"),
    get("/image", Admin, "How an image stands, with the decision, its approvals and its tags")
        .query(IMAGE)
        .gives(200, "the image"),
    get("/image/report", Admin, "The report by which it was decided")
        .query(IMAGE)
        .gives(200, "`roadstead.report/v1`"),
    post("/image/approve", Admin, "Approves of a held image, as it is known now")
        .body(DECIDED)
        .gives(202, "`approvals`, `missing`"),
    post("/image/deny", Admin, "Denies an image, whatever the policy says")
        .body(DECIDED)
        .gives(200, "`entry`, `ended`"),
    post("/image/revoke", Admin, "Takes a release back; it holds when the answer is given")
        .body(DECIDED)
        .gives(200, "`entry`, `ended`"),
    post("/image/rescan", Admin, "Has an image looked at again").body(IMAGE).gives(202, "`job`"),
    get("/exceptions", Admin, "All exceptions, those that ended included").gives(200, "`exceptions`"),
    post("/exceptions", Admin, "Asks for an exception; it counts when another administrator approves")
        .body(&[
            must("scope", Kind::Scope, "what it is about: `rule`, `content`, `repositories`, `path`, `gap`"),
            must("reason", Text, "why: 10 to 2000 characters"),
            must("expires", Time, "when it ends, within a year"),
        ])
        .gives(201, "the exception"),
    post("/exceptions/{id}/approve", Admin, "Approves of an exception that somebody else asked for")
        .gives(204, ""),
    delete("/exceptions/{id}", Admin, "Withdraws an exception"),
    get("/journal", Admin, "Entries of the journal, the oldest first")
        .query(&[may("after", Id, "the last one of the page before"), may("n", Number, PAGE)])
        .gives(200, "`entries`"),
    get("/journal/head", Admin, "The last entry, to be kept elsewhere").gives(200, "the entry"),
    get("/webhooks", Admin, "The webhooks of the configuration, without their secrets")
        .gives(200, "`webhooks`"),
    post("/webhooks/{name}/test", Admin, "Sends a message to a webhook").gives(202, ""),
];

/// Logins through an identity provider, where one is configured, below `/auth/oidc`. Browsers come here.
pub(crate) const OIDC: &[Operation] = &[
    get("/login", Anybody, "Begins a login: sends the browser to the provider").gives(303, ""),
    get("/callback", Anybody, "Ends it: a name and a secret for clients of registries, and a token").query(
        &[must("state", Text, "what the login began with"), may("code", Text, "what the provider gave")],
    ),
];

/// The scanner of a Harbor, where it is configured, below `/harbor/api/v1`.
pub(crate) const HARBOR: &[Operation] = &[
    get("/metadata", Harbor, "What the scanner can do"),
    post("/scan", Harbor, "Scans an image of one of `harbor.registries`")
        .body(&[
            must("registry", Kind::Scope, "`url`, and `authorization` to pull with"),
            must("artifact", Kind::Scope, "`repository` and `digest`"),
        ])
        .gives(202, "`id`"),
    get("/scan/{id}/report", Harbor, "The report; 302 with `Refresh-After` while there is none"),
];
