package conformance

import (
	"context"

	"github.com/rolecall/rolecall/engine"
)

func (u *Subject) create(t T, name, person string) (string, engine.Outcome) {
	t.Helper()
	u.look(t)
	account := u.New
	account.Name, account.Person = name, person
	u.note()
	id, outcome, err := u.Connector.(engine.Creator).Create(context.Background(), account)
	u.hear(err)
	if good := outcome == engine.Done || outcome == engine.Already; good != (err == nil) || good != (id != "") {
		t.Errorf("create %q gives %s, id %q, error %v", name, outcome, id, err)
	}
	u.mine(t, name, id)
	return id, outcome
}

// look remembers whose accounts were there before the check made any.
func (u *Subject) look(t T) {
	t.Helper()
	if u.there == nil {
		u.list(t)
	}
}

// mine ends the check where an account that it is said to have made was there before: it goes on to change and delete its own.
func (u *Subject) mine(t T, name, id string) {
	t.Helper()
	if id != "" && u.there[id] {
		t.Fatalf("create %q gives the id %q, of an account that was there before; nothing more is done to it", name, id)
	}
}

// creates says whether accounts can be made: a connector whose other side decides declares it. One that can't be asked is
// taken for one that can, so that the check finds that out.
func (u *Subject) creates() bool {
	_, ok := u.Connector.(engine.Creator)
	if d, describes := u.Connector.(engine.Describer); ok && describes {
		description, err := d.Describe(context.Background())
		return err != nil || description.Lifecycle
	}
	return ok
}

func (u *Subject) needNames(t T) {
	t.Helper()
	if len(u.NewNames) < 2 {
		t.Fatalf("the suite needs two names that are free")
	}
}

// A suspended account keeps its rights; a deleted one is gone whole.
func checkLifecycle(t T, u *Subject) {
	u.needNames(t)
	before := u.state(t)
	id, outcome := u.create(t, u.NewNames[0], "key-1")
	if outcome != engine.Done {
		t.Fatalf("create gives %s", outcome)
	}
	u.want(t, grant(id, engine.Exists), engine.Already)
	want := after(before, grant(id, engine.Exists))
	if describe(t, u.Connector).Accounts {
		u.want(t, grant(id, engine.Active), engine.Done, engine.Already) // some are born active
		want = after(want, grant(id, engine.Active))
	}
	same(t, "after create", want, u.state(t))
	u.want(t, grant(id, u.Rights[0]), engine.Done)
	want = after(want, grant(id, u.Rights[0]))
	if describe(t, u.Connector).Accounts {
		u.want(t, revoke(id, engine.Active), engine.Done)
		u.want(t, revoke(id, engine.Active), engine.Already)
		same(t, "after suspend", after(want, revoke(id, engine.Active)), u.state(t))
		u.want(t, grant(id, engine.Active), engine.Done)
		same(t, "after resume", want, u.state(t))
		u.want(t, revoke(id, engine.Active), engine.Done)
	}
	u.want(t, revoke(id, engine.Exists), engine.Done)
	u.want(t, revoke(id, engine.Exists), engine.Already)
	same(t, "after delete", before, u.state(t))
}

// An account that was not made by this very wish is refused: it may belong to somebody else.
func checkCreateTwice(t T, u *Subject) {
	u.needNames(t)
	id, _ := u.create(t, u.NewNames[0], "key-1")
	state := u.state(t)
	if again, outcome := u.create(t, u.NewNames[0], "key-1"); outcome != engine.Refused && (outcome != engine.Already || again != id) {
		t.Errorf("created again for the same person: %s, %q instead of %q", outcome, again, id)
	}
	if _, outcome := u.create(t, u.NewNames[0], "key-2"); outcome != engine.Refused {
		t.Errorf("created again for another person: %s", outcome)
	}
	same(t, "after creating again", state, u.state(t))
	if other, outcome := u.create(t, u.NewNames[1], "key-2"); outcome != engine.Done || other == id {
		t.Errorf("created another one: %s, %q", outcome, other)
	}
}

// A rename moves nothing: the id stays.
func checkUpdate(t T, u *Subject) {
	u.needNames(t)
	up := u.Connector.(engine.Updater)
	id, _ := u.create(t, u.NewNames[0], "key-1")
	u.want(t, grant(id, u.Rights[0]), engine.Done)
	before := u.state(t)
	to := u.New
	to.Name, to.Person = u.NewNames[1], "key-1"
	u.note()
	if outcome, err := up.Update(context.Background(), id, to); outcome != engine.Done || err != nil {
		t.Errorf("update gives %s, %v", outcome, err)
	}
	if outcome, err := up.Update(context.Background(), id, to); outcome != engine.Already || err != nil {
		t.Errorf("the same update gives %s, %v", outcome, err)
	}
	same(t, "after a rename", before, u.state(t))
	for _, h := range u.list(t) {
		if h.Account == id && h.Info != nil && h.Info.Name != to.Name {
			t.Errorf("after a rename the name is %q", h.Info.Name)
		}
	}
	outcome, err := up.Update(context.Background(), u.Stranger, to)
	if u.hear(err); outcome != engine.Refused || err == nil {
		t.Errorf("update of a stranger gives %s, %v", outcome, err)
	}
}
