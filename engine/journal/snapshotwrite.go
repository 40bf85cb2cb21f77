package journal

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// drawing makes the lines of a snapshot of what a walk has come to.
type drawing struct {
	walk     *walk
	random   io.Reader
	people   map[string]int64
	accounts map[name]int64
	rights   map[name]int64
	rules    map[ruleList]int64
	lines    []Stored
	err      error
}

// draw gives the lines, of which nothing speaks that was blanked later.
func (w *walk) draw(random io.Reader) ([]Stored, error) {
	d := &drawing{walk: w, random: random, people: byName(w.names.people), accounts: byName(w.names.accounts), rights: byName(w.names.rights), rules: byName(w.names.rules)}
	w.blanks.later(w)
	seq, control, runs, last := w.fold.Head()
	d.add(snapLine{What: lineHead, Rows: [][]int64{{seq, control, int64(runs), micros(last)}}}, nil)
	d.names()
	d.held()
	d.ended()
	d.links()
	d.intents()
	d.facts()
	for _, program := range slices.Sorted(w.fold.Baselines()) {
		d.add(snapLine{What: lineBaseline, Program: program}, nil)
	}
	return d.lines, d.err
}

func byName[K comparable](names map[int64]K) map[K]int64 {
	out := make(map[K]int64, len(names))
	for id, n := range names {
		out[n] = id
	}
	return out
}

// add writes a line; personal nil: nothing is.
func (d *drawing) add(p snapLine, personal any) {
	if d.err != nil {
		return
	}
	text, err := encode(p)
	if d.err = err; err != nil {
		return
	}
	l := Stored{Public: string(text)}
	if personal != nil {
		l, d.err = d.sealed(l, personal)
	}
	d.lines = append(d.lines, l)
}

func (d *drawing) sealed(l Stored, personal any) (Stored, error) {
	text, err := encode(personal)
	if err != nil {
		return l, err
	}
	var salt [audit.SaltSize]byte
	if _, err := io.ReadFull(d.random, salt[:]); err != nil {
		return l, err
	}
	l.Personal, l.Salt = string(text), base64.StdEncoding.EncodeToString(salt[:])
	return l, nil
}

func (d *drawing) lost(what string, key any) {
	if d.err == nil {
		d.err = fmt.Errorf("the tables have no number for %s %+v; run audit verify", what, key)
	}
}

func (d *drawing) names() {
	n := &d.walk.names
	for _, id := range sortedKeys(n.people) {
		d.add(snapLine{What: linePerson, N: id}, snapName{n.people[id], slices.Sorted(maps.Keys(d.walk.prune.logins[id]))})
	}
	for _, id := range sortedKeys(n.accounts) {
		l := snapLine{What: lineAccount, N: id, Program: n.accounts[id].program}
		if _, proposed := engine.ProposedName(n.accounts[id].name); proposed {
			l.Kind = engine.ProposedPrefix
		}
		d.add(l, snapName{Name: n.accounts[id].name})
	}
	for _, id := range sortedKeys(n.rights) {
		d.add(snapLine{What: lineRight, N: id, Program: n.rights[id].program, Name: n.rights[id].name}, nil)
	}
	for _, id := range sortedKeys(n.rules) {
		l := snapLine{What: lineRules, N: id}
		if n.rules[id].n > 0 {
			l.Rules = strings.Split(n.rules[id].names, "\x00")
		}
		if id > 0 {
			d.add(l, nil)
		}
	}
}

func (d *drawing) held() {
	rows := map[int64][][]int64{}
	for key, h := range d.walk.fold.Holdings() {
		account, ok := d.accounts[name{key.Program, key.Account}]
		right, ok2 := d.rights[name{key.Program, key.Entitlement}]
		rules, ok3 := d.rules[rulesOf(h.Rules)]
		if len(h.Rules) == 0 {
			rules, ok3 = 0, true
		}
		t, open := d.walk.tenures.Open[key]
		if !ok || !ok2 || !ok3 || open != h.Seen {
			d.lost("the holding", key)
		}
		flags := bit(h.Managed)*flagManaged | bit(h.Confirmed)*flagConfirmed | bit(h.Seen)*flagSeen
		rows[account] = append(rows[account], []int64{right, flags, micros(h.Since), rules, t.Record, micros(t.From)})
	}
	for _, account := range sortedKeys(rows) {
		slices.SortFunc(rows[account], slices.Compare[[]int64])
		d.add(snapLine{What: lineHeld, Account: account, Rows: rows[account]}, nil)
	}
}

// ended are what people had who are under a legal hold.
func (d *drawing) ended() {
	rows := map[int64][][]int64{}
	for _, t := range d.walk.tenures.Closed {
		account, ok := d.accounts[name{t.Program, t.Account}]
		right, ok2 := d.rights[name{t.Program, t.Entitlement}]
		rules, ok3 := d.rules[rulesOf(t.Rules)]
		if len(t.Rules) == 0 {
			rules, ok3 = 0, true
		}
		switch {
		case !ok || !d.walk.prune.holds.accounts[account]:
		case !ok2 || !ok3:
			d.lost("what was held", t.Held3)
		default:
			rows[account] = append(rows[account], []int64{right, bit(t.Managed), rules, t.Record, micros(t.From), t.Ended, micros(t.Until)})
		}
	}
	for _, account := range sortedKeys(rows) {
		slices.SortFunc(rows[account], slices.Compare[[]int64])
		d.add(snapLine{What: lineEnded, Account: account, Rows: rows[account]}, nil)
	}
}

// links are all there ever were: they say whose an account is.
func (d *drawing) links() {
	all := slices.SortedFunc(maps.Keys(d.walk.linked), func(a, b linkBegun) int {
		return cmp.Or(compareLinks(a.LinkKey, b.LinkKey), cmp.Compare(a.From, b.From))
	})
	for _, key := range all {
		l := d.walk.linked[key]
		person, ok := d.people[key.Person]
		account, ok2 := d.accounts[l.Account]
		if !ok || !ok2 {
			d.lost("the link", key)
		}
		d.add(snapLine{What: lineLink, Person: person, Program: key.Program, Kind: key.Kind, Account: account, Rows: [][]int64{{key.From, l.Since, l.Until, l.UntilEnd}}}, nil)
	}
}

func (d *drawing) intents() {
	open := map[int64]*engine.Intent{}
	maps.Insert(open, d.walk.fold.Open())
	for _, seq := range sortedKeys(open) {
		i := open[seq]
		account, ok := d.accounts[name{i.Change.Program, i.Change.Account}]
		if !ok {
			d.lost("the account of the open change", seq)
		}
		d.add(snapLine{What: lineIntent, N: seq, Account: account, Rows: [][]int64{{bit(i.Unknown), micros(i.Lease), bit(i.Halted)}}}, nil)
	}
}

func (d *drawing) facts() {
	all := map[engine.FactKey]engine.Fact{}
	maps.Insert(all, d.walk.fold.Facts())
	for _, key := range slices.SortedFunc(maps.Keys(all), compareFacts) {
		f := all[key]
		d.add(snapLine{What: lineFact}, fact{factKey(f.FactKey), micros(f.Since), micros(f.Until), f.Count, f.Text, f.Data})
	}
}
