-- +goose Up

-- One row. Whoever writes locks it first, so that the order of commits is the order of the journal.
CREATE TABLE head (
    one          BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    size         BIGINT NOT NULL, -- records, and the seq of the last one
    epoch        BIGINT NOT NULL, -- of the leader
    control      BIGINT NOT NULL, -- seq of the last control record
    runs         BIGINT NOT NULL, -- runs begun
    time         BIGINT NOT NULL, -- of the last record
    frontier     TEXT   NOT NULL, -- right edge of the Merkle tree
    people       BIGINT NOT NULL, -- last number given in each table of names
    accounts     BIGINT NOT NULL,
    entitlements BIGINT NOT NULL,
    rulesets     BIGINT NOT NULL
);
INSERT INTO head VALUES (1, 0, 0, 0, 0, 0, '0', 0, 0, 0, 0);

-- Names, by number. Records and holdings know people and accounts by number only.
CREATE TABLE person (
    id  BIGINT NOT NULL PRIMARY KEY,
    key TEXT   NOT NULL UNIQUE
);
CREATE TABLE account (
    id      BIGINT NOT NULL PRIMARY KEY,
    program TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    UNIQUE (program, name)
);
CREATE TABLE entitlement (
    id      BIGINT NOT NULL PRIMARY KEY,
    program TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    UNIQUE (program, name)
);
CREATE TABLE ruleset (
    id    BIGINT NOT NULL PRIMARY KEY,
    rules TEXT   NOT NULL UNIQUE -- JSON list of names; number 0 is the empty list
);
INSERT INTO ruleset VALUES (0, '[]');

-- The records. public, and salt with personal (or, once these are blanked, commitment), are what leaf is the hash of; the
-- other columns repeat what public says, for searching.
CREATE TABLE journal (
    seq         BIGINT NOT NULL PRIMARY KEY,
    time        BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    run         TEXT   NOT NULL,
    person      BIGINT NOT NULL, -- 0: none
    program     TEXT   NOT NULL,
    account     BIGINT NOT NULL, -- 0: none
    entitlement TEXT   NOT NULL,
    op          TEXT   NOT NULL,
    outcome     TEXT   NOT NULL,
    intent      BIGINT NOT NULL, -- that an outcome belongs to; 0: none
    cause       TEXT   NOT NULL,
    class       TEXT   NOT NULL, -- budget that an intent is charged to
    source      TEXT   NOT NULL, -- directory of the person, for an intent
    approved    BIGINT NOT NULL,
    public      TEXT   NOT NULL,
    salt        TEXT,
    personal    TEXT,
    commitment  TEXT,
    leaf        TEXT   NOT NULL
);
CREATE INDEX journal_time ON journal (time);
CREATE INDEX journal_person ON journal (person, seq) WHERE person <> 0;
CREATE INDEX journal_account ON journal (account, seq) WHERE account <> 0;
CREATE INDEX journal_run ON journal (run, seq) WHERE run <> '';

-- Hashes of whole subtrees of the Merkle tree.
CREATE TABLE node (
    level BIGINT NOT NULL,
    idx   BIGINT NOT NULL,
    hash  TEXT   NOT NULL,
    PRIMARY KEY (level, idx)
);
CREATE TABLE checkpoint (
    size BIGINT NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL,
    note TEXT   NOT NULL -- signed
);

-- What the records come to. Everything below can be computed from them anew, claims apart.
CREATE TABLE holding (
    account     BIGINT NOT NULL,
    entitlement BIGINT NOT NULL,
    managed     BIGINT NOT NULL,
    confirmed   BIGINT NOT NULL,
    seen        BIGINT NOT NULL,
    since       BIGINT NOT NULL, -- when it became managed
    rules       BIGINT NOT NULL,
    PRIMARY KEY (account, entitlement)
);
CREATE TABLE tenure (
    account     BIGINT NOT NULL,
    entitlement BIGINT NOT NULL,
    managed     BIGINT NOT NULL,
    rules       BIGINT NOT NULL,
    from_seq    BIGINT NOT NULL,
    from_time   BIGINT NOT NULL,
    until_seq   BIGINT NOT NULL, -- 0: still
    until_time  BIGINT NOT NULL,
    PRIMARY KEY (account, entitlement, from_seq)
);
CREATE TABLE link (
    person     BIGINT NOT NULL,
    program    TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    account    BIGINT NOT NULL,
    from_seq   BIGINT NOT NULL,
    from_time  BIGINT NOT NULL,
    until_seq  BIGINT NOT NULL, -- 0: still
    until_time BIGINT NOT NULL,
    PRIMARY KEY (person, program, kind, from_seq)
);
CREATE INDEX link_account ON link (account);
CREATE TABLE open_intent (
    seq         BIGINT NOT NULL PRIMARY KEY,
    program     TEXT   NOT NULL,
    account     BIGINT NOT NULL,
    entitlement TEXT   NOT NULL,
    op          TEXT   NOT NULL,
    repeatable  BIGINT NOT NULL, -- may be tried again without reading back
    uncertain   BIGINT NOT NULL, -- the worker could not tell what became of it
    claimed     BIGINT NOT NULL, -- when a worker took it; 0: never
    lease       BIGINT NOT NULL, -- until when the worker may call
    attempts    BIGINT NOT NULL
);
CREATE INDEX open_intent_account ON open_intent (account);
CREATE INDEX open_intent_program ON open_intent (program, seq);
CREATE INDEX open_intent_urgent ON open_intent (program, seq) WHERE repeatable = 1; -- leavers and cuts go first
CREATE TABLE fact (
    kind        TEXT   NOT NULL,
    program     TEXT   NOT NULL,
    account     TEXT   NOT NULL,
    entitlement TEXT   NOT NULL,
    person      TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    since       BIGINT NOT NULL,
    until       BIGINT NOT NULL,
    n           BIGINT NOT NULL,
    text        TEXT   NOT NULL,
    data        TEXT   NOT NULL,
    PRIMARY KEY (kind, program, account, entitlement, person, key)
);
CREATE INDEX fact_account ON fact (program, account) WHERE account <> '';
CREATE TABLE baseline (
    program TEXT NOT NULL PRIMARY KEY -- a complete read of it was recorded once
);
