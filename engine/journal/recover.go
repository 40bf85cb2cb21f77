package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/engine"
)

// afterFailure finds out what became of a transaction whose commit gave an error, for a connection may break after the
// server has committed. It locks the head, so a commit that is still under way is waited for. last is the hash of the
// transaction's last record.
func (s *Store) afterFailure(ctx context.Context, failure error, last string) error {
	if last == "" {
		return failure
	}
	engine.Failpoint("recover.before")
	there := 0
	err := s.locked(ctx, func(t *tx, _ *head) error {
		query := "SELECT count(*) FROM journal WHERE leaf = ? AND seq > (SELECT size FROM head) - 100000"
		return t.GetContext(ctx, &there, t.Rebind(query), last)
	})
	switch {
	case err != nil:
		return fmt.Errorf("the records may or may not be there: %w", errors.Join(failure, err))
	case there > 0:
		return nil
	}
	return failure
}
