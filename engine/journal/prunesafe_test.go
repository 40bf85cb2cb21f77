package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// A pruning that fails leaves nothing behind, wherever it fails.
func TestOfAPruningThatFailsNothingIsLeft(t *testing.T) {
	bothStores(t, func(t *testing.T, address string) {
		s, _, day := aged(t, address)
		before := contentOf(t, s)
		lost := errors.New("the key is lost")
		o := orderOf(t, s, day)
		o.Sign = func(audit.Head, string) (string, error) { return "", lost }
		if _, err := s.Prune(t.Context(), o); !errors.Is(err, lost) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		o = orderOf(t, s, day)
		sign := o.Sign
		o.Sign = func(now audit.Head, statement string) (string, error) { cancel(); return sign(now, statement) }
		if _, err := s.Prune(ctx, o); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if after := contentOf(t, s); after != before {
			t.Errorf("was\n%s\nis\n%s", before, after)
		}
		if done := pruneBefore(t, s, day); done.Already || done.Emptied == 0 {
			t.Errorf("%+v", done)
		}
	})
}

// contentOf is all that a pruning may change.
func contentOf(t *testing.T, s *Store) (text string) {
	t.Helper()
	for _, query := range []string{"SELECT count(*) FROM snapshot", "SELECT size FROM head", "SELECT count(*) FROM journal WHERE personal IS NOT NULL", "SELECT count(*) FROM journal", "SELECT count(*) FROM tenure", "SELECT count(*) FROM mention"} {
		n := 0
		if err := s.read.Get(&n, query); err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintln(query, n)
	}
	return text
}

// Of two prunings at once one does it, and the other one finds nothing to do.
func TestTwoPruningsAtOnce(t *testing.T) {
	bothStores(t, func(t *testing.T, address string) {
		s, clock, day := aged(t, address)
		other := openStore(t, address, clock.Now)
		var wait sync.WaitGroup
		did := make([]PruneDone, 4)
		failed := make([]error, len(did))
		for n := range did {
			on := []*Store{s, other}[n%2]
			o := orderOf(t, on, day)
			wait.Go(func() { did[n], failed[n] = on.Prune(t.Context(), o) })
		}
		wait.Wait()
		n := 0
		for i, done := range did {
			if failed[i] == nil && !done.Already {
				n++
			} else if failed[i] == nil && done.Record != 20 {
				t.Errorf("%+v", done)
			}
		}
		if v := verify(t, s); n != 1 || !v.OK() || v.Records != 20 {
			t.Errorf("%d did it, %v: %+v", n, failed, v)
		}
	})
}

// Nobody is pruned without a key, and what the key says is said of the whole record, where it stands.
func TestAPruningIsSigned(t *testing.T) {
	s, _, day := aged(t, lite(t))
	for _, o := range []PruneOrder{{}, {Sign: orderOf(t, s, day).Sign}, {Trust: orderOf(t, s, day).Trust}} {
		o.Actor, o.Reason, o.Before, o.Heads = "dpo", "too old", day, orderOf(t, s, day).Heads
		if _, err := s.Prune(t.Context(), o); !errors.Is(err, engine.ErrNotPruned) {
			t.Error(err)
		}
	}
	nothingEmptied(t, s)
	o := orderOf(t, s, day)
	said := ""
	o.Sign = func(_ audit.Head, statement string) (string, error) { said = statement; return "", nil }
	if _, err := s.Prune(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, s); v.OK() || !strings.Contains(v.first(), "no signature") {
		t.Errorf("%s: %+v", said, v)
	}
}

// A signature of one record is none of any other.
func TestAStatementIsOfTheWholeRecord(t *testing.T) {
	s, _, day := aged(t, lite(t))
	done := pruneBefore(t, s, day)
	if _, err := Trusted(keysOf(t), &done.Pruned); err != nil {
		t.Fatal(err)
	}
	var stored struct{ Public, Personal []byte }
	if err := s.read.Get(&stored, "SELECT public, personal FROM journal WHERE seq = 20"); err != nil {
		t.Fatal(err)
	}
	for old, other := range map[string]string{
		`"actor":"dpo"`: `"actor":"boss"`, `"too old"`: `"no reason"`, `["too old"]`: `["too old"],"other":1`, `"before":"`: `"before":"1`, `"upTo":17`: `"upTo":16`, `"lines":`: `"lines":1`, `"root":"`: `"root":"A`,
		`"kept":[[`: `"kept":[[1,1],[1`, `"data":{`: `"set":[{"kind":"cut"}],"data":{`, `"upTo":`: `"other":1,"upTo":`, `"seq":20`: `"seq":21`, `"time":`: `"time":1`, `"kind":"snapshot"`: `"kind":"snapshot","person":1`,
	} {
		publicText, personalText := bytes.Replace(stored.Public, []byte(old), []byte(other), 1), bytes.Replace(stored.Personal, []byte(old), []byte(other), 1)
		if bytes.Equal(publicText, stored.Public) && bytes.Equal(personalText, stored.Personal) {
			t.Fatalf("%s is nowhere", old)
		}
		p, err := prunedBy(20, publicText, personalText)
		if err == nil {
			_, err = Trusted(keysOf(t), p)
		}
		if err == nil {
			t.Errorf("%s instead of %s, and the key says so too", other, old)
		}
	}
	moved := done.Pruned
	moved.Record++
	if _, err := Trusted(keysOf(t), &moved); err == nil {
		t.Error("it stands elsewhere, and the key says so too")
	}
}

// A journal that was written anew, or whose earlier pruning nobody signed, is not emptied: that would hide it.
func TestNothingForgedIsPruned(t *testing.T) {
	t.Run("no checkpoint covers it", func(t *testing.T) {
		s, _, day := aged(t, lite(t))
		o := orderOf(t, s, day)
		for _, heads := range [][]audit.Head{nil, {headAt(t, s, 16)}} {
			o.Heads = heads
			if _, err := s.Prune(t.Context(), o); !errors.Is(err, engine.ErrNotPruned) || !strings.Contains(err.Error(), "checkpoints cover") {
				t.Error(err)
			}
		}
		nothingEmptied(t, s)
		o.Heads = []audit.Head{headAt(t, s, 17)}
		if _, err := s.Prune(t.Context(), o); err != nil {
			t.Error(err)
		}
	})
	for what, at := range map[string]time.Duration{"an earlier snapshot, at the same time": 0, "an earlier snapshot, later": 1000 * 24 * time.Hour} {
		t.Run(what, func(t *testing.T) {
			s, clock, day := aged(t, lite(t))
			pruneBefore(t, s, day)
			clock.Add(at)
			before := contentOf(t, s)
			o := orderOf(t, s, day.Add(at))
			forged := errors.New("not signed by this key")
			o.Trust = func(context.Context, *engine.Pruned) error { return forged }
			if _, err := s.Prune(t.Context(), o); !errors.Is(err, forged) {
				t.Error(err)
			}
			if after := contentOf(t, s); after != before {
				t.Errorf("was\n%s\nis\n%s", before, after)
			}
		})
	}
}

func headAt(t *testing.T, s *Store, size int64) audit.Head {
	t.Helper()
	h, err := s.RootAt(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Records are as old as the journal's own times say, and a clock that jumps makes none older than a silence may be.
func TestAClockThatIsAheadMakesNothingOld(t *testing.T) {
	s, clock, _ := aged(t, lite(t)) // a thousand days lie behind the old ones
	const day = 24 * time.Hour
	o := orderOf(t, s, clock.Now())
	o.Least = 90 * day
	try := func(want bool) {
		t.Helper()
		o.Heads = orderOf(t, s, time.Time{}).Heads
		_, err := s.Prune(t.Context(), o)
		if want != (err == nil) || err != nil && !errors.Is(err, engine.ErrNotPruned) {
			t.Error(err)
		}
	}
	clock.Add(365 * day)
	appendOne(t, s, engine.Record{Kind: engine.KindRun, Run: "r3"})
	try(false)
	for range 59 {
		clock.Add(day)
		appendOne(t, s, engine.Record{Kind: engine.KindNote})
	}
	was := o.Before
	o.Before = clock.Now().Add(-90*day + 1)
	try(false)
	o.Before = was
	try(true) // 31 days of silence, and 59 of records
}

// A snapshot that does not lead to the journal as it is is found before anything is emptied.
func TestASnapshotIsRehearsed(t *testing.T) {
	s, _, day := aged(t, lite(t))
	o := orderOf(t, s, day)
	err := s.locked(t.Context(), func(x *tx, h *head) error {
		p := &pruning{tx: x, head: h, order: &o, walk: pruneWalk{upTo: 17, random: s.options.Random}}
		if err := p.sure(); err != nil {
			return err
		}
		p.walk.lines = slices.DeleteFunc(p.walk.lines, func(l Stored) bool { return strings.Contains(l.Personal, "text-of-carol") })
		return p.rehearse()
	})
	if !errors.Is(err, engine.ErrNotPruned) || !strings.Contains(err.Error(), "does not go on from its own snapshot") {
		t.Error(err)
	}
}

// Lines without what they must have are damaged, and nothing breaks over them.
func TestLinesThatAreNone(t *testing.T) {
	for _, text := range []string{`{"what":"head"}`, `{"what":"head","rows":[]}`, `{"what":"head","rows":[[1,2,3]]}`, `{"what":"intent","n":1}`, `{"what":"held","rows":[[1]]}`, `{"what":"ended","rows":[[1]]}`,
		`{"what":"link"}`, `{"what":"fact"}`, `{"what":"other"}`, `{}`, ``, `[]`, `{"what":"head","rows":[[1,2,3,4],[1,2,3,4]]}`} {
		s := newSnapshot(1)
		if err := s.add(Stored{Public: text}, map[int64][]string{}); err == nil && text != factLine {
			t.Errorf("%q is taken for a line", text)
		}
	}
}
