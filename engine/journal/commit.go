package journal

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// commit writes the requests in one transaction. A request that the rules refuse gets its error and the others go on; an
// error of commit itself is everybody's.
func (s *Store) commit(ctx context.Context, requests []*request) error {
	last := ""
	err := s.locked(ctx, func(t *tx, h *head) error {
		b := &batch{tx: t, head: h, names: s.names, intended: map[string]bool{}}
		if err := b.write(requests); err != nil {
			return err
		}
		if last = b.last; last != "" {
			s.own.size, s.own.leaf, s.own.frontier = h.Size, last, h.Frontier
		}
		return nil
	})
	if err != nil {
		return s.afterFailure(ctx, err, last)
	}
	for _, t := range s.names.all() {
		if last != "" { // otherwise the new names were not written either
			t.commit()
		}
	}
	s.fresh.keep(requests)
	return nil
}

// batch is one transaction's work.
type batch struct {
	*tx
	head     *head
	names    *names
	before   engine.Part // what was loaded
	fold     *engine.Fold
	tenures  *engine.Tenures
	touched  engine.Touched
	linked   []linkStep
	seenIn   []string // programs with a read
	leaves   []audit.Hash
	last     string          // hash of the last record
	intended map[string]bool // programs with a new intent
	journal  *rows
	mentions mentions
	stream   *copier   // of the records, once there are many
	clock    time.Time // when it is; zero: the store's clock is asked
}

// linkStep is one link as one record made it.
type linkStep struct {
	key  engine.LinkKey
	link engine.Link
	seq  int64
}

func (b *batch) write(requests []*request) error {
	b.names.people.begin(b.head.People)
	b.names.accounts.begin(b.head.Accounts)
	b.names.entitlements.begin(b.head.Entitlements)
	b.names.rulesets.begin(b.head.Rulesets)
	if err := b.load(requests); err != nil {
		return err
	}
	n := 0
	for _, q := range requests {
		n += len(q.records)
	}
	b.journal, b.leaves = newRows("iittititttitttitttt").expect(n), make([]audit.Hash, 0, n)
	own := b.clock
	if own.IsZero() {
		own = b.store.options.Now()
	}
	now := journalTime(b.head.Time, micros(own))
	for _, q := range requests {
		if q.err = cmp.Or(q.guard.Over(believed(now, own)), b.fold.Admit(b.head.Epoch, q.guard, q.records)); q.err != nil {
			continue
		}
		for i := range q.records {
			err := b.add(&q.records[i], &q.sealed[i], now)
			if err == nil {
				err = b.streamRecords()
			}
			if err != nil {
				return errors.Join(err, b.abandonStream())
			}
		}
	}
	if len(b.leaves) == 0 {
		return nil
	}
	if err := b.save(); err != nil {
		return err
	}
	return b.enqueue()
}

// journalTime never stands still while a clock is behind: which of two links to an account is newer goes by it.
func journalTime(last, own int64) int64 {
	if own < last {
		return last + 1
	}
	return own
}

// believed is the time that approvals are measured by: the journal's own, unless that was written by a clock that was far ahead;
// else no approval could be used until this one has caught up.
func believed(journal int64, own time.Time) time.Time {
	if late := own.Add(engine.LongestLease); journal > micros(late) {
		return own
	}
	return time.UnixMicro(journal)
}

// enqueue tells the queue, if there is one, which programs have new intents.
func (b *batch) enqueue() error {
	queue := b.store.options.Enqueue
	if queue == nil || len(b.intended) == 0 {
		return nil
	}
	engine.Failpoint("enqueue.before")
	defer engine.Failpoint("enqueue.after")
	return queue(b.ctx, b.Tx.Tx, slices.Sorted(maps.Keys(b.intended)))
}

// sealed is what of a record's stored form does not depend on its number, so that it is made without the lock.
type sealed struct {
	personal, salt, source string
	commitment             audit.Hash
}

// manyRecords are worth a second processor: the server waits for them.
const manyRecords = 512

// sealAll makes all of records that needs no lock. The salts are read at once.
func sealAll(q *request, records []engine.Record, random io.Reader) error {
	salts := make([]byte, len(records)*audit.SaltSize)
	if _, err := io.ReadFull(random, salts); err != nil {
		return err
	}
	part := func(from, to int) (err error) {
		for i := from; i < to && err == nil; i++ {
			if q.records[i], err = records[i].Canonical(); err == nil {
				q.sealed[i], err = seal(&q.records[i], [audit.SaltSize]byte(salts[i*audit.SaltSize:]))
			}
		}
		return err
	}
	if len(records) < manyRecords {
		return part(0, len(records))
	}
	var first error
	var other sync.WaitGroup
	half := len(records) / 2
	other.Go(func() { first = part(0, half) })
	second := part(half, len(records))
	other.Wait()
	return cmp.Or(first, second)
}

func seal(r *engine.Record, salt [audit.SaltSize]byte) (s sealed, err error) {
	personalText, err := storePersonal(r)
	if err != nil {
		return s, err
	}
	if r.Kind.Charges() {
		if s.source, err = engine.IntentSource(r); err != nil {
			return s, err
		}
	}
	s.personal, s.salt = string(personalText), base64.StdEncoding.EncodeToString(salt[:])
	s.commitment = audit.Commitment(salt, personalText)
	return s, nil
}

// add numbers, hashes and folds one record.
func (b *batch) add(r *engine.Record, s *sealed, now int64) error {
	b.fold.Late(r)
	b.head.Size++
	r.Seq, r.Time, b.head.Time = b.head.Size, instant(now), now
	person, account := b.person(r.Person), int64(0)
	if r.Account != "" {
		account = b.names.accounts.known(r.Program, r.Account)
	}
	publicText := storePublic(r, person, account)
	leaf := audit.LeafBlanked(publicText, s.commitment)
	r.Hash = base64.StdEncoding.EncodeToString(leaf[:])
	b.leaves = append(b.leaves, leaf)
	b.last = r.Hash
	b.journal.add(r.Seq, now, string(r.Kind), r.Run, person, r.Program, account, r.Entitlement, string(r.Op), string(r.Outcome), r.Of,
		string(r.Cause), string(r.Class), s.source, bit(r.Approved), string(publicText), s.salt, s.personal, r.Hash)
	b.mentions.add(r)
	return b.apply(r)
}

// apply folds the record in and keeps what it touched.
func (b *batch) apply(r *engine.Record) error {
	if err := b.fold.Apply(*r); err != nil {
		return err
	}
	b.tenures.Follow(b.fold, *r)
	t := b.fold.Touched()
	b.touched.Holdings = append(b.touched.Holdings, t.Holdings...)
	b.touched.Open = append(b.touched.Open, t.Open...)
	b.touched.Facts = append(b.touched.Facts, t.Facts...)
	for _, key := range t.Links {
		l, _ := b.fold.Link(key)
		b.linked = append(b.linked, linkStep{key, l, r.Seq})
	}
	if r.Kind == engine.KindIntent {
		b.intended[r.Program] = true
	}
	if r.Kind == engine.KindSeen {
		b.seenIn = append(b.seenIn, r.Program)
	}
	return nil
}
