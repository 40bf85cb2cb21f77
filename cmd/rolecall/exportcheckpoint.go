package main

import (
	"context"
	"errors"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
)

// checkpointType is that of a signed note (c2sp.org/signed-note): text.
const checkpointType = "text/plain; charset=utf-8"

// collectCheckpoint is the newest checkpoint as a batch, if it seals records that no checkpoint sealed that was sent before; first and last
// are the last record that it seals.
func (s *system) collectCheckpoint(ctx context.Context, after int64, _ string) (*batch, error) {
	b := &batch{kind: checkpointType}
	c, ok, err := s.store.NewestCheckpoint(ctx)
	if err != nil || !ok || c.Size <= after {
		return b, err
	}
	sealed := func(r engine.Record) error {
		if r.Seq > c.Size {
			return errFull
		}
		b.last, b.news = r, b.news || r.Kind != engine.KindExport
		return nil
	}
	if err := s.store.Records(ctx, engine.Query{After: max(after, c.Size-batchRecords), Limit: batchRecords}, sealed); err != nil && !errors.Is(err, errFull) {
		return nil, err
	}
	b.first, b.n, b.lines = b.last, 1, [][]byte{[]byte(c.Note)}
	return b, nil
}

// sent says what an export sends, in words.
func sent(format string) string {
	if format == config.FormatCheckpoint {
		return "a checkpoint of the records"
	}
	return "the records"
}
