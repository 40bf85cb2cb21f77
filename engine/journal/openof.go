package journal

import "context"

// OpenOf is how many changes that a run decided are not at their end yet.
func (s *Store) OpenOf(ctx context.Context, run string) (n int, err error) {
	err = s.read.GetContext(ctx, &n, s.read.Rebind("SELECT count(*) FROM open_intent o JOIN journal j ON j.seq = o.seq WHERE j.run = ?"), run)
	return n, s.wrap("count what a run left open", err)
}
