package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// page is how many records are read at once; between pages nothing is open, so yield may take its time.
const page = 1000

// Records implements engine.Log. It reads in pages by Seq; records that are added meanwhile may or may not come.
func (s *Store) Records(ctx context.Context, q engine.Query, yield func(engine.Record) error) error {
	return s.StoredRecords(ctx, q, func(r engine.Record, _ Stored) error { return yield(r) })
}

// Stored is what a record's leaf is the hash of. Salt is base64; it and Personal are "" once these are blanked, and then there
// is the Commitment, base64.
type Stored struct {
	Public     string `json:"public"`
	Personal   string `json:"personal,omitempty"`
	Salt       string `json:"salt,omitempty"`
	Commitment string `json:"commitment,omitempty"`
}

// StoredRecords is Records with the stored form of each.
func (s *Store) StoredRecords(ctx context.Context, q engine.Query, yield func(engine.Record, Stored) error) error {
	asked := q
	err := s.bounded(ctx, &q)
	if err != nil {
		return s.wrap("read records", err)
	}
	spans, err := s.spans(ctx, &q)
	if err != nil {
		return s.wrap("read records", err)
	}
	given, err := s.stretch(ctx, q, spans, yield)
	if err != nil || q.Limit > 0 && given >= q.Limit {
		return err
	}
	return s.beyond(ctx, &asked, &q, given)
}

// stretch reads what is in the spans, nil: everything.
func (s *Store) stretch(ctx context.Context, q engine.Query, spans []span, yield func(engine.Record, Stored) error) (given int, err error) {
	if spans == nil {
		return s.storedRecords(ctx, q, yield)
	}
	if q.Newest {
		slices.Reverse(spans)
	}
	limit := q.Limit
	for ; len(spans) > 0 && (limit == 0 || given < limit); spans = spans[1:] {
		part := spans[0].within(q)
		if limit > 0 {
			part.Limit = limit - given
		}
		n, err := s.storedRecords(ctx, part, yield)
		given += n
		if err != nil {
			return given, err
		}
	}
	return given, nil
}

// beyond says, as an engine.Pruned, that what was asked for is not all there any more: a time, numbers or a run that reach into what was
// pruned. Who asks for everything is given what there is, and can ask for Pruned.
func (s *Store) beyond(ctx context.Context, asked, bounded *engine.Query, given int) error {
	from := !asked.From.IsZero()
	if !from && bounded.Before == 0 && asked.Run == "" || stays(asked.Kind) { // none of these is ever pruned
		return nil
	}
	p, err := s.Pruned(ctx)
	if err != nil || p == nil {
		return err
	}
	part := bounded.Before > 0 && bounded.Before <= p.UpTo+1 && int64(given) < bounded.Before-bounded.After-1
	if from && bounded.After < p.UpTo || part {
		return p
	}
	if asked.Run == "" || bounded.After >= p.UpTo || asked.Kind == engine.KindRun && given > 0 {
		return nil
	}
	began, err := s.ranSince(ctx, asked.Run, p.UpTo)
	if err == nil && !began {
		err = p
	}
	return err
}

// ranSince says whether a run began after a record, so that all of it is there: its first record says that it began.
func (s *Store) ranSince(ctx context.Context, run string, seq int64) (yes bool, err error) {
	query := "SELECT EXISTS (SELECT 1 FROM journal j WHERE j.kind = 'run' AND j.run = ? AND j.seq > ? AND " + rare() + ")"
	return yes, s.wrap("look for a run", s.read.GetContext(ctx, &yes, s.read.Rebind(query), run, seq))
}

// bounded turns times into numbers of records, of which the order is the same: time never runs backwards in a journal.
func (s *Store) bounded(ctx context.Context, q *engine.Query) error {
	if !q.From.IsZero() {
		first, err := firstFrom(ctx, s.read, s.read.Rebind, ceiling(q.From))
		if err != nil {
			return err
		}
		q.After = max(q.After, first-1)
	}
	if q.To.IsZero() {
		return nil
	}
	next, err := firstFrom(ctx, s.read, s.read.Rebind, ceiling(q.To))
	if err == nil && (q.Before == 0 || q.Before > next) {
		q.Before = next
	}
	return err
}

func (s *Store) storedRecords(ctx context.Context, q engine.Query, yield func(engine.Record, Stored) error) (given int, err error) {
	for {
		records, stored, err := s.page(ctx, q, given)
		if err != nil {
			return given, s.wrap("read records", err)
		}
		for i, r := range records {
			if err := yield(r, stored[i]); err != nil {
				return given, err
			}
			if q.Newest {
				q.Before = r.Seq
			} else {
				q.After = r.Seq
			}
		}
		given += len(records)
		if len(records) < page || given == q.Limit {
			return given, nil
		}
	}
}

func (s *Store) page(ctx context.Context, q engine.Query, given int) (records []engine.Record, stored []Stored, err error) {
	n := page
	if q.Limit > 0 {
		n = min(n, q.Limit-given)
	}
	query, args := s.asked(q, n)
	err = each(s.read.QueryxContext(ctx, query, args...))(func(r *sqlx.Rows) error {
		record, one, err := scanRecord(r)
		records, stored = append(records, record), append(stored, one)
		return err
	})
	return records, stored, err
}

// asked is the SQL for up to n records.
func (s *Store) asked(q engine.Query, n int) (query string, args []any) {
	c := &conditions{dialect: s.dialect}
	c.all(q)
	order := "ASC"
	if q.Newest {
		order = "DESC"
	}
	query = fmt.Sprintf("SELECT j.public, j.personal, j.salt, j.commitment, j.person, j.account, j.leaf FROM journal j%s ORDER BY j.seq %s LIMIT %d", c.where(), order, n)
	return s.read.Rebind(query), c.args
}

func scanRecord(r *sqlx.Rows) (engine.Record, Stored, error) {
	var publicText, personalText []byte
	var salt, commitment *string
	var person, account int64
	var leaf string
	if err := r.Scan(&publicText, &personalText, &salt, &commitment, &person, &account, &leaf); err != nil {
		return engine.Record{}, Stored{}, err
	}
	record, _, err := load(publicText, personalText)
	if personalText == nil {
		record.Person, record.Account = blanked(person), blanked(account)
	}
	record.Hash = leaf
	stored := Stored{Public: string(publicText), Personal: string(personalText), Salt: text(salt)}
	if personalText == nil {
		stored.Commitment = text(commitment)
	}
	return record, stored, err
}

// blanked stands for a name that was blanked, so that records of the same person still show as such.
func blanked(number int64) string {
	if number == 0 {
		return ""
	}
	return fmt.Sprintf("#%d", number)
}

// conditions collects the WHERE of a query and its arguments.
type conditions struct {
	dialect dialect
	parts   []string
	args    []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts = append(c.parts, part)
	c.args = append(c.args, args...)
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

// person finds by the key, or by a number, of who was blanked. The index has no 0, and nobody proves it of a subquery.
func (c *conditions) person(key string) {
	const id = "(SELECT id FROM person WHERE key = ?)"
	if strings.HasPrefix(key, "#") {
		c.add("j.person = coalesce("+id+", "+id+") AND j.person <> 0", key, blankedKey(key))
		return
	}
	c.add("j.person = "+id+" AND j.person <> 0", key)
}

func (c *conditions) account(name string) {
	if strings.HasPrefix(name, "#") {
		c.add("j.account IN (SELECT id FROM account WHERE name = ? OR name = ?) AND j.account <> 0", name, blankedKey(name))
		return
	}
	c.add("j.account IN (SELECT id FROM account WHERE name = ?) AND j.account <> 0", name)
}

func (c *conditions) all(q engine.Query) {
	c.add("j.kind <> ''") // not emptied
	if q.After > 0 {
		c.add("j.seq > ?", q.After)
	}
	if q.Before > 0 {
		c.add("j.seq < ?", q.Before)
	}
	if !q.From.IsZero() {
		c.add("j.time >= ?", ceiling(q.From))
	}
	if !q.To.IsZero() {
		c.add("j.time < ?", ceiling(q.To))
	}
	c.columns(q)
	if q.Person != "" {
		c.person(q.Person)
	}
	if q.Account != "" {
		c.account(q.Account)
	}
	if q.Actor != "" {
		start := `{"actor":` + quoted(q.Actor)
		c.add(fmt.Sprintf("substr(j.personal, 1, %d) = ?", len([]rune(start))), start)
	}
	if q.Rule != "" {
		c.rule(quoted(q.Rule))
	}
	for _, w := range strings.Fields(q.Words) {
		w = quoted(w)
		c.add(c.dialect.contains("(j.public || coalesce(j.personal, ''))"), lowerASCII(w[1:len(w)-1]))
	}
}

// rule finds a name in a stored list: a bracket or comma stands before it, and another one behind.
func (c *conditions) rule(name string) {
	var parts []string
	var args []any
	for _, before := range []string{"[", ","} {
		for _, behind := range []string{",", "]"} {
			parts, args = append(parts, c.dialect.holds("j.public")), append(args, before+name+behind)
		}
	}
	c.add("("+strings.Join(parts, " OR ")+")", args...)
}

func (c *conditions) columns(q engine.Query) {
	for column, want := range map[string]string{"kind": string(q.Kind), "run": q.Run, "program": q.Program, "outcome": string(q.Outcome), "op": string(q.Op)} {
		if want != "" {
			c.add("j."+column+" = ?", want)
		}
	}
	if q.Kind != "" && !slices.Contains(frequent(), q.Kind) {
		c.add(rare())
	}
	if q.Entitlement != nil {
		c.add("j.entitlement = ?", *q.Entitlement)
	}
}

// frequent are the kinds of which a journal has many; the index journal_few leaves them out.
func frequent() []engine.Kind {
	return []engine.Kind{engine.KindIntent, engine.KindOutcome, engine.KindLate, engine.KindAdopt, engine.KindRelease, engine.KindLink}
}

// rare is the condition of that index. It must stand in the query word for word: SQLite proves nothing else, and
// PostgreSQL only where it knows the argument.
func rare() string {
	parts := make([]string, 0, len(frequent())+1)
	parts = append(parts, "j.kind <> ''")
	for _, k := range frequent() {
		parts = append(parts, "j.kind <> '"+string(k)+"'")
	}
	return strings.Join(parts, " AND ")
}

// quoted is a text as it stands in a stored record.
func quoted(text string) string {
	b, _ := encode(text) // a string
	return string(b)
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
