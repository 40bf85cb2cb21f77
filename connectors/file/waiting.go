package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/rolecall/rolecall/engine"
)

// edit is one change of the table.
type edit struct {
	about   [2]string // the account, and what of it
	creates bool
	said    string
	make    func(*table) (engine.Outcome, error)
}

func (p *Program) editOf(c engine.Call) edit {
	e := edit{about: [2]string{c.Account, c.Entitlement}, said: said(c), make: func(t *table) (engine.Outcome, error) { return p.change(t, c) }}
	if c.New != nil {
		e.about, e.creates = [2]string{c.New.Name, engine.Exists}, true
	}
	return e
}

// attributes is the edit that changes columns.
func attributes(account string, to engine.NewAccount) edit {
	names := strings.Join(slices.Sorted(maps.Keys(to.Attributes)), "\n")
	return edit{about: [2]string{account, "\n" + names}, said: fmt.Sprintf("change the account %q", account),
		make: func(t *table) (engine.Outcome, error) { return t.update(account, to) }}
}

// waiting is what was asked for since the list was last read. A request that is made anew holds that, and nothing older, which nobody
// may want any more.
type waiting struct {
	mu    sync.Mutex
	edits []edit
}

func (w *waiting) forget() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edits = nil
}

func (w *waiting) add(edits []edit) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edits = append(w.without(edits), edits...)
}

// join makes what waits already, but for what is about the same as the edits of now, and remembers what was made of those.
func (w *waiting) join(t *table, edits, made []edit) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.without(edits) {
		if outcome, _ := e.make(t); outcome == engine.Done { // whoever asked was answered before
			t.log = append(t.log, e.said)
		}
	}
	t.heldBy = func(there *table) bool {
		return !slices.ContainsFunc(made, func(e edit) bool { return !e.held(t, there) })
	}
}

func (w *waiting) without(edits []edit) []edit {
	return slices.DeleteFunc(slices.Clone(w.edits), func(old edit) bool {
		return slices.ContainsFunc(edits, func(e edit) bool { return e.about == old.about })
	})
}

// held says whether another table holds already what the edit made of this one.
func (e edit) held(t, there *table) bool {
	if e.creates {
		return t.alike(there, e.about[0])
	}
	outcome, _ := e.make(there)
	return outcome == engine.Already
}

// alike says whether an account has the same line in both tables, but for its rights, which are edits of their own.
func (t *table) alike(there *table, account string) bool {
	a, b := t.find(account), there.find(account)
	if a == nil || b == nil || !slices.Equal(t.columns, there.columns) {
		return a == b
	}
	return !slices.ContainsFunc(t.columns, func(c string) bool { return c != colRights && t.get(a, c) != there.get(b, c) })
}
