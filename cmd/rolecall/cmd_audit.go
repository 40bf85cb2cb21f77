package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) auditCommand() *cobra.Command {
	return a.group("audit", "Read and prove the journal", a.auditList(), a.auditShow(), a.auditAsOf(), a.auditExport(), a.auditVerify(), a.auditBundle(), a.auditVerifyBundle(), a.auditSample(), a.auditKey(), a.auditAccept(), a.auditPrune())
}

// recordJSON is the documented form of a record: keys that matter are always there.
type recordJSON struct {
	Version     int             `json:"version"`
	Seq         int64           `json:"seq"`
	Time        time.Time       `json:"time"`
	Kind        engine.Kind     `json:"kind"`
	Run         string          `json:"run"`
	Actor       string          `json:"actor"`
	Person      string          `json:"person"`
	Account     string          `json:"account"`
	Program     string          `json:"program"`
	Entitlement string          `json:"entitlement"`
	Op          engine.Op       `json:"op"`
	Outcome     engine.Outcome  `json:"outcome"`
	Of          int64           `json:"of,omitempty"`
	Cause       engine.Cause    `json:"cause,omitempty"`
	Approved    bool            `json:"approved,omitempty"`
	Why         []string        `json:"why"`
	Rules       []string        `json:"rules,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
	Hash        string          `json:"hash"`
	Stored      *journal.Stored `json:"stored,omitempty"` // in exports: what the hash is of
}

func shown(r engine.Record) recordJSON {
	why := r.Says()
	out := recordJSON{Version: 1, Seq: r.Seq, Time: r.Time.UTC(), Kind: r.Kind, Run: r.Run, Actor: r.Actor, Person: r.Person, Account: r.Account, Program: r.Program,
		Op: r.Op, Outcome: r.Outcome, Of: r.Of, Cause: r.Cause, Approved: r.Approved, Why: why, Rules: r.Rules, Data: r.Data, Hash: r.Hash}
	if r.Program != "" && (r.Op != "" || r.Entitlement != "") {
		out.Entitlement = engine.Entitlement{Program: r.Program, Name: r.Entitlement}.String()
	}
	return out
}

// queryFlags are the filters of list and export.
type queryFlags struct {
	person, program, account, entitlement, run, rule, actor, kind, outcome, op, from, to, words string
	limit                                                                                       int
	after                                                                                       int64
	oldest                                                                                      bool
}

func (f *queryFlags) register(c *cobra.Command, limit int) {
	fs := c.Flags()
	for _, one := range []struct {
		to         *string
		name, help string
	}{
		{&f.person, "person", "only this person, by login or `KEY`"}, {&f.program, "program", "only this `PROGRAM`"}, {&f.account, "account", "only this `ACCOUNT`"},
		{&f.entitlement, "entitlement", "only this `ENTITLEMENT`, program/name"}, {&f.run, "run", "only this `RUN`"}, {&f.rule, "rule", "only what this `RULE` gave"}, {&f.actor, "actor", "only what this `USER` did"},
		{&f.kind, "kind", "only records of this `KIND`: run, intent, outcome, approve, cut, …"}, {&f.outcome, "outcome", "only this `OUTCOME`: done, refused, …"},
		{&f.op, "op", "only this `OPERATION`: grant, revoke, …"}, {&f.from, "from", "not before this `TIME`, 2027-01-31 or 2027-01-31T08:00:00Z"},
		{&f.to, "to", "before this `TIME`"}, {&f.words, "words", "only records that hold all these `WORDS`"},
	} {
		fs.StringVar(one.to, one.name, "", one.help)
	}
	fs.IntVar(&f.limit, "limit", limit, "at most `N` records; 0 for all")
	fs.Int64Var(&f.after, "after", 0, "go on behind the record with this `SEQ`")
	fs.BoolVar(&f.oldest, "oldest", false, "oldest first")
}

// one refuses a word that no record can have: an empty answer would be taken for "there was nothing".
func one[T ~string](flag, given string, all []T) error {
	if given == "" || slices.Contains(all, T(given)) {
		return nil
	}
	var words []string
	for _, w := range all {
		words = append(words, string(w))
	}
	return usage(cmp.Or(engine.Suggest(given, words), "there are: "+strings.Join(words, ", ")), "--%s %q is no %s of a record", flag, given, flag)
}

func (f *queryFlags) query() (q engine.Query, err error) {
	if err := errors.Join(one("kind", f.kind, engine.Kinds()), one("outcome", f.outcome, engine.Outcomes()), one("op", f.op, engine.Ops())); err != nil {
		return q, err
	}
	q = engine.Query{Kind: engine.Kind(f.kind), Run: f.run, Rule: f.rule, Actor: f.actor, Person: f.person, Program: f.program, Account: f.account,
		Outcome: engine.Outcome(f.outcome), Op: engine.Op(f.op), Words: f.words, Newest: !f.oldest, Limit: f.limit}
	if f.entitlement != "" {
		e := engine.ParseEntitlement(f.entitlement)
		if f.program != "" && f.program != e.Program {
			return q, usage("", "--program %s and --entitlement %s contradict each other", f.program, f.entitlement)
		}
		q.Program, q.Entitlement = e.Program, &e.Name
	}
	if f.oldest {
		q.After = f.after
	} else {
		q.Before = f.after
	}
	if q.From, err = moment(f.from); err == nil {
		q.To, err = moment(f.to)
	}
	return q, err
}

// moment reads an instant, or a day, which means its first instant in UTC.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := config.ParseDate(text)
	if err != nil {
		return t, usage("write 2027-01-31, or 2027-01-31T08:00:00Z", "%q is no time", text)
	}
	return t, nil
}

func (a *app) auditList() *cobra.Command {
	var f queryFlags
	c := &cobra.Command{
		Use: "list", Short: "Records, newest first", Args: args(cobra.NoArgs),
		Example: "  rolecall audit list --person 4711 --from 2027-01-01\n  rolecall audit list --kind outcome --outcome refused -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			list, more, err := a.recordPage(c.Context(), f)
			if err != nil && !errors.Is(err, engine.ErrPruned) { // of which there may be some that stayed
				return err
			}
			pruned := err
			if more && a.out().Format == render.TableFormat {
				defer render.Out{W: a.Stderr}.Line("There are more; go on with: --after %d", list[len(list)-1].Seq)
			}
			return errors.Join(a.out().Data(recordTable(list), list), pruned)
		},
	}
	f.register(c, 50)
	return c
}

// recordPage reads one record more than is shown, to see whether there are more.
func (a *app) recordPage(ctx context.Context, f queryFlags) (list []recordJSON, more bool, err error) {
	list = []recordJSON{}
	limit := f.limit
	if limit > 0 {
		f.limit++
	}
	err = a.records(ctx, f, func(r recordJSON) error { list = append(list, r); return nil })
	if err != nil && !errors.Is(err, engine.ErrPruned) {
		return nil, false, err
	}
	if limit > 0 && len(list) > limit {
		return list[:limit], true, nil
	}
	return list, false, err
}

func (a *app) records(ctx context.Context, f queryFlags, yield func(recordJSON) error) (err error) {
	return a.storedRecords(ctx, f, func(r recordJSON, _ journal.Stored) error { return yield(r) })
}

func (a *app) storedRecords(ctx context.Context, f queryFlags, yield func(recordJSON, journal.Stored) error) (err error) {
	q, err := f.query()
	if err != nil {
		return err
	}
	s, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.Close)
	if q.Person, err = keyOf(ctx, s, q.Person); err != nil {
		return err
	}
	n := 0
	err = s.StoredRecords(ctx, q, func(r engine.Record, st journal.Stored) error { n++; return yield(shown(r), st) })
	if err == nil && (q.Limit == 0 || n < q.Limit) {
		err = a.tellPruned(ctx, s, q.After)
	}
	return err
}

// tellPruned says, beside the answer, that older records are not there: who searches must not take that for "there was nothing".
func (a *app) tellPruned(ctx context.Context, s *journal.Store, after int64) error {
	p, err := s.Pruned(ctx)
	if err == nil && p != nil && after < p.UpTo {
		render.Out{W: a.Stderr}.Line("These are not all there ever were: %s.", p.String())
	}
	return err
}

// keyOf finds the key of somebody named by login as the journal knows it; what is no login stays as it is. The directory is
// not asked: the journal can be read whatever else is wrong.
func keyOf(ctx context.Context, s *journal.Store, name string) (key string, err error) {
	if name == "" {
		return "", nil
	}
	find := func(q engine.Query) error {
		return s.Records(ctx, q, func(r engine.Record) error {
			if r.Person == name || loginOf(r) == name {
				key = r.Person
				return errFound
			}
			return nil
		})
	}
	if err = find(engine.Query{Person: name, Limit: 1}); err == nil { // no key; finding a login may take long
		err = find(engine.Query{Words: name, Newest: true})
	}
	if err == nil { // or only records that were pruned had it
		key, err = s.PersonByLogin(ctx, name)
	}
	if err != nil && !errors.Is(err, errFound) {
		return "", err
	}
	return cmp.Or(key, name), nil
}

// loginOf is how a change's person was called when it was made.
func loginOf(r engine.Record) string { return journal.LoginOf(&r) }

func recordTable(list []recordJSON) render.Table {
	t := render.Table{Header: recordHeader()}
	for _, r := range list {
		t.Add(render.Plain, recordCells(r)...)
	}
	return t
}

func recordHeader() []string {
	return []string{"seq", "time", "kind", "run", "actor", "person", "account", "entitlement", "op", "outcome", "hash", "why"}
}

func recordCells(r recordJSON) []string {
	what := r.Entitlement
	if what == "" {
		what = r.Program
	}
	return []string{strconv.FormatInt(r.Seq, 10), stamp(r.Time), string(r.Kind), r.Run, r.Actor, r.Person, r.Account, what, string(r.Op),
		string(r.Outcome), r.Hash[:min(12, len(r.Hash))], strings.Join(r.Why, "; ")}
}
