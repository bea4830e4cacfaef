-- One login of each person whom an identity provider vouches for: the last one.
CREATE TABLE logins (
    name     TEXT PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
    secret   TEXT NOT NULL,            -- what access made of the secret
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL
);
