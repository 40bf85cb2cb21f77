package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// blankRecord leaves what the leaf is the hash of, but for the texts.
const blankRecord = "UPDATE journal SET salt = NULL, personal = NULL, commitment = ? WHERE seq = ?"

// Blank implements engine.Blanker. All of it is one transaction. Every process forgets the numbers of names then, and whoever leads
// is deposed: what it planned may name somebody who has no name any more.
func (s *Store) Blank(ctx context.Context, g engine.Guard, of engine.Subject, records []engine.Record) (done engine.Blanked, err error) {
	if s.options.ReadOnly {
		return done, ErrReadOnly
	}
	records = slices.Clone(records)
	if records[len(records)-1].Data, err = json.Marshal(of.Blanking); err != nil {
		return done, err
	}
	q := &request{guard: g, records: make([]engine.Record, len(records)), sealed: make([]sealed, len(records))}
	if err := sealAll(q, records, s.options.Random); err != nil {
		return done, err
	}
	err = s.locked(ctx, func(t *tx, h *head) error {
		if h.Size != of.Seq {
			return fmt.Errorf("%w (record %d)", engine.ErrStale, h.Size)
		}
		if err := t.erasing(); err != nil { // before anything is deleted, a fact too
			return err
		}
		b := &batch{tx: t, head: h, names: s.names, intended: map[string]bool{}}
		if err := b.write([]*request{q}); err != nil {
			return err
		}
		if q.err != nil {
			return q.err
		}
		if done.Records, err = t.blank(&of, h); err != nil {
			return err
		}
		_, err := t.ExecContext(t.ctx, fmt.Sprintf("UPDATE head SET epoch = epoch + %d", muchLater))
		return err
	})
	s.fresh.clear()
	if err != nil {
		return engine.Blanked{}, s.wrap("blank somebody", err)
	}
	done.Remains = s.dialect.forget(ctx, s)
	return done, nil
}

// blanking is what a transaction blanks.
type blanking struct {
	*tx
	of       *engine.Subject
	people   string // numbers, as SQL has them
	accounts string
	blocks   map[int64]bool // of records that were blanked
}

// numbers is a list of numbers for SQL, of which none is nobody's.
func numbers(ids []int64) string {
	texts := []string{"-1"}
	for _, id := range ids {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	return strings.Join(texts, ", ")
}

// blank deletes what is personal of one person. The salt goes too, so that nobody can try texts against the commitment.
func (t *tx) blank(of *engine.Subject, h *head) (n int, err error) {
	var accounts []int64
	for _, a := range of.Blanking.Accounts {
		accounts = append(accounts, a.Number)
	}
	b := &blanking{t, of, numbers(of.Blanking.People), numbers(accounts), map[int64]bool{}}
	if err := b.nothingLeft(); err != nil {
		return 0, err
	}
	for after, more := int64(0), true; more && err == nil; {
		var blankedNow int
		if after, blankedNow, err = b.portion(after); err == nil {
			n, more = n+blankedNow, blankedNow == page
		}
	}
	if err != nil {
		return 0, err
	}
	if err := b.actors(); err != nil {
		return 0, err
	}
	if err := b.snapshot(); err != nil {
		return 0, err
	}
	return n, b.rename(h)
}

// snapshot does the same to the lines of a pruning's snapshot.
func (b *blanking) snapshot() error {
	last, err := lastPruning(b.ctx, b.tx)
	if err != nil || last == nil {
		return err
	}
	names := map[string]map[int64]bool{linePerson: {}, lineAccount: {}}
	for _, id := range b.of.Blanking.People {
		names[linePerson][id] = true
	}
	for _, a := range b.of.Blanking.Accounts {
		names[lineAccount][a.Number] = true
	}
	gone := map[int64]Stored{}
	err = each(b.QueryxContext(b.ctx, b.Rebind("SELECT public, salt, personal, commitment, n FROM snapshot WHERE upto = ? AND personal IS NOT NULL"), last.UpTo))(func(r *sqlx.Rows) error {
		var n int64
		l, err := scanLine(r, &n)
		if err != nil {
			return err
		}
		var p snapLine
		err = json.Unmarshal([]byte(l.Public), &p)
		if names[p.What][p.N] || slices.Contains(b.of.Blanking.Lines, n) {
			gone[n] = l
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range sortedKeys(gone) {
		l := gone[n]
		commitment, err := l.commit()
		if err == nil {
			_, err = b.ExecContext(b.ctx, b.Rebind("UPDATE snapshot SET salt = NULL, personal = NULL, commitment = ? WHERE upto = ? AND n = ?"), commitment, last.UpTo, n)
		}
		if err != nil {
			return fmt.Errorf("line %d of the snapshot: %w", n, err)
		}
	}
	return nil
}

// nothingLeft refuses what could never be found again under the name that it has.
func (b *blanking) nothingLeft() error {
	type asked struct {
		what, query string
		args        []any
	}
	all := []asked{
		{"an open change", "SELECT count(*) FROM open_intent WHERE person IN (" + b.people + ") OR account IN (" + b.accounts + ")", nil},
		{"a holding", "SELECT count(*) FROM holding WHERE account IN (" + b.accounts + ")", nil},
	}
	for _, key := range b.of.People {
		all = append(all, asked{"something decided or remembered", "SELECT count(*) FROM fact WHERE person = ?", []any{key}})
	}
	for _, a := range b.of.Accounts {
		all = append(all, asked{"something decided or remembered", "SELECT count(*) FROM fact WHERE account <> '' AND program = ? AND account = ?", []any{a[0], a[1]}})
	}
	for _, one := range all {
		var n int
		if err := b.GetContext(b.ctx, &n, b.Rebind(one.query), one.args...); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: %s of theirs is left; try again when it is gone", engine.ErrNotBlanked, one.what)
		}
	}
	return nil
}

// portion blanks the next records behind one, and gives the last of them.
func (b *blanking) portion(after int64) (last int64, n int, err error) {
	const whole = `SELECT seq, salt, personal FROM journal WHERE (person <> 0 AND person IN (%s) OR account <> 0 AND account IN (%s)) AND personal IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?`
	var rows []struct {
		Seq            int64
		Salt, Personal string
	}
	if err := b.SelectContext(b.ctx, &rows, b.Rebind(fmt.Sprintf(whole, b.people, b.accounts)), after, page); err != nil {
		return after, 0, err
	}
	for _, r := range rows {
		commitment, err := (&Stored{Salt: r.Salt, Personal: r.Personal}).commit()
		if err != nil {
			return after, 0, fmt.Errorf("the salt of record %d can't be read; run audit verify", r.Seq)
		}
		if _, err := b.ExecContext(b.ctx, b.Rebind(blankRecord), commitment, r.Seq); err != nil {
			return after, 0, err
		}
		after = r.Seq
		b.blocks[blockOf(r.Seq)] = true
	}
	return after, len(rows), nil
}

// actors takes out of the index who acted only in what was blanked.
func (b *blanking) actors() error {
	for _, block := range sortedKeys(b.blocks) {
		var texts, noted []string
		err := b.SelectContext(b.ctx, &texts, b.Rebind("SELECT personal FROM journal WHERE seq > ? AND seq <= ? AND personal IS NOT NULL"), block*mentionBlock, (block+1)*mentionBlock)
		if err == nil {
			err = b.SelectContext(b.ctx, &noted, b.Rebind("SELECT name FROM mention WHERE what = 'actor' AND block = ?"), block)
		}
		if err != nil {
			return err
		}
		left := map[string]bool{}
		for _, text := range texts {
			var p struct {
				Actor string `json:"actor"`
			}
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				return err
			}
			left[p.Actor] = true
		}
		for _, name := range noted {
			if left[name] {
				continue
			}
			if _, err := b.ExecContext(b.ctx, b.Rebind("DELETE FROM mention WHERE what = 'actor' AND name = ? AND block = ?"), name, block); err != nil {
				return err
			}
		}
	}
	return nil
}

// rename leaves numbers where names were, and ends the links.
func (b *blanking) rename(h *head) error {
	change := func(query string, args ...any) error {
		_, err := b.ExecContext(b.ctx, b.Rebind(query), args...)
		return err
	}
	if err := change("UPDATE link SET until_seq = ?, until_time = ? WHERE until_seq = 0 AND person IN ("+b.people+")", h.Size, h.Time); err != nil {
		return err
	}
	for _, id := range b.of.Blanking.People {
		if err := change("UPDATE person SET key = ? WHERE id = ?", engine.BlankedName(id), id); err != nil {
			return err
		}
	}
	for i, a := range b.of.Blanking.Accounts {
		name := engine.BlankedName(a.Number)
		if _, proposed := engine.ProposedName(b.of.Accounts[i][1]); proposed {
			name = engine.ProposedPrefix + name
		}
		if err := change("UPDATE account SET name = ? WHERE id = ?", name, a.Number); err != nil {
			return err
		}
	}
	return nil
}

// erasing has the database overwrite what is deleted from now on, where it does not by itself.
func (t *tx) erasing() error {
	if text := t.store.dialect.erases(); text != "" {
		_, err := t.ExecContext(t.ctx, text)
		return err
	}
	return nil
}

// checkpointTries is how often the log is emptied anew, each time as long as the database waits for others.
const checkpointTries = 3

// forget takes what was deleted, now or earlier, out of the file and of the one beside it, and names what it can't.
func (sqliteDialect) forget(ctx context.Context, s *Store) (remains []string) {
	if _, err := s.write.ExecContext(ctx, "VACUUM"); err != nil {
		remains = append(remains, fmt.Sprintf("%s may still hold what was deleted earlier, since it could not be packed (%v); run VACUUM in it", s.path, err))
	}
	busy := struct{ Busy, Log, Checkpointed int }{Busy: 1}
	var err error
	for range checkpointTries {
		if err = s.write.GetContext(ctx, &busy, "PRAGMA wal_checkpoint(TRUNCATE)"); err == nil && busy.Busy == 0 {
			break
		}
	}
	if err != nil || busy.Busy != 0 {
		remains = append(remains, fmt.Sprintf("%s-wal still holds what was deleted, since somebody reads the database; it goes when nobody does any more and it is closed", s.path))
	}
	return append(remains, copiesBeside(s.path)...)
}

func (sqliteDialect) erases() string { return "PRAGMA secure_delete = ON" } // sqlite.org/pragma.html#pragma_secure_delete

// copiesBeside names the older files that migrations and restores leave.
func copiesBeside(path string) (lines []string) {
	older, _ := filepath.Glob(path + ".before-*")
	for _, file := range older {
		lines = append(lines, file+" is an older copy, and holds what it held; delete it when nobody needs it any more")
	}
	return lines
}

// forget has old rows freed; the server's administrator decides how long its log and backups are kept.
func (postgresDialect) forget(ctx context.Context, s *Store) (remains []string) {
	if _, err := s.write.ExecContext(ctx, "VACUUM journal, fact, person, account, mention, tenure, snapshot"); err != nil {
		remains = append(remains, fmt.Sprintf("the server still holds the old rows, since they could not be freed (%v); run VACUUM there", err))
	}
	return append(remains, "the server's own log and backups hold what they held, and its old rows stay while an older transaction runs")
}

func (postgresDialect) erases() string { return "" }
