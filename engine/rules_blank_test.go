package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// blanker is a journal that notes whom it is to blank.
type blanker struct {
	*enginetest.Journal
	records  []engine.Record
	asked    []string
	accounts [][2]string
	behind   int64
}

func (b *blanker) Subject(ctx context.Context, people []string) (of engine.Subject, err error) {
	b.asked = people
	m, err := b.Memory(ctx, time.Time{})
	of.Seq = m.Seq + b.behind
	if b.behind > 0 {
		b.behind--
	}
	if slices.Contains(people, "k-zoe") {
		of.People, of.Blanking.Person = people, "#2"
		of.Blanking.Actors = []string{"boss"}
		of.Accounts = b.accounts
	}
	return of, err
}

func (b *blanker) Blank(_ context.Context, g engine.Guard, of engine.Subject, records []engine.Record) (engine.Blanked, error) {
	if g.Control <= 0 || of.People[0] != "k-zoe" {
		return engine.Blanked{}, errors.New("no guard, or the wrong person")
	}
	b.records = records
	return engine.Blanked{Records: 7}, nil
}

// Only who is gone is blanked: each thing that is left of somebody, or decided about them, is named and refused.
func TestOnlyWhoIsGoneIsBlanked(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	b := &blanker{Journal: w.journal, accounts: [][2]string{{"wiki", "zoe"}}}
	w.engine.Journal = b
	after := time.Duration(0)
	blank := func(want string) {
		t.Helper()
		b.records = nil
		_, n, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: "k-zoe", Reason: "asked for", After: after})
		if want == "" && (err != nil || n.Records != 7 || len(b.records) != 2) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || b.records != nil) {
			t.Errorf("%+v, %v, not %q", n, err, want)
		}
	}
	w.apply()
	if _, _, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: "k-zoe", Reason: " "}); !errors.Is(err, engine.ErrNoReason) {
		t.Error(err)
	}
	blank("is in the directory (active)")
	w.fire("zoe")
	blank("still has the account")
	w.lost(true)
	w.apply()
	blank("still has the account")
	w.lost(false)
	for range 5 {
		w.later()
	}
	w.has("zoe", engine.Exists, false)
	after = 24 * time.Hour
	blank("1 day are waited for")
	after = 0
	w.readErr = errors.New("down")
	blank("the directory was not read completely")
	w.readErr, w.proof.Reasons = nil, []engine.Reason{{Code: "cut", Detail: "it broke off"}}
	blank("was not read completely")
	w.proof.Reasons = nil
	if err := w.engine.Hold(t.Context(), "lawyer", "k-zoe", "case 7/26"); err != nil {
		t.Fatal(err)
	}
	blank("under a legal hold")
	if err := w.engine.EndHold(t.Context(), "lawyer", "k-zoe", "settled"); err != nil {
		t.Fatal(err)
	}
	note := func(r engine.Record) {
		t.Helper()
		if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	for want, f := range map[string]engine.Fact{
		"is cut off":      {FactKey: engine.FactKey{Kind: engine.FactCut, Person: "k-zoe"}},
		"(block)":         {FactKey: engine.FactKey{Kind: engine.FactBlock, Person: "k-zoe", Program: "wiki"}},
		"(extra)":         {FactKey: engine.FactKey{Kind: engine.FactExtra, Person: "k-zoe", Program: "wiki"}, Until: w.now},
		"(delegate)":      {FactKey: engine.FactKey{Kind: engine.FactDelegate, Person: "k-yan", Key: "k-zoe"}},
		"(item)":          {FactKey: engine.FactKey{Kind: engine.FactItem, Key: "i"}, Data: []byte(`{"change":{"person":"k-zoe"}}`)},
		"about \"k-zoe\"": {FactKey: engine.FactKey{Kind: engine.FactTask, Program: "wiki", Account: "zoe", Key: "t"}},
	} {
		note(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{f}})
		blank(want)
		note(engine.Record{Kind: engine.KindNote, Clear: []engine.FactKey{f.FactKey}})
	}
	ended := engine.FactKey{Kind: engine.FactExtra, Person: "k-zoe", Program: "wiki"}
	letter := engine.FactKey{Kind: engine.FactTold, Person: "k-zoe", Key: "@people/x"} // of what they were told nothing is left either
	note(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: ended, Until: w.now.AddDate(0, 0, -3)}, {FactKey: letter}}})
	blank("")
	if !slices.Contains(b.records[0].Clear, letter) {
		t.Errorf("what they were told stays behind: %v", b.records[0].Clear)
	}
	if c := b.records[0].Clear; !slices.Contains(c, ended) {
		t.Errorf("what is over stays behind: %v", c)
	}
	if r := b.records[1]; r.Kind != engine.KindBlank || r.Person != "" || strings.Contains(string(r.Data), "zoe") || r.Actor != "dpo" || r.Why[0] != "asked for" {
		t.Errorf("%+v", r)
	}
	w.engine.Journal = w.journal
	if _, _, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: "k-zoe", Reason: "r"}); !errors.Is(err, engine.ErrNotBlanked) {
		t.Error(err)
	}
}

// left is a company whose journal can blank, and whose zoe has left and has nothing any more.
func left(t *testing.T) (*world, *blanker, func(person string) error) {
	t.Helper()
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	b := &blanker{Journal: w.journal, accounts: [][2]string{{"wiki", "zoe"}}}
	w.engine.Journal = b
	w.apply()
	w.fire("zoe")
	for range 6 {
		w.later()
	}
	w.has("zoe", engine.Exists, false)
	return w, b, func(person string) error {
		b.records = nil
		_, _, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: person, Reason: "asked for"})
		return err
	}
}

// notBlanked fails unless that is refused for this reason, and nothing was done.
func notBlanked(t *testing.T, b *blanker, err error, want string) {
	t.Helper()
	if !errors.Is(err, engine.ErrNotBlanked) || !strings.Contains(err.Error(), want) || b.records != nil {
		t.Errorf("%v, %d records, not %q", err, len(b.records), want)
	}
}

// Whoever is known by another key in the directory now is the same person: their new key finds them, with what they are under, and says
// nothing about anybody else.
func TestBlankByANewKey(t *testing.T) {
	w, b, blank := left(t)
	key := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactReKeyed, Person: "k-zoe", Key: "new-zoe"}}
	hold := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactHold, Person: "k-zoe"}}
	w.record([]engine.Fact{key, hold})
	w.person("zoe").Key = "new-zoe"
	notBlanked(t, b, blank("new-zoe"), "under a legal hold")
	if err := w.engine.EndHold(t.Context(), "lawyer", "k-zoe", "settled"); err != nil {
		t.Fatal(err)
	}
	p := w.person("zoe")
	p.State, p.Marked = engine.StateActive, false
	notBlanked(t, b, blank("new-zoe"), "is in the directory (active)")
	notBlanked(t, b, blank("k-zoe"), "is in the directory (active)")
	p.State, p.Marked = engine.StateLeft, true
	if err := blank("new-zoe"); err != nil || !slices.Equal(b.asked, []string{"k-zoe", "new-zoe"}) || b.records[0].Person != "k-zoe" || !slices.Contains(b.records[0].Clear, key.FactKey) {
		t.Errorf("%v, %v, %+v", err, b.asked, b.records)
	}
	other := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactReKeyed, Person: "k-yan", Key: "new-yan"}}
	w.record([]engine.Fact{other})
	if err := blank("k-zoe"); err != nil || slices.Contains(b.records[0].Clear, other.FactKey) {
		t.Errorf("%v, %+v", err, b.records)
	}
}

// One read that does not show somebody is no proof: it takes the mark, or an absence that runs have confirmed, and a read that the
// contract believes.
func TestOneReadIsNotEnoughToBlank(t *testing.T) {
	w, b, blank := left(t)
	w.vanish("zoe")
	notBlanked(t, b, blank("k-zoe"), "does not count as having left yet")
	w.apply()
	notBlanked(t, b, blank("k-zoe"), "does not count as having left yet")
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactAbsent, Person: "k-zoe"}, Since: w.now, Until: w.now}})
	people := w.people
	w.people = nil
	notBlanked(t, b, blank("k-zoe"), "was not read completely")
	w.people = people
	if err := blank("k-zoe"); err != nil {
		t.Error(err)
	}
	w.hire("zoe")
	w.person("zoe").State = engine.StateLeft
	notBlanked(t, b, blank("k-zoe"), "no mark says that they have left")
}

// What another account of theirs has is not forgotten, be it one of former times; and a program that can't be read may have one.
func TestBlankLooksAtTheProgramsNow(t *testing.T) {
	w, b, blank := left(t)
	w.hire("old", "a")
	w.apply()
	b.accounts = append(b.accounts, [2]string{"wiki", "old"})
	notBlanked(t, b, blank("k-zoe"), `still has the account "old" in wiki`)
	b.accounts = b.accounts[:1]
	w.lists(enginetest.Unreachable)
	notBlanked(t, b, blank("k-zoe"), "can't be read completely now")
	w.lists(enginetest.NoFault)
	b.behind = 1
	if err := blank("k-zoe"); err != nil {
		t.Errorf("it is not begun anew: %v", err)
	}
	b.behind = 9
	notBlanked(t, b, blank("k-zoe"), "try again when no run is under way")
}

// Facts of others are never ended by a blanking, whatever is in them.
func TestBlankEndsNothingOfOthers(t *testing.T) {
	w, b, blank := left(t)
	failing := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactFailing, Program: "wiki", Account: "yan", Entitlement: "x", Key: "k-zoe"}}
	w.record([]engine.Fact{failing})
	if err := blank("k-zoe"); err != nil || slices.Contains(b.records[0].Clear, failing.FactKey) {
		t.Errorf("%v, %+v", err, b.records)
	}
	failing.Data = []byte(`{"for":"k-zoe"}`)
	w.record([]engine.Fact{failing})
	notBlanked(t, b, blank("k-zoe"), "something is still decided")
}

// Nobody hides what they decided themselves.
func TestBlankHidesNobodysDecisions(t *testing.T) {
	w, b, _ := left(t)
	blank := func(after time.Duration) error {
		b.records = nil
		_, _, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "boss", Person: "k-zoe", Reason: "r", After: after})
		return err
	}
	notBlanked(t, b, blank(0), `"boss" decided some of what would be blanked`)
	w.pass(2 * time.Hour)
	if err := blank(time.Hour); err != nil {
		t.Error(err)
	}
}

// blankedLog gives the intents of a person as they are once these were blanked.
type blankedLog struct {
	engine.Log
	person string
}

func (l blankedLog) Records(ctx context.Context, q engine.Query, yield func(engine.Record) error) error {
	return l.Log.Records(ctx, q, func(r engine.Record) error {
		if r.Person == l.person {
			r.Person, r.Account, r.Actor, r.Why, r.Data, r.Set, r.Clear = "#2", "#2", "", nil, nil, nil, nil
		}
		return yield(r)
	})
}

// What was blanked can't be undone, and the rest of its run can.
func TestUndoARunWithBlankedIntents(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	_, report := w.apply()
	list, err := w.engine.UndoPreview(t.Context(), blankedLog{w.journal, "k-zoe"}, report.Run)
	said := map[string]bool{}
	for _, u := range list {
		said[u.Change.Person] = u.Cannot != ""
		if u.Change.Person == "#2" && (!strings.Contains(u.Cannot, "was blanked") || u.Inverse != "" || u.Change.Op == "") {
			t.Errorf("%+v", u)
		}
	}
	if blanked, there := said["#2"]; err != nil || !there || !blanked || len(said) != 2 || !slices.ContainsFunc(list, func(u engine.Undone) bool { return u.Change.Person == "k-yan" && u.Inverse != "" }) {
		t.Errorf("%v, %v, %+v", err, said, list)
	}
}
