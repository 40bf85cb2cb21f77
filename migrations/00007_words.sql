-- +goose Up

-- In which of 16 blocks of 1,024 records a piece of a text may stand: a row has some cells of a Bloom filter, and a sum of itself and of
-- the last of these records. A row that is missing or wrong only makes a search read more, so all may be deleted at any time; the daemon
-- makes them anew.
CREATE TABLE word_filter (
    part    BIGINT NOT NULL, -- of 1,024 that the cells are in
    segment BIGINT NOT NULL, -- of 16,384 records (number (seq - 1) / 16384)
    bits    TEXT   NOT NULL,
    PRIMARY KEY (part, segment)
);
CREATE INDEX word_filter_segment ON word_filter (segment);
