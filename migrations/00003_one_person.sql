-- +goose Up

-- Whom an intent is about (0: nobody known), for while an account is only proposed, nobody else works on another one of that
-- person's.
ALTER TABLE open_intent ADD COLUMN person BIGINT NOT NULL DEFAULT 0;
UPDATE open_intent SET person = (SELECT j.person FROM journal j WHERE j.seq = open_intent.seq);
CREATE INDEX open_intent_person ON open_intent (person) WHERE person <> 0;
