package journal

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine/audit"
)

// runs reads stored hashes; it implements audit.Runs.
type runs struct {
	ctx context.Context
	tx  *sqlx.Tx
}

// Run implements audit.Runs.
func (r runs) Run(level int, from, n int64) ([]audit.Hash, error) {
	query, args := "SELECT leaf FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq", []any{from, from + n}
	if level > 0 {
		query, args = "SELECT hash FROM node WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx", []any{level, from, from + n}
	}
	var texts []string
	if err := r.tx.SelectContext(r.ctx, &texts, r.tx.Rebind(query), args...); err != nil {
		return nil, err
	}
	if int64(len(texts)) != n {
		return nil, fmt.Errorf("%d of the hashes of level %d from %d on are missing; run audit verify", n-int64(len(texts)), level, from)
	}
	hashes := make([]audit.Hash, n)
	for i, text := range texts {
		var err error
		if hashes[i], err = parseHash(text); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

func parseHash(text string) (h audit.Hash, err error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(h) {
		return h, fmt.Errorf("a stored hash can't be read (%.50q); restore the journal from a backup", text)
	}
	return audit.Hash(raw), nil
}
