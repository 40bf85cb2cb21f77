package journal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// name is what a number stands for: a person's key or a list of rules (program is ""), or an account or an entitlement
// of a program.
type name struct{ program, name string }

// table is one table of names with the numbers that are known: cached ones are committed and never change, fresh ones
// belong to the transaction under way.
type table struct {
	of, columns string // what it is called, and what its columns are
	find, spell string // statements
	keyed       bool   // names have a program
	last        int64  // number given, as of the head row
	cached      map[name]int64
	mu          sync.Mutex     // of texts: they are kept when a transaction is over, while a claim may read them in the next one
	texts       map[int64]name // the cached ones by number
	fresh       map[name]int64
	wanted      map[name]bool
	made        []name // fresh ones that the tables do not have yet
}

// names are the four tables. What writes records is alone with them; all but their texts is its own.
type names struct{ people, accounts, entitlements, rulesets *table }

// mostCached bounds what a process remembers of each table, some 40 MiB.
const mostCached = 200_000

func newNames() *names {
	single := func(of, column string) *table {
		return &table{of: of, columns: "id, " + column,
			find:  "SELECT n.id, '', n." + column + " FROM @rows r JOIN " + of + " n ON n." + column + " = r.column1",
			spell: "SELECT n.id, '', n." + column + " FROM @rows r JOIN " + of + " n ON n.id = r.column1",
		}
	}
	keyed := func(of string) *table {
		return &table{of: of, columns: "id, program, name", keyed: true,
			find:  "SELECT n.id, n.program, n.name FROM @rows r JOIN " + of + " n ON n.program = r.column1 AND n.name = r.column2",
			spell: "SELECT n.id, n.program, n.name FROM @rows r JOIN " + of + " n ON n.id = r.column1",
		}
	}
	return &names{single("person", "key"), keyed("account"), keyed("entitlement"), single("ruleset", "rules")}
}

func (n *names) all() []*table { return []*table{n.people, n.accounts, n.entitlements, n.rulesets} }

// want asks for a number; known gives it after resolve.
func (t *table) want(program, text string) {
	k := name{program, text}
	if _, ok := t.number(k); !ok {
		t.wanted[k] = true
	}
}

func (t *table) number(k name) (int64, bool) {
	if id, ok := t.cached[k]; ok {
		return id, true
	}
	id, ok := t.fresh[k]
	return id, ok
}

func (t *table) known(program, text string) int64 {
	id, _ := t.number(name{program, text})
	return id
}

// named gives the name of a number that is known.
func (t *table) named(id int64) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.texts[id]
	return k.name, ok
}

// spelled gives the names of numbers, and reads those that are not known.
func (t *table) spelled(in *tx, ids map[int64]string) error {
	unknown := newRows("i")
	for id := range ids {
		var known bool
		if ids[id], known = t.named(id); !known {
			unknown.add(id)
		}
	}
	slices.Sort(unknown.numbers)
	found := 0
	err := in.query(t.spell, unknown, func(r *sqlx.Rows) error {
		var id int64
		var k name
		err := r.Scan(&id, &k.program, &k.name)
		ids[id], t.fresh[k] = k.name, id
		found++
		return err
	})
	if err == nil && found < unknown.len() {
		err = fmt.Errorf("%d of %d numbers have no name: the database is damaged", unknown.len()-found, unknown.len())
	}
	return err
}

func sortedNames(set map[name]bool) []name {
	return slices.SortedFunc(maps.Keys(set), func(a, b name) int {
		return cmp.Or(strings.Compare(a.program, b.program), strings.Compare(a.name, b.name))
	})
}

// begin forgets what a transaction before has left.
func (t *table) begin(last int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last = last; len(t.cached) > mostCached || t.cached == nil {
		t.cached, t.texts = map[name]int64{}, map[int64]name{}
	}
	t.fresh, t.wanted, t.made = map[name]int64{}, map[name]bool{}, nil
}

// resolve finds the numbers of all wanted names and gives new ones where there are none; save must follow.
func (t *table) resolve(in *tx) error {
	if len(t.wanted) == 0 {
		return nil
	}
	asked := newRows(t.types())
	for _, k := range sortedNames(t.wanted) {
		t.row(asked, k)
	}
	err := in.query(t.find, asked, func(r *sqlx.Rows) error {
		var id int64
		var k name
		if err := r.Scan(&id, &k.program, &k.name); err != nil {
			return err
		}
		t.fresh[k] = id
		delete(t.wanted, k)
		return nil
	})
	t.made = sortedNames(t.wanted)
	for _, k := range t.made {
		t.last++
		t.fresh[k] = t.last
	}
	return err
}

// save writes the names that got new numbers.
func (t *table) save(in *tx) error {
	made := newRows("i" + t.types())
	for _, k := range t.made {
		made.add(t.fresh[k])
		t.row(made, k)
	}
	return in.insert(t.of, t.columns, made)
}

func (t *table) types() string {
	if t.keyed {
		return "tt"
	}
	return "t"
}

func (t *table) row(r *rows, k name) {
	if t.keyed {
		r.add(k.program)
	}
	r.add(k.name)
}

// commit keeps what the transaction found and gave.
func (t *table) commit() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, id := range t.fresh {
		t.cached[k], t.texts[id] = id, k
	}
}

// rulesText is the stored form of a list of rules; that of none has the number 0.
func rulesText(rules []string) string {
	text, _ := encode(rules) // strings only
	return string(text)
}

func parseRules(text string) (rules []string, err error) {
	if text == "[]" {
		return nil, nil
	}
	return rules, json.Unmarshal([]byte(text), &rules)
}

// wantNames asks for all numbers that the records need.
func (n *names) wantNames(records []engine.Record) {
	for i := range records {
		r := &records[i]
		if r.Person != "" {
			n.people.want("", r.Person)
		}
		if r.Account != "" {
			n.accounts.want(r.Program, r.Account)
		}
		switch r.Kind {
		case engine.KindIntent, engine.KindOutcome, engine.KindAdopt, engine.KindRelease:
			n.accounts.want(r.Program, r.Account)
			n.entitlements.want(r.Program, r.Entitlement)
			if len(r.Rules) > 0 {
				n.rulesets.want("", rulesText(r.Rules))
			}
		case engine.KindLink:
			n.accounts.want(r.Program, r.Account)
		case engine.KindSeen:
			n.wantSeen(r)
		}
	}
}

func (n *names) wantSeen(r *engine.Record) {
	for _, p := range seenPairs(r) {
		n.accounts.want(r.Program, p[0])
		n.entitlements.want(r.Program, p[1])
	}
}
