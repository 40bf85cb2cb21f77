package engine_test

import (
	"context"
	"encoding/json"
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
	records []engine.Record
	numbers error // of Number
}

func (b *blanker) Number(_ context.Context, person string) (string, error) {
	if person == "k-zoe" {
		return "#2", b.numbers
	}
	return "", b.numbers
}

func (b *blanker) Blank(_ context.Context, g engine.Guard, person string, records []engine.Record) (int, error) {
	if g.Control <= 0 || person != "k-zoe" {
		return 0, errors.New("no guard, or the wrong person")
	}
	b.records = records
	return 7, nil
}

// Only who is gone is blanked: each thing that is left of somebody, or decided about them, is named and refused.
func TestOnlyWhoIsGoneIsBlanked(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	b := &blanker{Journal: w.journal}
	w.engine.Journal = b
	after := time.Duration(0)
	blank := func(want string) {
		t.Helper()
		b.records = nil
		_, n, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: "k-zoe", Reason: "asked for", After: after})
		if want == "" && (err != nil || n != 7 || len(b.records) != 2) || want != "" && (err == nil || !strings.Contains(err.Error(), want) || b.records != nil) {
			t.Errorf("%d, %v, not %q", n, err, want)
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
	blank("the directory can't be read")
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
	note(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: ended, Until: w.now.AddDate(0, 0, -3)}}})
	blank("")
	if c := b.records[0].Clear; len(c) == 0 || c[len(c)-1] != ended && c[0] != ended {
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

// goneZoe is a company that zoe has left for good, and whose journal notes whom it is to blank.
func goneZoe(t *testing.T) (*world, *blanker) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	w.fire("zoe")
	for range 6 {
		w.later()
	}
	w.has("zoe", engine.Exists, false)
	b := &blanker{Journal: w.journal}
	w.engine.Journal = b
	return w, b
}

// What is being done about somebody, or about an account of theirs for whomever, is waited for.
func TestNobodyIsBlankedWhileSomethingIsUnderWay(t *testing.T) {
	for name, r := range map[string]engine.Record{
		"for them, to be made":  {Person: "k-zoe", Account: "new:zoe", Op: engine.OpCreate, Entitlement: engine.Exists},
		"on an account of them": {Person: "k-yan", Account: "zoe", Op: engine.OpRevoke, Entitlement: "x"},
	} {
		w, b := goneZoe(t)
		r.Kind, r.Program = engine.KindIntent, "wiki"
		r.Data, _ = json.Marshal(engine.Change{Op: r.Op, Person: r.Person, Program: r.Program, Account: r.Account, Entitlement: engine.Entitlement{Program: "wiki", Name: r.Entitlement}.String()})
		if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: "k-zoe", Reason: "r"})
		if !errors.Is(err, engine.ErrNotBlanked) || !strings.Contains(err.Error(), "is under way in wiki") || b.records != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What only serves what somebody had ends with them, and what is of others stays and is no hindrance.
func TestWhatEndsWithWhoIsBlanked(t *testing.T) {
	w, b := goneZoe(t)
	theirs := []engine.FactKey{{Kind: engine.FactAbsent, Person: "k-zoe"}, {Kind: engine.FactFormer, Program: "wiki", Account: "zoe", Person: "k-zoe"}, {Kind: engine.FactMissing, Program: "wiki", Account: "zoe", Entitlement: "x"}}
	others := []engine.FactKey{{Kind: engine.FactTask, Program: "wiki", Account: "yan", Key: "t"}, {Kind: engine.FactTask, Program: "crm", Account: "zoe", Key: "t"}, {Kind: engine.FactTask, Program: "wiki", Key: "t"}, {Kind: engine.FactCut, Person: "k-yan"}}
	for _, key := range append(slices.Clone(theirs), others...) {
		w.record([]engine.Fact{{FactKey: key}})
	}
	if _, _, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: "k-zoe", Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	for _, key := range theirs {
		if !slices.Contains(b.records[0].Clear, key) {
			t.Errorf("%+v stays", key)
		}
	}
	for _, key := range others {
		if slices.Contains(b.records[0].Clear, key) {
			t.Errorf("%+v ends", key)
		}
	}
}

// Somebody whom no record knows is nobody, and whose number can't be read is not blanked.
func TestNobodyUnknownIsBlanked(t *testing.T) {
	w, b := goneZoe(t)
	for person, numbers := range map[string]error{"k-nobody": nil, "k-zoe": errors.New("locked")} {
		b.numbers = numbers
		_, _, err := w.engine.Blank(t.Context(), w.journal, engine.BlankOrder{Actor: "dpo", Person: person, Reason: "r"})
		if b.records != nil || numbers == nil && !errors.Is(err, engine.ErrUnknownPerson) || numbers != nil && !errors.Is(err, numbers) {
			t.Errorf("%s: %v %v", person, err, b.records)
		}
	}
}
