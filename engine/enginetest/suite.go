package enginetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/engine"
)

// Store is all that a journal can do.
type Store interface {
	engine.Journal
	engine.Outbox
	engine.Log
	engine.AsOf
}

// Clock is a clock that is set by hand. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock starts at a fixed instant.
func NewClock() *Clock { return &Clock{at: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)} }

// Now reads the clock.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

// Add moves the clock, backwards too.
func (c *Clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// JournalSuite is what every journal passes. open gives a new, empty journal that ends with the test; it is called many
// times, and one that is an io.Closer may be closed before.
func JournalSuite(t *testing.T, open func(t testing.TB, now func() time.Time) Store) {
	for name, test := range map[string]func(*suite){
		"numbers and times": (*suite).numbers,
		"guard":             (*suite).guard,
		"open intents":      (*suite).openIntents,
		"withdrawn":         (*suite).withdrawn,
		"halted":            (*suite).halted,
		"late outcomes":     (*suite).late,
		"claims":            (*suite).claims,
		"claims have names": (*suite).claimNames,
		"a clock ahead":     (*suite).clockAhead,
		"a clock behind":    (*suite).clockBehind,
		"one person":        (*suite).onePerson,
		"leavers first":     (*suite).leaversFirst,
		"vanished":          (*suite).vanished,
		"pause":             (*suite).pause,
		"what comes first":  (*suite).comesFirst,
		"refuses":           (*suite).refuses,
		"queries":           (*suite).queries,
		"many writers":      (*suite).writers,
		"as of":             (*suite).asOf,
	} {
		t.Run(name, func(t *testing.T) {
			clock := NewClock()
			test(&suite{T: t, clock: clock, Store: open(t, clock.Now)})
		})
	}
	t.Run("equals the fold", func(t *testing.T) { random(t, open) })
}

type suite struct {
	*testing.T
	Store
	clock *Clock
}

// must appends under the free guard and gives the last record's Seq.
func (s *suite) must(records ...engine.Record) int64 {
	s.Helper()
	if err := s.Append(context.Background(), engine.Free, records); err != nil {
		s.Fatal(err)
	}
	return records[len(records)-1].Seq
}

// refused appends and wants the error.
func (s *suite) refused(want error, g engine.Guard, records ...engine.Record) {
	s.Helper()
	before := s.memory().Seq
	err := s.Append(context.Background(), g, records)
	if err == nil || want != nil && !errors.Is(err, want) {
		s.Errorf("got error %v, want %v", err, want)
	}
	if after := s.memory().Seq; after != before {
		s.Errorf("a refused append wrote records %d to %d", before+1, after)
	}
}

func (s *suite) memory() *engine.Memory {
	s.Helper()
	m, err := s.Memory(context.Background(), time.Time{})
	if err != nil {
		s.Fatal(err)
	}
	return m
}

func (s *suite) claim(max int) []engine.Intent {
	s.Helper()
	got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: max, Now: s.clock.Now(), Lease: time.Minute})
	if err != nil {
		s.Fatal(err)
	}
	return got
}

// same compares and reports.
func (s *suite) same(what string, got, want any) {
	s.Helper()
	if d := cmp.Diff(want, got); d != "" {
		s.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func note(actor string) engine.Record { return engine.Record{Kind: engine.KindNote, Actor: actor} }

func intent(op engine.Op, account, right string, class engine.Class) engine.Record {
	return engine.IntentRecord("run1", "daemon", "corp", engine.Change{Op: op, Person: "person-" + account, Account: account, Program: "wiki",
		Entitlement: engine.Entitlement{Program: "wiki", Name: right}.String(), Why: []string{"because"}, Rules: []string{"rule"}, Cause: engine.CauseRule}, class)
}

func outcome(of int64, account, right string, word engine.Outcome) engine.Record {
	return engine.Record{Kind: engine.KindOutcome, Of: of, Person: "person-" + account, Program: "wiki", Account: account, Entitlement: right, Outcome: word}
}

func seqs(intents []engine.Intent) []int64 {
	out := []int64{}
	for _, i := range intents {
		out = append(out, i.Seq)
	}
	return out
}
