package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// anew gives everybody another key, as a directory does that was loaded anew.
func (w *world) anew() {
	for i := range w.people {
		w.people[i].Key = "new-" + w.people[i].Key
	}
}

func TestReKeyedPeopleKeepEverything(t *testing.T) {
	w := crowd(t)
	w.anew()
	w.later()
	found, err := w.engine.ReKeyed(t.Context(), w.journal)
	if err != nil || len(found.Lines) != 12 || len(found.Others) != 0 {
		t.Fatalf("%+v %v", found, err)
	}
	var pairs []engine.KeyPair
	for _, l := range found.Lines {
		if len(l.People) != 1 || l.People[0].Person != "new-"+l.Person || l.Sure != engine.Certain {
			t.Errorf("%+v", l)
		}
		pairs = append(pairs, engine.KeyPair{Person: l.Person, Key: "new-" + l.Person})
	}
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", pairs[:11], nil); !errors.Is(err, engine.ErrUnsettled) {
		t.Errorf("somebody is left out: %v", err)
	}
	if err := w.engine.ReKey(t.Context(), "boss", " ", pairs, nil); !errors.Is(err, engine.ErrNoReason) {
		t.Errorf("no reason: %v", err)
	}
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", pairs[:11], []string{pairs[11].Person}); err != nil {
		t.Fatal(err)
	}
	gone := map[string]bool{}
	for range 5 {
		for _, c := range w.later().Changes {
			if c.Op.Takes() {
				gone[c.Person] = true
			}
		}
	}
	if len(gone) != 1 || !gone[pairs[11].Person] || w.noted("rekeyed") {
		t.Errorf("only one has left: %v", gone)
	}
}

// Wrong pairs are refused whole.
func TestReKeyRefuses(t *testing.T) {
	w := crowd(t)
	w.people = w.people[1:] // one vanished
	w.hire("fresh", "a")
	w.later()
	gone, here, fresh := "k-yan", "k-p1", "k-fresh"
	for name, c := range map[string]struct {
		pairs []engine.KeyPair
		left  []string
		says  string
	}{
		"a link would move":  {[]engine.KeyPair{{Person: gone, Key: here}}, nil, "links never move"},
		"who is there":       {[]engine.KeyPair{{Person: here, Key: "k-x"}}, nil, "did not vanish"},
		"to nobody":          {[]engine.KeyPair{{Person: gone, Key: "k-x"}}, nil, "has no person"},
		"left and there":     {nil, []string{here}, "did not vanish"},
		"paired and left":    {[]engine.KeyPair{{Person: gone, Key: "k-x"}}, []string{gone}, "named twice"},
		"nobody":             {nil, nil, "nobody was named"},
		"fresh has accounts": {[]engine.KeyPair{{Person: gone, Key: fresh}}, nil, "has accounts already"},
	} {
		if err := w.engine.ReKey(t.Context(), "boss", "r", c.pairs, c.left); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := crowd(t).engine.ReKey(t.Context(), "boss", "r", nil, nil); err == nil || !strings.Contains(err.Error(), "nobody vanished") {
		t.Errorf("nothing to confirm: %v", err)
	}
}

// A directory that shows both keys of a person says nothing about them, and is not complete.
func TestBothKeysAtOnceSayNothing(t *testing.T) {
	w := crowd(t)
	former := w.people[3]
	w.anew()
	w.later()
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed(), nil); err != nil {
		t.Fatal(err)
	}
	w.later()
	former.State, former.Marked, former.StateWhy = engine.StateLeft, true, "old entry"
	w.people = append(w.people, former)
	for range 5 {
		p := w.later()
		if p.Proofs[0].Complete() || p.Proofs[0].Reasons[0].Code != engine.ReasonDuplicate {
			t.Fatalf("%+v", p.Proofs[0].Reasons)
		}
		for _, c := range p.Changes {
			if c.Op.Takes() {
				t.Fatalf("something is taken: %v", lines(p))
			}
		}
	}
}

// What was decided under the new key meanwhile is not lifted by the confirmation.
func TestACutUnderTheNewKeyStays(t *testing.T) {
	w := crowd(t)
	w.anew()
	w.later()
	if _, _, err := w.engine.Cut(t.Context(), "boss", "new-k-p3", "stop"); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed(), nil); err != nil {
		t.Fatal(err)
	}
	w.later()
	w.has("p3", engine.Active, false)
	w.has("p4", engine.Active, true)
}

// An account that is gone tells nothing of its person, and the program's note of the key itself is no trait.
func TestWhoVanishedIsNotToldByOthersAccounts(t *testing.T) {
	w := crowd(t)
	w.targets["wiki"].Set("p1", engine.Exists, false)
	w.vanish("p1")
	p := w.person("p2")
	p.Key = "new-p2"
	p.Attributes = append(p.Attributes, engine.Attribute{Name: "uid", Values: []string{"k-p2"}})
	slices.SortFunc(p.Attributes, func(a, b engine.Attribute) int { return strings.Compare(a.Name, b.Name) })
	w.targets["wiki"].AddAccount("p2", engine.AccountInfo{Attributes: map[string]string{"uid": "k-p2"}}, engine.Exists, engine.Active, "x", "y")
	w.hire("a", "a") // whom the first account of the list would fit
	w.targets["wiki"].AddAccount("a", engine.AccountInfo{Name: "a"}, engine.Exists)
	found, err := w.engine.ReKeyed(t.Context(), w.journal)
	if err != nil || len(found.Lines) != 2 {
		t.Fatalf("%+v %v", found, err)
	}
	for _, l := range found.Lines {
		switch {
		case l.Person == "k-p1" && (l.Sure != engine.Nobody || len(l.People) > 0), l.Person == "k-p2" && (l.Sure != engine.Certain || strings.Join(l.By, " ") != "login name"):
			t.Errorf("%+v", l)
		}
	}
}

// A program may call accounts by their mail.
func TestWhoVanishedIsToldByMail(t *testing.T) {
	w := crowd(t)
	w.targets["wiki"].AddAccount("p1", engine.AccountInfo{Name: "Smith@example.com"}, engine.Exists, engine.Active, "x", "y")
	p := w.person("p1")
	p.Key = "new"
	p.Attributes = engine.Attributes{{Name: "login", Values: []string{"smith"}}, {Name: "mail", Values: []string{"smith@example.com"}}, {Name: "name", Values: []string{"Smith"}}}
	found, err := w.engine.ReKeyed(t.Context(), w.journal)
	if err != nil || len(found.Lines) != 1 || found.Lines[0].Sure != engine.Possible || strings.Join(found.Lines[0].By, " ") != "mail" {
		t.Errorf("%+v %v", found, err)
	}
}

// A number in an account says who somebody is, whatever else has changed.
func TestWhoVanishedIsToldByNumber(t *testing.T) {
	w := crowd(t)
	w.targets["wiki"].AddAccount("p1", engine.AccountInfo{Attributes: map[string]string{"employee-number": "4711"}}, engine.Exists, engine.Active, "x", "y")
	p := w.person("p1")
	p.Key = "new"
	p.Attributes = engine.Attributes{{Name: "employeeNumber", Values: []string{"4711"}}, {Name: "login", Values: []string{"smith"}}, {Name: "name", Values: []string{"Smith"}}}
	found, err := w.engine.ReKeyed(t.Context(), w.journal)
	if err != nil || len(found.Lines) != 1 || found.Lines[0].Sure != engine.Certain || strings.Join(found.Lines[0].By, " ") != "number" || found.Lines[0].People[0].Person != "new" {
		t.Errorf("%+v %v", found, err)
	}
}

func (w *world) renamed() (pairs []engine.KeyPair) {
	for i := range w.people {
		pairs = append(pairs, engine.KeyPair{Person: strings.TrimPrefix(w.people[i].Key, "new-"), Key: w.people[i].Key})
	}
	return pairs
}

// A read that is not complete can't tell whether keys have changed; while nobody has said what that was, those who appeared
// get nothing, or they would be unknown no more and the others count as having left.
func TestReKeyDoubtOutlivesIncompleteReads(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Tolerance = engine.Tolerance{Small: 100}
	w.anew()
	for i := range w.people { // else the accounts' names would hold them up
		w.people[i].Attributes = slices.Clone(w.people[i].Attributes).With(engine.Attribute{Name: "login", Values: []string{"new-" + w.people[i].Login()}})
	}
	w.later()
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
	for _, c := range w.later().Changes {
		if c.State == engine.Ready {
			t.Errorf("%s %s for %s", c.Op, c.Entitlement, c.Person)
		}
	}
	w.proof = engine.Proof{}
	w.people = w.people[:5] // neither is it answered by the new ones vanishing
	for range 5 {
		for _, c := range w.later().Changes {
			if c.Op.Takes() {
				t.Errorf("%s %s of %s", c.Op, c.Entitlement, c.Account)
			}
		}
	}
	if !w.noted("rekeyed") {
		t.Error("the doubt is gone")
	}
}
