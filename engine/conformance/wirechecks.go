package conformance

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

const (
	mostExchanges = 40               // of one call that are bent, one after the other
	patience      = 10 * time.Second // in which a connector must come back once its time is over
)

func noWire(u *Subject) string {
	if u.Wire == nil {
		return "what can go wrong between it and its program has checks of its own, or nothing stands there"
	}
	if _, proof, err := u.tryList(context.Background()); err == nil && proof.Complete() && !u.Wire.between() {
		return "its program is not reached through anything that could break"
	}
	return ""
}

func noSilence(u *Subject) string {
	if why := noWire(u); why != "" {
		return why
	}
	return unless(!u.Wire.Prompt, "nothing there can be waited for")
}

// wireCalls are changes to make while something breaks, and to take back: of the first account, which holds nothing, and of the second
// one, which was given the first right.
func (u *Subject) wireCalls(t T) []engine.Call {
	t.Helper()
	u.want(t, grant(u.Accounts[1], u.Rights[0]), engine.Done, engine.Already)
	calls := []engine.Call{grant(u.Accounts[0], u.Rights[0]), revoke(u.Accounts[1], u.Rights[0])}
	if describe(t, u.Connector).Accounts {
		calls = append(calls, revoke(u.Accounts[0], engine.Active))
	}
	return calls
}

// Whichever exchange of a change breaks, what is said of it is so. A grant meets all the faults; the other changes go the same ways, and meet
// those after which it happened, and the caller does not know.
func (u *Subject) brokenChanges(t T, faults ...WireFault) {
	t.Helper()
	for i, c := range u.wireCalls(t) {
		before := u.state(t)
		for _, fault := range faults {
			for at := 1; at <= mostExchanges && (i == 0 || fault.unseen()) && u.brokenChange(t, before, c, fault, at); at++ {
			}
		}
		same(t, "after all that "+show(c)+" went through", before, u.state(t))
	}
	if !u.creates() {
		return
	}
	for _, fault := range faults {
		for at := 1; at <= mostExchanges && fault.unseen() && u.brokenCreate(t, fault, at); at++ {
		}
	}
}

// unseen says whether the program did what it was asked, and nobody was told.
func (f WireFault) unseen() bool { return f == LostAnswer || f == LostForGood || f == Silence }

// brokenChange makes a change in which one exchange breaks, compares what is said with what is so, and takes it back; false: it had
// fewer exchanges.
func (u *Subject) brokenChange(t T, before []string, c engine.Call, fault WireFault, at int) bool {
	t.Helper()
	var outcome engine.Outcome
	var err error
	went := u.within(t, fault, at, show(c), func(ctx context.Context) { outcome, err = u.do(ctx, c) })
	now := u.state(t)
	done := slices.Contains(now, line(c)) == c.Grant
	if done {
		same(t, "after "+show(c), after(before, c), now)
	} else {
		same(t, "before asking again", before, now)
	}
	switch {
	case outcome == engine.Done && err == nil && done:
	case !went:
		t.Errorf("%s gives %s (%v) though nothing went wrong", show(c), outcome, err)
	case outcome == engine.Uncertain && err != nil:
	case outcome == engine.Failed && err != nil && !done:
	default:
		t.Errorf("in exchange %d %s: %s gives %s (%v), and whether it happened is %v", at, fault, show(c), outcome, err, done)
	}
	u.want(t, c, engine.Done, engine.Already)
	u.want(t, engine.Call{Grant: !c.Grant, Account: c.Account, Entitlement: c.Entitlement}, engine.Done)
	return went
}

// brokenCreate makes an account while something breaks, asks for it again, and removes it: there is never more than one.
func (u *Subject) brokenCreate(t T, fault WireFault, at int) bool {
	t.Helper()
	u.needNames(t)
	u.look(t)
	account := u.New
	account.Name, account.Person = u.NewNames[0], "key-1"
	maker := u.Connector.(engine.Creator)
	var outcome engine.Outcome
	var err error
	u.note()
	went := u.within(t, fault, at, "create", func(ctx context.Context) { _, outcome, err = maker.Create(ctx, account) })
	u.hear(err)
	made := u.made(t)
	switch good := outcome == engine.Done || outcome == engine.Already; {
	case good && err == nil && len(made) == 1, outcome == engine.Uncertain && err != nil && len(made) < 2:
	case outcome == engine.Failed && err != nil && len(made) == 0:
	default:
		t.Errorf("in exchange %d %s: create %q gives %s (%v), and %d accounts were made", at, fault, account.Name, outcome, err, len(made))
	}
	if _, again := u.create(t, account.Name, account.Person); again == engine.Refused && len(made) == 0 {
		t.Errorf("in exchange %d %s: create %q again is refused, and nothing is there", at, fault, account.Name)
	}
	if made = u.made(t); len(made) != 1 {
		t.Errorf("of one account, asked for twice, there are %d", len(made))
	}
	for _, id := range made {
		if describe(t, u.Connector).Accounts {
			u.want(t, revoke(id, engine.Active), engine.Done)
		}
		u.want(t, revoke(id, engine.Exists), engine.Done)
	}
	return went
}

// made are the accounts that were not there when the check began.
func (u *Subject) made(t T) (ids []string) {
	t.Helper()
	for _, h := range u.list(t) {
		if !u.there[h.Account] && !slices.Contains(ids, h.Account) {
			ids = append(ids, h.Account)
		}
	}
	return ids
}

// within makes a call in which an exchange goes wrong; where that is silence, its time is over then. It says whether anything did.
func (u *Subject) within(t T, fault WireFault, at int, what string, call func(ctx context.Context)) (went bool) {
	t.Helper()
	if u.shaken {
		u.list(t)
	}
	u.settle(context.Background())
	u.Wire.Arm(fault, at)
	return u.bounded(t, fault, what, call)
}

func (u *Subject) bounded(t T, fault WireFault, what string, call func(ctx context.Context)) (went bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hit, done := u.Wire.Hit(), make(chan struct{})
	go func() {
		defer close(done)
		call(ctx)
	}()
	select {
	case <-done:
	case <-hit:
		if fault == Silence {
			cancel()
		}
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			t.Errorf("%s: %s does not come back within %s", fault, what, patience)
		}
	}
	went = u.Wire.Disarm()
	u.shaken = true
	cancel()
	<-done
	return went
}

// brokenLists: a list, or one account, in which something breaks is whole or says that it is not.
func (u *Subject) brokenLists(t T, faults ...WireFault) {
	t.Helper()
	for _, account := range u.Accounts {
		u.want(t, grant(account, u.Rights[0]), engine.Done, engine.Already)
	}
	truth := u.state(t)
	for _, fault := range faults {
		for at := 1; at <= mostExchanges && u.brokenList(t, truth, fault, at); at++ {
		}
		if _, reads := u.Connector.(engine.Reader); reads {
			for at := 1; at <= mostExchanges && u.brokenRead(t, truth, fault, at); at++ {
			}
		}
	}
}

func (u *Subject) brokenList(t T, truth []string, fault WireFault, at int) bool {
	t.Helper()
	var got []engine.Holding
	var proof engine.Proof
	var err error
	went := u.within(t, fault, at, "the list", func(ctx context.Context) { got, proof, err = u.tryList(ctx) })
	u.notAPart(t, string(fault), truth, got, proof, err)
	return went
}

func (u *Subject) notAPart(t T, what string, truth []string, got []engine.Holding, proof engine.Proof, err error) {
	t.Helper()
	if err == nil && proof.Complete() {
		same(t, what+", and the list is taken for whole", truth, u.text(t, got))
	}
}

func (u *Subject) brokenRead(t T, truth []string, fault WireFault, at int) bool {
	t.Helper()
	account := u.Accounts[1]
	var got []engine.Holding
	var err error
	went := u.within(t, fault, at, "the read of one account", func(ctx context.Context) {
		got, err = u.Connector.(engine.Reader).Account(ctx, account)
	})
	if u.hear(err); err == nil {
		same(t, string(fault)+", and the account is taken for read", of(account, truth), u.text(t, got))
	}
	return went
}

// of are the lines of a state about one account.
func of(account string, state []string) []string {
	return slices.DeleteFunc(slices.Clone(state), func(s string) bool { return !strings.HasPrefix(s, strconv.Quote(account)+" holds ") })
}

// cutLists ends the answers of a list after some of their bytes.
func (u *Subject) cutLists(t T) {
	t.Helper()
	truth := u.state(t)
	u.Wire.Arm(Silence, 1<<30) // counts
	u.list(t)
	whole := u.Wire.Came()
	const parts = 8
	for i := range int64(parts) {
		u.Wire.ArmBytes(max(1, whole*i/parts))
		var got []engine.Holding
		var proof engine.Proof
		var err error
		u.bounded(t, HalfAnswer, "the list", func(ctx context.Context) { got, proof, err = u.tryList(ctx) })
		u.notAPart(t, "the answers end too soon", truth, got, proof, err)
	}
}

// Nobody answers, and the time is over: a connector comes back, and says what it knows. What arrives afterwards is no answer to anything else.
func checkSilence(t T, u *Subject) {
	u.brokenChanges(t, Silence)
	u.brokenLists(t, Silence)
}

// Nobody is there: nothing happens, and nothing is believed.
func checkNobody(t T, u *Subject) {
	calls := u.wireCalls(t)
	before := u.state(t)
	u.Wire.Arm(Nobody, 1)
	for _, c := range calls {
		u.want(t, c, engine.Failed, engine.Uncertain)
	}
	if got, proof, err := u.tryList(context.Background()); err == nil && proof.Complete() {
		t.Errorf("nobody is there, and %d holdings are taken for all", len(got))
	}
	if r, ok := u.Connector.(engine.Reader); ok {
		if got, err := r.Account(context.Background(), u.Accounts[1]); err == nil {
			t.Errorf("nobody is there, and an account is said to hold %d things", len(got))
		}
	}
	u.Wire.Disarm()
	same(t, "when somebody is there again", before, u.state(t))
	for _, c := range calls {
		u.want(t, c, engine.Done)
	}
}
