-- What images are searched by: what the report of the last decision names, in lower case. `kind` says what a term is.
CREATE TABLE terms (
    kind        TEXT NOT NULL,         -- layer, file, wallet, host, rule, technique
    term        TEXT NOT NULL,
    repository  BIGINT NOT NULL REFERENCES repositories (id),
    digest      TEXT NOT NULL,         -- the image
    PRIMARY KEY (kind, term, repository, digest)
);
CREATE INDEX terms_image ON terms (repository, digest);

-- What the gate signed with a release stands and falls with its image, and is no image that people look at.
ALTER TABLE standings ADD COLUMN companion INTEGER NOT NULL DEFAULT 0;
UPDATE standings SET companion = 1 WHERE decision LIKE '%"rule":"signature"%';

-- Lists by state and by time, of all repositories and of some, and counts, without a look at the decisions.
CREATE INDEX standings_queue ON standings (companion, state, first_seen, repository, digest);
CREATE INDEX standings_time ON standings (companion, first_seen, repository, digest);
CREATE INDEX standings_of ON standings (repository, state, first_seen, digest, companion);
CREATE INDEX standings_digest ON standings (digest, companion, repository);

-- Which entries of the journal are about which manifest. The journal alone counts: this is where to look in it.
CREATE TABLE journal_images (
    repository  TEXT NOT NULL,         -- by name, as the journal has it
    digest      TEXT NOT NULL,
    seq         BIGINT NOT NULL REFERENCES journal (seq),
    PRIMARY KEY (repository, digest, seq)
);
INSERT INTO journal_images (repository, digest, seq)
    SELECT json_extract(body, '$.repository'), json_extract(body, '$.digest'), seq FROM journal
    WHERE json_extract(body, '$.repository') IS NOT NULL AND json_extract(body, '$.digest') IS NOT NULL;
