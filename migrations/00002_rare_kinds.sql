-- +goose Up

-- Policies, configurations, decisions, cuts and the like are asked for in every run, and are a few among millions. The kinds
-- that there are many of are left out, so that writing them costs nothing; journal.rare repeats the condition word for word.
CREATE INDEX journal_rare ON journal (kind, seq)
    WHERE kind <> 'intent' AND kind <> 'outcome' AND kind <> 'late' AND kind <> 'adopt' AND kind <> 'release' AND kind <> 'link';
