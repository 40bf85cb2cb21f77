-- +goose Up

-- What the records up to one come to, line by line: a record of the kind snapshot names the root of the tree over the lines, and the
-- records before it may be empty then, but for number, time and hash. Lines that no record names are of a pruning that did not come
-- that far.
CREATE TABLE snapshot (
    upto       BIGINT NOT NULL, -- the last record that it speaks of
    n          BIGINT NOT NULL,
    public     TEXT   NOT NULL,
    salt       TEXT,
    personal   TEXT,
    commitment TEXT,            -- once salt and personal were blanked
    PRIMARY KEY (upto, n)
);

-- Records that were emptied have no kind, and there may be millions; journal.rare repeats the condition word for word.
CREATE INDEX journal_few ON journal (kind, seq)
    WHERE kind <> '' AND kind <> 'intent' AND kind <> 'outcome' AND kind <> 'late' AND kind <> 'adopt' AND kind <> 'release' AND kind <> 'link';
DROP INDEX journal_rare;
