-- The first schema. Portable: timestamps are milliseconds since 1970, digests are text, JSON is text.

CREATE TABLE repositories (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    upstream  TEXT,                  -- null: hosted
    remote    TEXT,                  -- the name there
    created   BIGINT NOT NULL
);

-- Each content that has a file. `content` is its SHA-256, under whichever algorithm it is named.
CREATE TABLE blobs (
    digest    TEXT PRIMARY KEY,
    content   TEXT NOT NULL,
    size      BIGINT NOT NULL,
    created   BIGINT NOT NULL,
    checked   BIGINT NOT NULL,
    lost      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX blobs_content ON blobs (content);
CREATE INDEX blobs_checked ON blobs (checked);

CREATE TABLE repository_blobs (
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    digest      TEXT NOT NULL REFERENCES blobs (digest),
    pushed_by   TEXT NOT NULL,
    created     BIGINT NOT NULL,
    touched     BIGINT NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX repository_blobs_digest ON repository_blobs (digest);

-- Who brought content to a repository: each may read it back before it is decided.
CREATE TABLE brought (
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    digest      TEXT NOT NULL,
    principal   TEXT NOT NULL,
    PRIMARY KEY (repository, digest, principal)
);

CREATE TABLE manifests (
    repository     BIGINT NOT NULL REFERENCES repositories (id),
    digest         TEXT NOT NULL REFERENCES blobs (digest),
    kind           TEXT NOT NULL,      -- image, index, artifact
    media_type     TEXT NOT NULL,
    artifact_type  TEXT,
    size           BIGINT NOT NULL,
    subject        TEXT,
    config         TEXT,
    annotations    TEXT,               -- JSON object
    created        BIGINT NOT NULL,
    pushed_by      TEXT NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX manifests_subject ON manifests (repository, subject);
CREATE INDEX manifests_digest ON manifests (digest);

-- What a manifest reaches, one step each.
CREATE TABLE links (
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    parent      TEXT NOT NULL,
    child       TEXT NOT NULL,
    kind        TEXT NOT NULL,         -- config, layer, manifest
    PRIMARY KEY (repository, parent, child, kind)
);
CREATE INDEX links_child ON links (repository, child);

CREATE TABLE tags (
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    name        TEXT NOT NULL,
    digest      TEXT NOT NULL,         -- what was pushed last
    approved    TEXT,                  -- what is served
    updated     BIGINT NOT NULL,
    PRIMARY KEY (repository, name)
);
CREATE INDEX tags_digest ON tags (repository, digest);
CREATE INDEX tags_approved ON tags (repository, approved);

CREATE TABLE standings (
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    digest      TEXT NOT NULL,
    content     TEXT NOT NULL,         -- SHA-256 of the same bytes
    state       TEXT NOT NULL,         -- quarantined, released, denied, revoked
    decision    TEXT,                  -- JSON
    evidence    TEXT,
    rules       TEXT,
    first_seen  BIGINT NOT NULL,
    decided     BIGINT,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX standings_state ON standings (state, repository, digest);
CREATE INDEX standings_content ON standings (repository, content);

-- All that each released root reaches, flattened: the release check is one look here and one at the membership. What was
-- released as a blob is no released manifest: a manifest hidden in a layer of an honest image was never decided as one.
CREATE TABLE released (
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    digest      TEXT NOT NULL,
    kind        TEXT NOT NULL,         -- manifest, blob
    root        TEXT NOT NULL,
    PRIMARY KEY (repository, digest, kind, root)
);
CREATE INDEX released_root ON released (repository, root);

CREATE TABLE uploads (
    id          TEXT PRIMARY KEY,
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    algorithm   TEXT NOT NULL,
    pushed_by   TEXT NOT NULL,
    started     BIGINT NOT NULL
);

CREATE TABLE jobs (
    id           INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    key          TEXT NOT NULL,
    open         INTEGER,              -- 1 while the job is open, else null: what makes the key unique among open ones
    payload      TEXT NOT NULL,        -- JSON
    state        TEXT NOT NULL,        -- waiting, running, done, failed
    attempts     BIGINT NOT NULL DEFAULT 0,
    worker       TEXT,
    due          BIGINT NOT NULL,
    lease_until  BIGINT,
    progress     TEXT,                 -- JSON
    result       TEXT,                 -- JSON
    created      BIGINT NOT NULL,
    updated      BIGINT NOT NULL,
    UNIQUE (kind, key, open)
);
CREATE INDEX jobs_due ON jobs (open, kind, due);

CREATE TABLE journal (
    seq       BIGINT PRIMARY KEY,
    time      BIGINT NOT NULL,
    kind      TEXT NOT NULL,
    body      TEXT NOT NULL,           -- canonical JSON, hashed as it stands
    previous  TEXT NOT NULL,
    hash      TEXT NOT NULL
);

CREATE TABLE users (
    name      TEXT PRIMARY KEY,
    password  TEXT,                    -- a PHC string; null for who comes from elsewhere
    issuer    TEXT,
    subject   TEXT,
    admin     INTEGER NOT NULL,
    disabled  INTEGER NOT NULL,
    created   BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);

CREATE TABLE robots (
    name        TEXT PRIMARY KEY,
    secret      TEXT NOT NULL,         -- what access made of the secret
    scopes      TEXT NOT NULL,         -- JSON, meaningful to access
    expires     BIGINT,
    disabled    INTEGER NOT NULL,
    created_by  TEXT NOT NULL,
    created     BIGINT NOT NULL
);

CREATE TABLE grants (
    id          INTEGER PRIMARY KEY,
    principal   TEXT NOT NULL,
    scope       TEXT NOT NULL,         -- meaningful to access
    actions     TEXT NOT NULL,         -- JSON list
    created_by  TEXT NOT NULL,
    created     BIGINT NOT NULL,
    UNIQUE (principal, scope)
);

CREATE TABLE exceptions (
    id           INTEGER PRIMARY KEY,
    scope        TEXT NOT NULL,        -- JSON, meaningful to policy
    reason       TEXT NOT NULL,
    created_by   TEXT NOT NULL,
    created      BIGINT NOT NULL,
    approved_by  TEXT,
    approved     BIGINT,
    expires      BIGINT NOT NULL,
    withdrawn    BIGINT
);

CREATE TABLE approvals (
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    digest      TEXT NOT NULL,
    approver    TEXT NOT NULL,
    reason      TEXT NOT NULL,
    created     BIGINT NOT NULL,
    PRIMARY KEY (repository, digest, approver)
);

CREATE TABLE webhook_deliveries (
    id         INTEGER PRIMARY KEY,
    hook       TEXT NOT NULL,
    event      TEXT NOT NULL,
    body       TEXT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    due        BIGINT,                 -- null: no more attempts
    delivered  BIGINT,
    error      TEXT,
    created    BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due);

CREATE TABLE settings (
    name   TEXT PRIMARY KEY,
    value  TEXT NOT NULL
);
