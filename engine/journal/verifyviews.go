package journal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// compareViews holds the tables against the fold of all records, claims apart.
func (w *walk) compareViews(h *head) error {
	seq, control, runs, last := w.fold.Head()
	if h.Size != seq || h.Control != control || h.Runs != int64(runs) || h.Time != micros(last) {
		w.wrong("the head says %d records, last control record %d, %d runs, last time %d; the records say %d, %d, %d, %d",
			h.Size, h.Control, h.Runs, h.Time, seq, control, runs, micros(last))
	}
	for _, compare := range []func() error{w.holdings, w.allTenures, w.links, w.openIntents, w.facts, w.baselines} {
		if err := compare(); err != nil {
			return err
		}
	}
	return nil
}

// view compares one table with what the records say; what is compared is taken out of want.
func view[K, V comparable](w *walk, what string, want map[K]V, query string, scan func(*sqlx.Rows) (K, V, error)) error {
	err := each(w.tx.QueryxContext(w.ctx, query))(func(r *sqlx.Rows) error {
		key, have, err := scan(r)
		if err != nil {
			return err
		}
		if is, ok := want[key]; !ok || is != have {
			w.wrong("the tables say, but the records do not: %s %+v: %+v", what, key, have)
		} else {
			delete(want, key)
		}
		return nil
	})
	missing := make([]string, 0, len(want))
	for key, value := range want {
		missing = append(missing, fmt.Sprintf("%s %+v: %+v", what, key, value))
	}
	slices.Sort(missing)
	for _, line := range missing {
		w.wrong("the records say, but the tables do not: %s", line)
	}
	return err
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
		return each(w.tx.QueryxContext(w.ctx, "SELECT id, "+columns+" FROM "+table))(func(r *sqlx.Rows) error {
			var id int64
			var a, b string
			if err := r.Scan(&id, &a, &b); err != nil {
				return err
			}
			return put(id, a, b)
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

func (w *walk) holdings() error {
	want := map[engine.Held3]holdingView{}
	for key, h := range w.fold.Holdings() {
		want[key] = holdingView{h.Managed, h.Confirmed, h.Seen, micros(h.Since), rulesOf(h.Rules)}
	}
	const query = "SELECT account, entitlement, managed, confirmed, seen, since, rules FROM holding"
	return view(w, "holding", want, query, func(r *sqlx.Rows) (key engine.Held3, v holdingView, err error) {
		var account, right, managed, confirmed, seen, rules int64
		err = r.Scan(&account, &right, &managed, &confirmed, &seen, &v.Since, &rules)
		v.Managed, v.Confirmed, v.Seen, v.Rules = managed != 0, confirmed != 0, seen != 0, w.names.rules[rules]
		return w.names.held(account, right), v, err
	})
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

func (w *walk) allTenures() error {
	want := map[tenureKey]tenureView{}
	put := func(t engine.Tenure) {
		want[tenureKey{t.Held3, t.Record}] = tenureView{t.Managed, rulesOf(t.Rules), micros(t.From), t.Ended, micros(t.Until)}
	}
	for _, t := range w.tenures.Closed {
		put(t)
	}
	for _, t := range w.tenures.Open {
		put(t)
	}
	const query = "SELECT account, entitlement, managed, rules, from_seq, from_time, until_seq, until_time FROM tenure"
	return view(w, "tenure", want, query, func(r *sqlx.Rows) (key tenureKey, v tenureView, err error) {
		var account, right, managed, rules int64
		err = r.Scan(&account, &right, &managed, &rules, &key.From, &v.FromTime, &v.Until, &v.UntilEnd)
		key.Held3, v.Managed, v.Rules = w.names.held(account, right), managed != 0, w.names.rules[rules]
		return key, v, err
	})
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

func (w *walk) links() error {
	const query = "SELECT person, program, kind, account, from_seq, from_time, until_seq, until_time FROM link"
	return view(w, "link", w.linked, query, func(r *sqlx.Rows) (key linkBegun, v linkView, err error) {
		var person, account int64
		err = r.Scan(&person, &key.Program, &key.Kind, &account, &key.From, &v.Since, &v.Until, &v.UntilEnd)
		key.Person, v.Account = w.names.people[person], w.names.accounts[account]
		return key, v, err
	})
}

type openView struct {
	Person              string
	Account             name
	Right               string
	Op                  engine.Op
	Repeatable, Unknown bool
}

func (w *walk) openIntents() error {
	want := map[int64]openView{}
	for seq, i := range w.fold.Open() {
		want[seq] = openView{i.Change.Person, name{i.Change.Program, i.Change.Account}, i.Change.Right(), i.Change.Op, i.Repeatable(), i.Unknown}
	}
	const query = "SELECT seq, person, program, account, entitlement, op, repeatable, uncertain FROM open_intent"
	return view(w, "open intent", want, query, func(r *sqlx.Rows) (seq int64, v openView, err error) {
		var person, account, repeatable, uncertain int64
		var program string
		err = r.Scan(&seq, &person, &program, &account, &v.Right, &v.Op, &repeatable, &uncertain)
		if v.Account = w.names.accounts[account]; v.Account.program != program {
			v.Account = name{program, fmt.Sprint("number ", account)}
		}
		v.Person, v.Repeatable, v.Unknown = w.names.people[person], repeatable != 0, uncertain != 0
		return seq, v, err
	})
}

type factView struct {
	Since, Until int64
	Count        int
	Text, Data   string
}

func viewOf(f engine.Fact) factView {
	return factView{micros(f.Since), micros(f.Until), f.Count, f.Text, string(f.Data)}
}

func (w *walk) facts() error {
	want := map[engine.FactKey]factView{}
	for key, f := range w.fold.Facts() {
		want[key] = viewOf(f)
	}
	return view(w, "fact", want, "SELECT * FROM fact", func(r *sqlx.Rows) (engine.FactKey, factView, error) {
		f, err := scanFact(r)
		return f.FactKey, viewOf(f), err
	})
}

func (w *walk) baselines() error {
	want := map[string]bool{}
	for program := range w.fold.Baselines() {
		want[program] = true
	}
	return view(w, "baseline", want, "SELECT program FROM baseline", func(r *sqlx.Rows) (program string, v bool, err error) {
		err = r.Scan(&program)
		return program, true, err
	})
}
