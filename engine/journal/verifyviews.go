package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// compareViews holds the tables against the fold of all records, claims apart. What is compared is taken out of the fold, so
// that nothing needs copying, and nothing can stand in for another: the fold is no good for anything else afterwards.
func (w *walk) compareViews(h *head) error {
	seq, control, runs, last := w.fold.Head()
	if h.Size != seq || h.Control != control || h.Runs != int64(runs) || h.Time != micros(last) {
		w.wrong("the head says %d records, last control record %d, %d runs, last time %d; the records say %d, %d, %d, %d",
			h.Size, h.Control, h.Runs, h.Time, seq, control, runs, micros(last))
	}
	views := []view{w.holdings(), w.tenured(), w.links(), w.openIntents(), w.facts(), w.baselines(), w.mentioned(), w.bytes()}
	wrong, failed := make([][]string, len(views)), make([]error, len(views))
	var wait sync.WaitGroup
	for n, compare := range views {
		wait.Go(func() {
			failed[n] = w.looks[n%len(w.looks)].use(func(t *sqlx.Tx) (err error) {
				wrong[n], err = compare(w.ctx, t)
				return err
			})
		})
	}
	wait.Wait()
	w.v.Left = w.blanks.links + w.blanks.tenures
	for _, lines := range wrong {
		for _, line := range lines {
			w.wrong("%s", line)
		}
	}
	return errors.Join(failed...)
}

// view compares one table with what the records say, and gives where they differ.
type view func(context.Context, *sqlx.Tx) (wrong []string, err error)

// viewed says how one is compared: take gives what the records say of a key, and that only once; rest is what nobody took.
type viewed[K, V comparable] struct {
	what, query string
	scan        func(*sqlx.Rows) (K, V, error)
	take        func(K) (V, bool)
	rest        func(put func(K, V))
	left        func(K) bool // rows that can't be compared; nil: none
	uncompared  *int         // counts them
}

func (v viewed[K, V]) compare(ctx context.Context, t *sqlx.Tx) (wrong []string, err error) {
	err = each(t.QueryxContext(ctx, v.query))(func(r *sqlx.Rows) error {
		key, have, err := v.scan(r)
		if err != nil {
			return err
		}
		if v.left != nil && v.left(key) {
			*v.uncompared++
			return nil
		}
		is, ok := v.take(key)
		if (!ok || is != have) && len(wrong) < mostWrong {
			wrong = append(wrong, fmt.Sprintf("the tables say, but the records do not: %s %+v: %+v", v.what, key, have))
		}
		if ok && is != have && len(wrong) < 2*mostWrong {
			wrong = append(wrong, fmt.Sprintf("the records say, but the tables do not: %s %+v: %+v", v.what, key, is))
		}
		return nil
	})
	missing := []string{}
	v.rest(func(key K, value V) {
		missing = append(missing, fmt.Sprintf("the records say, but the tables do not: %s %+v: %+v", v.what, key, value))
	})
	slices.Sort(missing)
	return append(wrong, missing...), err
}

// taking empties a map.
func taking[K comparable, V any](m map[K]V) func(K) (V, bool) {
	return func(key K) (V, bool) {
		v, ok := m[key]
		delete(m, key)
		return v, ok
	}
}

// allOf gives what is left of a map.
func allOf[K comparable, V any](m map[K]V) func(put func(K, V)) {
	return func(put func(K, V)) {
		for key, value := range m {
			put(key, value)
		}
	}
}

// tableNames are the tables of names by number.
type tableNames struct {
	people           map[int64]string
	accounts, rights map[int64]name
	rules            map[int64]ruleList
}

// ruleList is a list of rules that can be compared; no rule's name has a NUL.
type ruleList struct {
	n     int
	names string
}

func rulesOf(rules []string) ruleList { return ruleList{len(rules), strings.Join(rules, "\x00")} }

func (w *walk) readNames() error {
	t := &w.names
	*t = tableNames{map[int64]string{}, map[int64]name{}, map[int64]name{}, map[int64]ruleList{}}
	read := func(table, columns string, put func(id int64, a, b string) error) error {
		return w.looks[0].use(func(in *sqlx.Tx) error {
			return each(in.QueryxContext(w.ctx, "SELECT id, "+columns+" FROM "+table))(func(r *sqlx.Rows) error {
				var id int64
				var a, b string
				if err := r.Scan(&id, &a, &b); err != nil {
					return err
				}
				return put(id, a, b)
			})
		})
	}
	err := read("person", "key, ''", func(id int64, key, _ string) error { t.people[id] = key; return nil })
	if err == nil {
		err = read("account", "program, name", func(id int64, p, n string) error { t.accounts[id] = name{p, n}; return nil })
	}
	if err == nil {
		err = read("entitlement", "program, name", func(id int64, p, n string) error { t.rights[id] = name{p, n}; return nil })
	}
	if err == nil {
		err = read("ruleset", "rules, ''", func(id int64, text, _ string) error {
			rules, err := parseRules(text)
			t.rules[id] = rulesOf(rules)
			return err
		})
	}
	return err
}

// held names a holding by its numbers, which may stand for nothing, or for two programs.
func (t *tableNames) held(account, right int64) engine.Held3 {
	a, ok := t.accounts[account]
	r, ok2 := t.rights[right]
	if !ok || !ok2 || a.program != r.program {
		return engine.Held3{Account: fmt.Sprint("number ", account), Entitlement: fmt.Sprint("number ", right)}
	}
	return engine.Held3{Program: a.program, Account: a.name, Entitlement: r.name}
}

type holdingView struct {
	Managed, Confirmed, Seen bool
	Since                    int64
	Rules                    ruleList
}

func (w *walk) holdings() view {
	joined := joiner()
	of := func(h engine.HoldingState) holdingView {
		return holdingView{h.Managed, h.Confirmed, h.Seen, micros(h.Since), joined(h.Rules)}
	}
	return viewed[engine.Held3, holdingView]{
		what:  "holding",
		query: "SELECT account, entitlement, managed, confirmed, seen, since, rules FROM holding",
		scan: func(r *sqlx.Rows) (key engine.Held3, v holdingView, err error) {
			var account, right, managed, confirmed, seen, since, rules number
			err = r.Scan(&account, &right, &managed, &confirmed, &seen, &since, &rules)
			v = holdingView{managed != 0, confirmed != 0, seen != 0, int64(since), w.names.rules[int64(rules)]}
			return w.names.held(int64(account), int64(right)), v, err
		},
		take: func(k engine.Held3) (holdingView, bool) {
			h, ok := w.fold.TakeHolding(k)
			return of(h), ok
		},
		rest: func(put func(engine.Held3, holdingView)) {
			for key, h := range w.fold.Holdings() {
				put(key, of(*h))
			}
		},
	}.compare
}

// joiner gives rulesOf, and does it once for each list in memory.
func joiner() func([]string) ruleList {
	type list struct {
		first *string
		n     int
	}
	known := map[list]ruleList{}
	return func(rules []string) ruleList {
		if len(rules) == 0 {
			return ruleList{}
		}
		key := list{&rules[0], len(rules)}
		v, ok := known[key]
		if !ok {
			v = rulesOf(rules)
			known[key] = v
		}
		return v
	}
}

type tenureKey struct {
	engine.Held3
	From int64 // record
}

type tenureView struct {
	Managed                   bool
	Rules                     ruleList
	FromTime, Until, UntilEnd int64
}

func (w *walk) tenured() view {
	joined, closed := joiner(), make(map[tenureKey]*engine.Tenure, len(w.tenures.Closed))
	for i := range w.tenures.Closed {
		t := &w.tenures.Closed[i]
		closed[tenureKey{t.Held3, t.Record}] = t
	}
	of := func(t *engine.Tenure) tenureView {
		return tenureView{t.Managed, joined(t.Rules), micros(t.From), t.Ended, micros(t.Until)}
	}
	return viewed[tenureKey, tenureView]{
		what:  "tenure",
		query: "SELECT account, entitlement, managed, rules, from_seq, from_time, until_seq, until_time FROM tenure" + w.cut.tenures(),
		scan: func(r *sqlx.Rows) (key tenureKey, v tenureView, err error) {
			var account, right, managed, rules, fromSeq, from, until, untilEnd number
			err = r.Scan(&account, &right, &managed, &rules, &fromSeq, &from, &until, &untilEnd)
			v = tenureView{managed != 0, w.names.rules[int64(rules)], int64(from), int64(until), int64(untilEnd)}
			return tenureKey{w.names.held(int64(account), int64(right)), int64(fromSeq)}, v, err
		},
		take: func(k tenureKey) (v tenureView, ok bool) {
			if t, ok := w.tenures.Open[k.Held3]; ok && t.Record == k.From {
				delete(w.tenures.Open, k.Held3)
				return of(&t), true
			}
			t, ok := closed[k]
			if ok {
				delete(closed, k)
				v = of(t)
			}
			return v, ok
		},
		rest: func(put func(tenureKey, tenureView)) {
			for key, t := range w.tenures.Open {
				put(tenureKey{key, t.Record}, of(&t))
			}
			for key, t := range closed {
				put(key, of(t))
			}
		},
		left:       func(k tenureKey) bool { return w.blanks.accounts[name{k.Program, k.Account}] },
		uncompared: &w.blanks.tenures,
	}.compare
}

// linkBegun is one link of all there ever were.
type linkBegun struct {
	engine.LinkKey
	From int64 // record
}

type linkView struct {
	Account                name
	Since, Until, UntilEnd int64
}

// link notes which links the record that was just applied made, and thereby ended.
func (w *walk) link(r *engine.Record) {
	for _, key := range w.fold.Touched().Links {
		if last, ok := w.newest[key]; ok {
			ended := w.linked[linkBegun{key, last}]
			ended.Until, ended.UntilEnd = r.Seq, micros(r.Time)
			w.linked[linkBegun{key, last}] = ended
		}
		l, _ := w.fold.Link(key)
		w.newest[key], w.linked[linkBegun{key, r.Seq}] = r.Seq, linkView{Account: name{key.Program, l.Account}, Since: micros(l.Since)}
	}
}

func (w *walk) links() view {
	return viewed[linkBegun, linkView]{
		what:  "link",
		query: "SELECT person, program, kind, account, from_seq, from_time, until_seq, until_time FROM link",
		scan: func(r *sqlx.Rows) (key linkBegun, v linkView, err error) {
			var person, account int64
			err = r.Scan(&person, &key.Program, &key.Kind, &account, &key.From, &v.Since, &v.Until, &v.UntilEnd)
			key.Person, v.Account = w.names.people[person], w.names.accounts[account]
			return key, v, err
		},
		take:       taking(w.linked),
		rest:       allOf(w.linked),
		left:       func(k linkBegun) bool { return w.blanks.people[k.Person] },
		uncompared: &w.blanks.links,
	}.compare
}

type openView struct {
	Person              string
	Account             name
	Right               string
	Op                  engine.Op
	Repeatable, Unknown bool
}

func openViewOf(i *engine.Intent) openView {
	return openView{i.Change.Person, name{i.Change.Program, i.Change.Account}, i.Change.Right(), i.Change.Op, i.Repeatable(), i.Unknown}
}

func (w *walk) openIntents() view {
	return viewed[int64, openView]{
		what:  "open intent",
		query: "SELECT seq, person, program, account, entitlement, op, repeatable, uncertain FROM open_intent",
		scan: func(r *sqlx.Rows) (_ int64, v openView, err error) {
			var seq, person, account, repeatable, uncertain number
			var program string
			err = r.Scan(&seq, &person, &program, &account, &v.Right, (*string)(&v.Op), &repeatable, &uncertain)
			if v.Account = w.names.accounts[int64(account)]; v.Account.program != program {
				v.Account = name{program, fmt.Sprint("number ", account)}
			}
			v.Person, v.Repeatable, v.Unknown = w.names.people[int64(person)], repeatable != 0, uncertain != 0
			return int64(seq), v, err
		},
		take: func(seq int64) (openView, bool) {
			i, ok := w.fold.TakeOpen(seq)
			return openViewOf(&i), ok
		},
		rest: func(put func(int64, openView)) {
			for seq, i := range w.fold.Open() {
				put(seq, openViewOf(i))
			}
		},
	}.compare
}

type factView struct {
	Since, Until int64
	Count        int
	Text, Data   string
}

func viewOf(f engine.Fact) factView {
	return factView{micros(f.Since), micros(f.Until), f.Count, f.Text, string(f.Data)}
}

func (w *walk) facts() view {
	want := map[engine.FactKey]factView{}
	for key, f := range w.fold.Facts() {
		want[key] = viewOf(f)
	}
	return viewed[engine.FactKey, factView]{
		what:  "fact",
		query: "SELECT * FROM fact",
		scan: func(r *sqlx.Rows) (engine.FactKey, factView, error) {
			f, err := scanFact(r)
			return f.FactKey, viewOf(f), err
		},
		take: taking(want),
		rest: allOf(want),
	}.compare
}

func (w *walk) baselines() view {
	want := map[string]bool{}
	for program := range w.fold.Baselines() {
		want[program] = true
	}
	return viewed[string, bool]{
		what:  "baseline",
		query: "SELECT program FROM baseline",
		scan: func(r *sqlx.Rows) (program string, v bool, err error) {
			err = r.Scan(&program)
			return program, true, err
		},
		take: taking(want),
		rest: allOf(want),
	}.compare
}
