package journal

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// save writes the records and all that they changed. What that is gets worked out first, while the server takes in the last of the
// records that were sent to it.
func (b *batch) save() error {
	steps := []func() error{b.saveRecords, b.saveNames, b.saveMentions(), b.saveHoldings(), b.saveTenures(), b.saveLinks(), b.saveOpen(), b.saveFacts(), b.saveBaselines}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
		engine.Failpoint("save.torn")
	}
	_, control, runs, _ := b.fold.Head()
	b.head.Control, b.head.Runs = control, int64(runs)
	b.head.People, b.head.Accounts = b.names.people.last, b.names.accounts.last
	b.head.Entitlements, b.head.Rulesets = b.names.entitlements.last, b.names.rulesets.last
	return b.saveHead(b.head)
}

func (b *batch) saveNames() error {
	for _, t := range b.names.all() {
		if err := t.save(b.tx); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) saveRecords() error {
	nodes, err := b.head.grow(b.leaves)
	if err != nil {
		return errors.Join(err, b.abandonStream())
	}
	if err := b.endRecords(); err != nil {
		return err
	}
	r := newRows("iit").expect(len(nodes))
	for _, n := range nodes {
		r.add(int64(n.Level), n.Index, base64.StdEncoding.EncodeToString(n.Hash[:]))
	}
	return b.insert("node", "level, idx, hash", r)
}

func (b *batch) saveHoldings() (write func() error) {
	made, changed, gone := newRows("iiiiiii").expect(len(b.touched.Holdings)), newRows("iiiiiii"), newRows("ii")
	once(b.touched.Holdings, func(key engine.Held3) {
		old, was := b.before.Holdings[key]
		h, is := b.fold.Holding(key)
		switch account, right := b.ids(key); {
		case is && !was:
			made.add(account, right, bit(h.Managed), bit(h.Confirmed), bit(h.Seen), micros(h.Since), b.ruleset(h.Rules))
		case is && !reflect.DeepEqual(old, h):
			changed.add(account, right, bit(h.Managed), bit(h.Confirmed), bit(h.Seen), micros(h.Since), b.ruleset(h.Rules))
		case was && !is:
			gone.add(account, right)
		}
	})
	return func() error {
		if err := b.run("DELETE FROM holding WHERE (account, entitlement) IN (SELECT column1, column2 FROM @rows r)", gone); err != nil {
			return err
		}
		err := b.run(`UPDATE holding SET managed = r.column3, confirmed = r.column4, seen = r.column5, since = r.column6, rules = r.column7
			FROM @rows r WHERE holding.account = r.column1 AND holding.entitlement = r.column2`, changed)
		if err != nil {
			return err
		}
		return b.insert("holding", "account, entitlement, managed, confirmed, seen, since, rules", made)
	}
}

func (b *batch) ids(key engine.Held3) (account, right int64) {
	return b.names.accounts.known(key.Program, key.Account), b.names.entitlements.known(key.Program, key.Entitlement)
}

func (b *batch) ruleset(rules []string) int64 {
	if len(rules) == 0 {
		return 0
	}
	return b.names.rulesets.known("", rulesText(rules))
}

// saveTenures ends intervals of former transactions and writes those that began in this one, ended or not.
func (b *batch) saveTenures() (write func() error) {
	ended, begun := newRows("iiii"), newRows("iiiiiiii")
	begin := func(t engine.Tenure) {
		account, right := b.ids(t.Held3)
		begun.add(account, right, bit(t.Managed), b.ruleset(t.Rules), t.Record, micros(t.From), t.Ended, micros(t.Until))
	}
	for _, t := range b.tenures.Closed {
		if t.Record > 0 {
			begin(t)
			continue
		}
		account, right := b.ids(t.Held3)
		ended.add(account, right, t.Ended, micros(t.Until))
	}
	for _, key := range slices.SortedFunc(maps.Keys(b.tenures.Open), compareHeld) {
		if t := b.tenures.Open[key]; t.Record > 0 {
			begin(t)
		}
	}
	return func() error {
		err := b.run(`UPDATE tenure SET until_seq = r.column3, until_time = r.column4 FROM @rows r
			WHERE tenure.account = r.column1 AND tenure.entitlement = r.column2 AND tenure.until_seq = 0`, ended)
		if err != nil {
			return err
		}
		return b.insert("tenure", "account, entitlement, managed, rules, from_seq, from_time, until_seq, until_time", begun)
	}
}

// saveLinks does the same for links.
func (b *batch) saveLinks() (write func() error) {
	ended, begun := newRows("ittii"), newRows("ittiiiii")
	next := map[engine.LinkKey]linkStep{}
	for _, l := range slices.Backward(b.linked) {
		until, untilTime := int64(0), int64(0)
		if n, ok := next[l.key]; ok {
			until, untilTime = n.seq, micros(n.link.Since)
		}
		next[l.key] = l
		begun.add(b.names.people.known("", l.key.Person), l.key.Program, l.key.Kind, b.names.accounts.known(l.key.Program, l.link.Account),
			l.seq, micros(l.link.Since), until, untilTime)
	}
	for _, key := range slices.SortedFunc(maps.Keys(next), compareLinks) {
		ended.add(b.names.people.known("", key.Person), key.Program, key.Kind, next[key].seq, micros(next[key].link.Since))
	}
	return func() error {
		if err := b.endLinks(ended); err != nil {
			return err
		}
		return b.insert("link", "person, program, kind, account, from_seq, from_time, until_seq, until_time", begun)
	}
}

// endLinks ends what was open of some links. Each is looked up on its own first: joined to all of them, as most of them are new, the
// planner would read the table for each.
func (b *batch) endLinks(ended *rows) error {
	const open = `SELECT * FROM (SELECT r.column1, r.column2, r.column3, r.column4, r.column5, (SELECT max(l.from_seq) FROM link l
		WHERE l.person = r.column1 AND l.program = r.column2 AND l.kind = r.column3 AND l.until_seq = 0) AS since FROM @rows r) x WHERE since IS NOT NULL`
	found := newRows("ittiii")
	err := b.query(open, ended, func(r *sqlx.Rows) error {
		var person, seq, at, since int64
		var program, kind string
		err := r.Scan(&person, &program, &kind, &seq, &at, &since)
		found.add(person, program, kind, seq, at, since)
		return err
	})
	if err != nil {
		return err
	}
	return b.run(`UPDATE link SET until_seq = r.column4, until_time = r.column5 FROM @rows r
		WHERE link.person = r.column1 AND link.program = r.column2 AND link.kind = r.column3 AND link.from_seq = r.column6`, found)
}

func (b *batch) saveOpen() (write func() error) {
	known := map[int64]bool{}
	for _, i := range b.before.Open {
		known[i.Seq] = true
	}
	begun, changed, ended := newRows("itittiiiiii").expect(len(b.touched.Open)), newRows("iiiii"), newRows("i")
	for _, seq := range unique(b.touched.Open, cmp.Compare[int64]) {
		i, is := b.fold.OpenIntent(seq)
		account := b.names.accounts.known(i.Change.Program, i.Change.Account)
		switch {
		case is && known[seq]:
			changed.add(seq, account, bit(i.Unknown), micros(i.Lease), bit(i.Halted)) // a lease and a halt only if they are of this batch
		case is:
			begun.add(seq, i.Change.Program, account, i.Change.Right(), string(i.Change.Op), bit(i.Repeatable()), bit(i.Unknown), int64(0), int64(0), int64(0), b.person(i.Change.Person))
		case known[seq]:
			ended.add(seq)
		}
	}
	return func() error {
		if err := b.run("DELETE FROM open_intent WHERE seq IN (SELECT column1 FROM @rows r)", ended); err != nil {
			return err
		}
		err := b.run(`UPDATE open_intent SET account = r.column2, uncertain = r.column3,
			lease = CASE WHEN r.column4 > 0 AND (r.column4 < lease OR lease = 0) THEN r.column4 ELSE lease END,
			repeatable = CASE WHEN r.column5 > 0 THEN 0 ELSE repeatable END FROM @rows r WHERE open_intent.seq = r.column1`, changed)
		if err != nil {
			return err
		}
		return b.insert("open_intent", "seq, program, account, entitlement, op, repeatable, uncertain, claimed, lease, attempts, person", begun)
	}
}

// person is somebody's number, 0 for nobody.
func (b *batch) person(key string) int64 {
	if key == "" {
		return 0
	}
	return b.names.people.known("", key)
}

func (b *batch) saveFacts() (write func() error) {
	put, gone := newRows("ttttttiiitt"), newRows("tttttt")
	for _, k := range unique(b.touched.Facts, compareFacts) {
		f, is := b.fold.Fact(k)
		if is {
			put.add(k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key, micros(f.Since), micros(f.Until), int64(f.Count), f.Text, string(f.Data))
		} else {
			gone.add(k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key)
		}
	}
	return func() error {
		err := b.run(`DELETE FROM fact WHERE (kind, program, account, entitlement, person, key) IN
			(SELECT column1, column2, column3, column4, column5, column6 FROM @rows r)`, gone)
		if err != nil {
			return err
		}
		return b.run(`INSERT INTO fact (kind, program, account, entitlement, person, key, since, until, n, text, data) SELECT * FROM @rows r WHERE true
			ON CONFLICT (kind, program, account, entitlement, person, key) DO UPDATE SET since = excluded.since, until = excluded.until,
			n = excluded.n, text = excluded.text, data = excluded.data`, put)
	}
}

func (b *batch) saveBaselines() error {
	r := newRows("t")
	for _, program := range unique(b.seenIn, strings.Compare) {
		r.add(program)
	}
	return b.run("INSERT INTO baseline (program) SELECT * FROM @rows r WHERE true ON CONFLICT (program) DO NOTHING", r)
}

// once goes through a list and passes over what came before.
func once[T comparable](list []T, do func(T)) {
	seen := make(map[T]struct{}, len(list))
	for _, one := range list {
		if _, again := seen[one]; again {
			continue
		}
		seen[one] = struct{}{}
		do(one)
	}
}

// unique sorts a list and takes each once.
func unique[T comparable](list []T, compare func(a, b T) int) []T {
	list = slices.Clone(list)
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

func sortedKeys[V any](m map[int64]V) []int64 { return slices.Sorted(maps.Keys(m)) }

func compareHeld(a, b engine.Held3) int {
	return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Account, b.Account), strings.Compare(a.Entitlement, b.Entitlement))
}

func compareLinks(a, b engine.LinkKey) int {
	return cmp.Or(strings.Compare(a.Person, b.Person), strings.Compare(a.Program, b.Program), strings.Compare(a.Kind, b.Kind))
}

func compareFacts(a, b engine.FactKey) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Program, b.Program), strings.Compare(a.Account, b.Account),
		strings.Compare(a.Entitlement, b.Entitlement), strings.Compare(a.Person, b.Person), strings.Compare(a.Key, b.Key))
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func seenPairs(r *engine.Record) [][2]string {
	s := seenOf(r)
	return slices.Concat(s.Appeared, s.Disappeared, s.Vanished)
}

func seenOf(r *engine.Record) (s engine.Seen) {
	_ = json.Unmarshal(r.Data, &s) // Canonical has read it
	return s
}
