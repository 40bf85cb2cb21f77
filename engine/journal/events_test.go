package journal

import (
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// exported reads all records as an export has them.
func exported(t *testing.T, s *Store) (events []Event) {
	t.Helper()
	err := s.StoredRecords(t.Context(), engine.Query{}, func(r engine.Record, st Stored) error {
		e, err := ReadEvent(r.Hash, st)
		events = append(events, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// forged is an event that somebody changed and whose hash he made anew.
func forged(t *testing.T, e Event, old, fresh string) Event {
	t.Helper()
	var salt [audit.SaltSize]byte
	public, personal := storePublic(&e.Record, 0, 0), []byte(`{"actor":"somebody"}`)
	text := strings.ReplaceAll(string(public), old, fresh)
	leaf := audit.Leaf([]byte(text), salt, personal)
	f, err := ReadEvent(base64.StdEncoding.EncodeToString(leaf[:]), Stored{Public: text, Personal: string(personal), Salt: base64.StdEncoding.EncodeToString(salt[:])})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	fill(t, s)
	older := filepath.Join(dir, "b.db")
	if _, err := s.Backup(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	before, _ := s.Head(t.Context())
	note(t, s, 4)
	sealed, _ := s.Head(t.Context())
	note(t, s, 2)
	events := exported(t, s)
	r := openStore(t, "sqlite:"+older, nil)
	note(t, r, 3) // as cuts do
	n := before.Size
	changed := append(append([]Event{}, events[:n+1]...), forged(t, events[n+1], `"kind":"note"`, `"kind":"lift"`))
	changed = append(changed, events[n+2:]...)
	for name, c := range map[string]struct {
		events []Event
		sealed *audit.Head
		base   int64
		proven bool
		err    error
	}{
		"all, beyond the checkpoint": {events, &sealed, n, false, nil},
		"from just behind":           {events[n:sealed.Size], &sealed, n, true, nil},
		"from within":                {events[3:sealed.Size], &sealed, n, true, nil},
		"up to the checkpoint":       {events[:sealed.Size], &sealed, n, true, nil},
		"not up to the checkpoint":   {events[:sealed.Size-1], &sealed, n, false, nil},
		"nothing sealed":             {events, nil, n, false, nil},
		"one was forged":             {changed, &sealed, 0, false, ErrOtherHistory},
		"forged, nothing sealed":     {changed, nil, n, false, nil},
		"known already":              {events[:n-1], &before, n - 1, false, nil},
		"one left out":               {append(append([]Event{}, events[:n]...), events[n+1:]...), &sealed, 0, false, ErrOtherHistory},
	} {
		base, proven, err := r.Follow(t.Context(), c.events, c.sealed)
		if !errors.Is(err, c.err) || err == nil && (base != c.base || proven != c.proven) {
			t.Errorf("%s: %d %v %v", name, base, proven, err)
		}
	}
	late := exported(t, s)[n+5:]
	if _, _, err := openStore(t, "sqlite:"+filepath.Join(dir, "k.db"), nil).Follow(t.Context(), late, nil); err == nil {
		t.Error("events that begin long behind the journal's end were taken")
	}
}

func TestEventsAreWhatTheirHashesSay(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	fill(t, s)
	err := s.StoredRecords(t.Context(), engine.Query{}, func(r engine.Record, st Stored) error {
		e, err := ReadEvent(r.Hash, st)
		if err != nil || e.Record.Seq != r.Seq || e.Record.Kind != r.Kind || len(e.Record.Set) != len(r.Set) {
			t.Errorf("%+v %v", e, err)
		}
		for _, edited := range []Stored{{Public: st.Public + " ", Personal: st.Personal, Salt: st.Salt}, {Public: st.Public, Personal: st.Personal + " ", Salt: st.Salt},
			{Public: st.Public, Personal: st.Personal, Salt: strings.ToLower(st.Salt)}, {Public: st.Public, Salt: st.Salt}, {Public: st.Public, Personal: st.Personal}, {}} {
			if _, err := ReadEvent(r.Hash, edited); err == nil && edited != st {
				t.Errorf("record %d was edited: %+v", r.Seq, edited)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
