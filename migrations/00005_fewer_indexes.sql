-- +goose Up

-- Every record had an entry in each of these. Time never runs backwards in a journal, so what is of a time is found by bisecting
-- the numbers; and the blocks that a run occurs in are a few, so they stand where those of actors and programs do.
DROP INDEX journal_time;
INSERT INTO mention SELECT DISTINCT 'run', run, (seq - 1) / 1024 FROM journal WHERE run <> '';
DROP INDEX journal_run;
