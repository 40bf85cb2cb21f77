package sim

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// wired is a program that Rolecall reaches by its real connector, over HTTP, and what that program's interface is like.
type wired struct {
	program string
	batches bool // the connector is handed many changes at once
	etag    bool // If-Match is compared
	filters int  // what a filter is answered: 0, it is understood; else this status
	members bool // lists of groups show their members
	page    int
	dates   bool // Retry-After is a date, else seconds
}

// wiredBy chooses the histories that have one, by other bits of the seed than everything else is chosen by.
func wiredBy(seed uint64) *wired {
	r := rand.New(rand.NewPCG(seed, 0x5c1))
	if r.IntN(6) > 0 {
		return nil
	}
	return &wired{program: []string{"app", "wiki"}[r.IntN(2)], batches: r.IntN(2) == 0, etag: r.IntN(3) == 0, filters: []int{0, 0, 400, 501}[r.IntN(4)],
		members: r.IntN(4) > 0, page: []int{100, 100, 7, 3}[r.IntN(4)], dates: r.IntN(2) == 0}
}

// over is how a program is reached over HTTP, nil if it is not.
func (m *model) over(program string) *wired {
	if m.wired == nil || m.wired.program != program {
		return nil
	}
	return m.wired
}

// secrets are those that a program takes, one after the other.
type secrets struct {
	rotated time.Time // nobody told Rolecall the new one until then
	number  int       // of the one that it takes
}

func (s *secrets) rotate(until time.Time) { s.rotated, s.number = until, s.number+1 }

// refuses: Rolecall signs in with what was the secret.
func (p *program) refuses() bool { return !p.m.quiet && p.rotated.After(p.m.now) }

func (s *secrets) taken() string { return secret + "-" + strconv.Itoa(s.number) }

// known is the secret that Rolecall finds when it looks.
func (p *program) known() string {
	if p.refuses() {
		return secret + "-" + strconv.Itoa(p.number-1)
	}
	return p.taken()
}

// connector is the way of one daemon to the program.
func (w *wired) connector(p *program, d *daemon) engine.Connector {
	t := &overSCIM{p: p, d: d, wired: w}
	if w.batches {
		return scimBatches{t}
	}
	return t
}

// overSCIM is a program as its real connector shows it. Rights have the names of the model, without "group ".
type overSCIM struct {
	wired *wired
	p     *program
	d     *daemon
	conn  *scim.Program
	life  int // of the daemon's process, which the connector lasts as long as

	calls       []*calling // under way
	given       context.Context
	began, ends time.Time // of what was begun within that; ends is zero for what has no end
	hiding      bool      // the list that is read leaves out the last account
	asked       time.Time // when it was asked last what it is, which begins a read
	unknown     bool      // the program could not be described when it was asked last
}

// calling is a call of the connector that is under way.
type calling struct {
	enginetest.ProgramCall
	intent *openIntent // nil: none that is known
	sent   bool        // a request was
	unsure bool        // and its answer was lost, or tells nothing
	took   bool        // it took effect
}

func (t *overSCIM) connection() *scim.Program {
	if t.conn != nil && t.life == t.d.lives {
		return t.conn
	}
	c := scim.Config{URL: wireURL, Token: engine.Secret{Env: "TOKEN"}, PageSize: t.wired.page, Lag: t.p.Describes.Lag}
	conn, err := scim.Open(c, scim.Options{Program: t.p.Name, Now: t.d.engine.Now, Calls: 1, Transport: &wire{t}, Wait: t.wait,
		Secret: func(engine.Secret) (string, error) { return t.p.known(), nil }})
	if err != nil {
		panic(err)
	}
	t.conn, t.life = conn, t.d.lives
	return conn
}

// within gives a call the time that it has, by the model's clock: what the engine gives one call, or a batch as long as it has its
// lease. What is done within the same context is one call.
func (t *overSCIM) within(ctx context.Context, most time.Duration) context.Context {
	if _, ends := ctx.Deadline(); !ends {
		t.given, t.began, t.ends = nil, t.p.m.now, time.Time{}
		return ctx
	}
	if t.given != ctx {
		t.given, t.began, t.ends = ctx, t.p.m.now, t.p.m.now.Add(most)
	}
	return timed{ctx, t}
}

// timed is a context that ends by the model's clock.
type timed struct {
	context.Context
	t *overSCIM
}

// Err implements context.Context.
func (c timed) Err() error {
	if c.t.late() {
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}

func (t *overSCIM) late() bool { return !t.ends.IsZero() && t.p.m.now.After(t.ends) }

// wait is how the connector waits before it tries again.
func (t *overSCIM) wait(_ context.Context, d time.Duration) error {
	m := t.p.m
	if m.now = m.now.Add(d); t.late() {
		m.fault("http: no time to wait", "%s asks for more patience than there is time", t.p.Name)
		m.now = t.ends.Add(1)
		return context.DeadlineExceeded
	}
	m.fault("http: waits", "%s is asked again after %s", t.p.Name, d)
	return nil
}

const (
	oneCall   = 30 * time.Second // what the engine gives one call,
	manyCalls = 10 * oneCall     // and a batch at most
	groupName = "group "
)

func group(right string) string {
	if right == engine.Active || right == engine.Exists {
		return right
	}
	return groupName + right
}

// Describe implements engine.Describer.
func (t *overSCIM) Describe(ctx context.Context) (engine.Description, error) {
	t.asked = t.p.m.now
	d, err := t.connection().Describe(t.within(ctx, oneCall))
	for i, right := range d.Grantable {
		d.Grantable[i] = strings.TrimPrefix(right, groupName)
	}
	t.unknown = err != nil
	return d, err
}

// Holdings implements engine.Connector.
func (t *overSCIM) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	l := newList(t.asked)
	if t.p.m.cur.seen.lists == nil {
		t.p.m.cur.seen.lists = map[string]*list{}
	}
	t.p.m.cur.seen.lists[t.p.Name] = l
	t.hiding = t.p.faults.chance(8) && t.p.hides()
	defer func() { t.hiding = false }()
	before := t.p.m.now
	proof, err := t.connection().Holdings(t.within(ctx, oneCall), func(h engine.Holding) error {
		h.Entitlement = strings.TrimPrefix(h.Entitlement, groupName)
		l.shows(h)
		return yield(h)
	})
	t.whole(l, err == nil && proof.Complete() && t.p.m.now.Equal(before))
	t.panics(4, "list")
	l.complete = err == nil && proof.Complete() && !t.unknown // nothing is concluded from a program that could not say what it is
	return proof, err
}

// Account implements engine.Reader.
func (t *overSCIM) Account(ctx context.Context, account string) ([]engine.Holding, error) {
	held, err := t.connection().Account(t.within(ctx, oneCall), account)
	for i := range held {
		held[i].Entitlement = strings.TrimPrefix(held[i].Entitlement, groupName)
	}
	return held, err
}

// Grant implements engine.Connector.
func (t *overSCIM) Grant(ctx context.Context, account, right string) (engine.Outcome, error) {
	ctx = t.within(ctx, oneCall)
	defer t.begin(ctx, enginetest.ProgramCall{Op: "grant", Account: account, Entitlement: right})()
	outcome, err := t.connection().Grant(ctx, account, group(right))
	t.told(0, account, outcome)
	t.panics(6, "grant")
	return outcome, err
}

// Revoke implements engine.Connector.
func (t *overSCIM) Revoke(ctx context.Context, account, right string) (engine.Outcome, error) {
	ctx = t.within(ctx, oneCall)
	defer t.begin(ctx, enginetest.ProgramCall{Op: "revoke", Account: account, Entitlement: right})()
	outcome, err := t.connection().Revoke(ctx, account, group(right))
	t.told(0, account, outcome)
	t.panics(6, "revoke")
	return outcome, err
}

// Create implements engine.Creator.
func (t *overSCIM) Create(ctx context.Context, n engine.NewAccount) (string, engine.Outcome, error) {
	ctx = t.within(ctx, oneCall)
	defer t.begin(ctx, enginetest.ProgramCall{Op: "create", Account: n.Name})()
	id, outcome, err := t.connection().Create(ctx, n)
	t.p.m.check.answered(t.p.Name, n.Name, id)
	t.told(0, id, outcome)
	t.panics(6, "create")
	return id, outcome, err
}

// Update implements engine.Updater.
func (t *overSCIM) Update(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	ctx = t.within(ctx, oneCall)
	defer t.begin(ctx, enginetest.ProgramCall{Op: "update", Account: account})()
	outcome, err := t.connection().Update(ctx, account, to)
	t.told(0, account, outcome)
	return outcome, err
}

// scimBatches is overSCIM that takes many changes at once.
type scimBatches struct{ *overSCIM }

// Apply implements engine.Batcher.
func (b scimBatches) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	ctx = b.within(ctx, min(manyCalls, b.p.leaseOf(calls)))
	all, named := make([]enginetest.ProgramCall, 0, len(calls)), slices.Clone(calls)
	for i, c := range calls {
		all, named[i].Entitlement = append(all, callOf(c)), group(c.Entitlement)
	}
	defer b.begin(ctx, all...)()
	out := b.connection().Apply(ctx, named)
	for n, r := range out {
		b.told(n, cmp.Or(r.ID, calls[n].Account), r.Outcome)
	}
	b.panics(6, "batch")
	return out
}

func callOf(c engine.Call) enginetest.ProgramCall {
	switch {
	case c.New != nil:
		return enginetest.ProgramCall{Op: "create", Account: c.New.Name}
	case c.Grant:
		return enginetest.ProgramCall{Op: "grant", Account: c.Account, Entitlement: c.Entitlement}
	}
	return enginetest.ProgramCall{Op: "revoke", Account: c.Account, Entitlement: c.Entitlement}
}

// leaseOf is how long somebody may work on all of these, but for the difference of clocks.
func (p *program) leaseOf(calls []engine.Call) time.Duration {
	left := manyCalls
	for _, c := range calls {
		if i := p.m.check.asking(p.Name, callOf(c)); i != nil {
			left = min(left, i.lease.Sub(p.m.now)-7*time.Second)
		}
	}
	return left
}

func (t *overSCIM) panics(likely int, op string) {
	m := t.p.m
	if m.quiet || m.cur.dead || !t.p.faults.chance(likely) {
		return
	}
	m.fault("program: panic", "the connector of %s panics after a %s", t.p.Name, op)
	for _, c := range t.calls {
		c.lost()
	}
	panic("the connector panics")
}

// lost: nobody will know from this call what came of it.
func (c *calling) lost() {
	if c.unsure = true; c.intent != nil {
		c.intent.unsure = true
	}
}
