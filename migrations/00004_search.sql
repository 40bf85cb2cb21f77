-- +goose Up

-- In which blocks of 1,024 records (number (seq - 1) / 1024) an actor, a rule, a program, an entitlement, an outcome or an
-- operation occurs: an index of some rows for each block instead of six for each record. The row 'since' says from which block on
-- all are here; without one all are.
CREATE TABLE mention (
    what  TEXT   NOT NULL,
    name  TEXT   NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (what, name, block)
);
INSERT INTO mention SELECT 'since', '', (size + 1023) / 1024 FROM head;
