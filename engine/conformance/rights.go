package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/rolecall/rolecall/engine"
)

func grant(account, right string) engine.Call {
	return engine.Call{Grant: true, Account: account, Entitlement: right}
}

func revoke(account, right string) engine.Call {
	return engine.Call{Account: account, Entitlement: right}
}

func describe(t T, c engine.Connector) engine.Description {
	t.Helper()
	d, ok := c.(engine.Describer)
	if !ok {
		t.Fatalf("the connector does not describe itself")
	}
	out, err := d.Describe(context.Background())
	if err != nil {
		t.Fatalf("%v", err)
	}
	return out
}

func checkDescription(t T, u *Subject) {
	d := describe(t, u.Connector)
	if d.Identity == "" {
		t.Errorf("it does not say which target it is")
	}
	checkAbility(t, u, d)
	checkSeats(t, u, d)
	if d.Grantable == nil {
		return
	}
	if !slices.IsSorted(d.Grantable) {
		t.Errorf("what can be granted is not sorted: %q", d.Grantable)
	}
	for _, right := range u.Rights {
		if !slices.Contains(d.Grantable, right) {
			t.Errorf("%q is missing from what can be granted: %q", right, d.Grantable)
		}
	}
}

// What is declared can be done, and what is not declared is refused: a connector whose other side decides has all methods.
func checkAbility(t T, u *Subject, d engine.Description) {
	t.Helper()
	account := u.New
	account.Name, account.Person = "rolecall-test-undeclared", "key-0"
	switch maker, ok := u.Connector.(engine.Creator); {
	case d.Lifecycle && !ok:
		t.Errorf("it declares that it creates accounts, and can't")
	case ok && !d.Lifecycle:
		if _, outcome, err := maker.Create(context.Background(), account); outcome != engine.Refused || err == nil {
			t.Errorf("it does not declare that it creates accounts, and answers %s (%v) when asked to", outcome, err)
		}
	}
	switch updater, ok := u.Connector.(engine.Updater); {
	case d.Rename && !ok:
		t.Errorf("it declares that it changes accounts, and can't")
	case ok && !d.Rename:
		if outcome, err := updater.Update(context.Background(), u.Stranger, account); outcome != engine.Refused || err == nil {
			t.Errorf("it does not declare that it changes accounts, and answers %s (%v) when asked to", outcome, err)
		}
	}
}

// checkSeats: what is told of seats can be told apart and is no nonsense; what is not declared is not told.
func checkSeats(t T, u *Subject, d engine.Description) {
	t.Helper()
	counter, ok := u.Connector.(engine.SeatCounter)
	if !ok {
		if d.Seats {
			t.Errorf("it declares that it counts its seats, and can't")
		}
		return
	}
	counts, err := counter.Seats(context.Background())
	switch {
	case !d.Seats && err == nil:
		t.Errorf("it does not declare that it counts its seats, and counts %v when asked to", counts)
	case d.Seats && (err != nil || len(counts) == 0):
		t.Errorf("it declares that it counts its seats, and counts %v (%v)", counts, err)
	}
	seen := map[string]bool{}
	for _, c := range counts {
		if seen[c.Kind] || c.Total < engine.SeatsUntold || c.Used < engine.SeatsUntold {
			t.Errorf("it counts seats of the kind %q twice, or less than none: %v", c.Kind, counts)
		}
		seen[c.Kind] = true
	}
}

// Nothing else makes sense before the list is whole and shows the accounts that it is about.
func checkList(t T, u *Subject) {
	all := u.list(t)
	u.text(t, all)
	for _, account := range u.Accounts {
		of := slices.DeleteFunc(slices.Clone(all), func(h engine.Holding) bool { return h.Account != account })
		if len(of) == 0 && !describe(t, u.Connector).Keyed { // whose accounts show by their rights alone
			t.Fatalf("the list of %d holdings claims to be whole and does not show the account %q", len(all), account)
		}
		for _, h := range of {
			if slices.Contains(u.Rights, h.Entitlement) {
				t.Fatalf("%q holds %q already; the suite needs accounts without the rights that it tries", account, h.Entitlement)
			}
		}
	}
}

// What one run did, the next one must find done: the list says so twice over, and so does each call.
func checkSecondRun(t T, u *Subject) {
	wanted := []engine.Call{grant(u.Accounts[0], u.Rights[0]), grant(u.Accounts[1], u.Rights[1]), grant(u.Accounts[2], u.Rights[0])}
	for _, c := range wanted {
		u.want(t, c, engine.Done)
	}
	first := u.state(t)
	for _, c := range wanted {
		if !slices.Contains(first, line(c)) {
			t.Errorf("a second run would %s again: the list does not show it", show(c))
		}
		u.want(t, c, engine.Already)
	}
	same(t, "listed again", first, u.state(t))
}

// A second run finds nothing to do only if what is listed is what was granted.
func checkRoundTrip(t T, u *Subject) {
	want := u.state(t)
	for _, account := range u.Accounts {
		for _, right := range u.Rights {
			u.want(t, grant(account, right), engine.Done)
			want = after(want, grant(account, right))
		}
	}
	holdings := u.list(t)
	same(t, "after all grants", want, u.text(t, holdings))
	checkInfo(t, u, holdings)
	if c, ok := u.Connector.(engine.Canonicaler); ok {
		for _, account := range u.Accounts {
			if a, r := c.Canonical(account, u.Rights[0]); a != account || r != u.Rights[0] {
				t.Errorf("the canonical form of %q, %q is %q, %q, and not what is listed", account, u.Rights[0], a, r)
			}
		}
	}
}

// What is known of an account comes with its existence, once.
func checkInfo(t T, u *Subject, holdings []engine.Holding) {
	t.Helper()
	d, infos := describe(t, u.Connector), map[string]int{}
	for _, h := range holdings {
		if h.Info == nil {
			continue
		}
		infos[h.Account]++
		if d.Lifecycle && h.Entitlement != engine.Exists {
			t.Errorf("what is known of %q comes with %q", h.Account, h.Entitlement)
		}
	}
	for _, account := range u.Accounts {
		if infos[account] != 1 {
			t.Errorf("what is known of %q comes %d times", account, infos[account])
		}
	}
}

func checkRepeat(t T, u *Subject) {
	before := u.state(t)
	for _, account := range u.Accounts {
		u.want(t, revoke(account, u.Rights[0]), engine.Already)
		u.want(t, grant(account, u.Rights[0]), engine.Done)
		u.want(t, grant(account, u.Rights[0]), engine.Already)
		u.want(t, revoke(account, u.Rights[0]), engine.Done)
		u.want(t, revoke(account, u.Rights[0]), engine.Already)
	}
	same(t, "after granting and revoking", before, u.state(t))
}

func checkStranger(t T, u *Subject) {
	before := u.state(t)
	u.want(t, revoke(u.Stranger, u.Rights[0]), engine.Already)
	u.want(t, grant(u.Stranger, u.Rights[0]), engine.Refused)
	if describe(t, u.Connector).Accounts {
		u.want(t, revoke(u.Stranger, engine.Active), engine.Already)
		u.want(t, grant(u.Stranger, engine.Active), engine.Refused)
	}
	if describe(t, u.Connector).Lifecycle {
		u.want(t, revoke(u.Stranger, engine.Exists), engine.Already)
	}
	same(t, "after calls for a stranger", before, u.state(t))
}

func checkNoRight(t T, u *Subject) {
	before := u.state(t)
	u.want(t, grant(u.Accounts[0], u.NoRight), engine.Refused)
	u.want(t, revoke(u.Accounts[0], u.NoRight), engine.Already, engine.Refused)
	same(t, "after calls for a right that does not exist", before, u.state(t))
}

// Whatever a directory puts into a name, it is a name: of an account that is not there, of a right that is not there or
// is listed as it was given.
func checkHostile(t T, u *Subject) {
	before := u.state(t)
	for _, name := range []string{"*", "a*)(uid=*", `x"; DROP ROLE "y`, "'; --", `a" or id pr or "`, "../../Groups", "?x=1#", "a\x00b", "a\nb", "\xff", "", "  "} {
		// "" as a right is the active account.
		u.want(t, grant(name, u.Rights[0]), engine.Refused)
		u.want(t, revoke(name, u.Rights[0]), engine.Already, engine.Refused)
		if u.NoRight != "" && name != engine.Active {
			u.want(t, grant(u.Accounts[0], name), engine.Refused)
			u.want(t, revoke(u.Accounts[0], name), engine.Already, engine.Refused)
		}
	}
	same(t, "after calls with hostile names", before, u.state(t))
}

func checkBreak(t T, u *Subject) {
	for _, account := range u.Accounts {
		u.want(t, grant(account, u.Rights[0]), engine.Done)
	}
	for after := range 3 {
		enough, n := errors.New("enough"), 0
		_, err := u.Connector.Holdings(context.Background(), func(engine.Holding) error {
			if n++; n > after {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || n != after+1 {
			t.Errorf("told to stop after %d holdings: %d came, error %v", after, n, err)
		}
	}
	u.state(t) // and the next read is whole
}

func checkCancelled(t T, u *Subject) {
	before := u.state(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, proof, err := u.tryList(ctx); err == nil && proof.Complete() {
		t.Errorf("a cancelled read claims to be complete")
	}
	call := grant(u.Accounts[0], u.Rights[0])
	outcome, err := u.do(ctx, call)
	if err == nil || outcome != engine.Failed && outcome != engine.Uncertain {
		t.Errorf("a cancelled grant gives %s, %v", outcome, err)
	}
	if got := u.state(t); outcome == engine.Failed {
		same(t, "after a grant that failed", before, got)
	}
}

func checkParallel(t T, u *Subject) {
	want := u.state(t)
	var all sync.WaitGroup
	for _, account := range u.Accounts {
		for _, right := range u.Rights {
			want = after(want, grant(account, right))
		}
		all.Go(func() {
			for _, right := range u.Rights {
				u.want(t, grant(account, right), engine.Done)
			}
		})
	}
	all.Wait()
	same(t, "after parallel grants", want, u.state(t))
}

// The whole program is compared after each single call, since servers are known to empty a list or take the wrong one.
func checkBystanders(t T, u *Subject) {
	want := u.state(t)
	step := func(c engine.Call) {
		t.Helper()
		u.want(t, c, engine.Done)
		want = after(want, c)
		same(t, "after "+show(c), want, u.state(t))
	}
	for _, account := range u.Accounts {
		for _, right := range u.Rights {
			step(grant(account, right))
		}
	}
	step(revoke(u.Accounts[1], u.Rights[0]))
	step(revoke(u.Accounts[0], u.Rights[1]))
	step(grant(u.Accounts[1], u.Rights[0]))
	if describe(t, u.Connector).Accounts {
		step(revoke(u.Accounts[2], engine.Active))
		step(grant(u.Accounts[2], engine.Active))
	}
}

func checkReader(t T, u *Subject) {
	r := u.Connector.(engine.Reader)
	u.want(t, grant(u.Accounts[0], u.Rights[0]), engine.Done)
	u.want(t, grant(u.Accounts[1], u.Rights[1]), engine.Done)
	all := u.list(t)
	for _, account := range append(slices.Clone(u.Accounts), u.Stranger) {
		one, err := r.Account(context.Background(), account)
		if err != nil {
			t.Errorf("reading %q: %v", account, err)
		}
		of := slices.DeleteFunc(slices.Clone(all), func(h engine.Holding) bool { return h.Account != account })
		same(t, "read singly", u.text(t, of), u.text(t, one))
	}
}

func checkBatch(t T, u *Subject) {
	b := u.Connector.(engine.Batcher)
	a, r := u.Accounts, u.Rights
	u.want(t, grant(a[2], r[0]), engine.Done)
	before := u.state(t)
	calls := []engine.Call{grant(a[0], r[0]), grant(a[0], r[0]), grant(u.Stranger, r[0]), grant(a[1], r[1]), revoke(a[2], r[0]), revoke(a[2], r[0]), revoke(u.Stranger, r[1])}
	want := []engine.Outcome{engine.Done, engine.Already, engine.Refused, engine.Done, engine.Done, engine.Already, engine.Already}
	if u.NoRight != "" {
		calls, want = append(calls, grant(a[1], u.NoRight)), append(want, engine.Refused)
	}
	u.note()
	results := b.Apply(context.Background(), calls)
	if len(results) != len(calls) {
		t.Fatalf("%d results for %d calls", len(results), len(calls))
	}
	for i, result := range results {
		u.hear(result.Err)
		if result.Outcome != want[i] || (result.Err == nil) != (want[i] != engine.Refused) {
			t.Errorf("in a batch, %s gives %s (%v), want %s", show(calls[i]), result.Outcome, result.Err, want[i])
		}
	}
	same(t, "after the batch", after(before, grant(a[0], r[0]), grant(a[1], r[1]), revoke(a[2], r[0])), u.state(t))
	if got := b.Apply(context.Background(), nil); len(got) != 0 {
		t.Errorf("an empty batch gives %v", got)
	}
	if u.creates() {
		checkBatchCreates(t, u, b)
	}
}

func checkBatchCreates(t T, u *Subject, b engine.Batcher) {
	t.Helper()
	u.needNames(t)
	want := u.state(t)
	var calls []engine.Call
	for _, name := range []string{u.NewNames[0], u.NewNames[1], u.NewNames[0]} { // the third one for somebody else
		account := u.New
		account.Name, account.Person = name, fmt.Sprint("key-", len(calls))
		calls = append(calls, engine.Call{New: &account})
	}
	u.note()
	results := b.Apply(context.Background(), calls)
	for i, r := range results[:min(len(results), len(calls))] {
		u.mine(t, calls[i].New.Name, r.ID)
	}
	for i, outcome := range []engine.Outcome{engine.Done, engine.Done, engine.Refused} {
		u.hear(results[i].Err)
		if r := results[i]; r.Outcome != outcome || (r.ID == "") != (outcome == engine.Refused) || (r.Err == nil) != (outcome == engine.Done) {
			t.Errorf("in a batch, creating %q gives %s, id %q (%v), want %s", calls[i].New.Name, r.Outcome, r.ID, r.Err, outcome)
		}
	}
	for _, r := range results[:2] {
		want = after(want, grant(r.ID, engine.Exists))
		if describe(t, u.Connector).Accounts {
			u.want(t, grant(r.ID, engine.Active), engine.Done, engine.Already)
			want = after(want, grant(r.ID, engine.Active))
		}
	}
	same(t, "after creating in a batch", want, u.state(t))
}
