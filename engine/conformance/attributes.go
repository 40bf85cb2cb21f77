package conformance

import (
	"context"
	"maps"

	"github.com/rolecall/rolecall/engine"
)

// Attributes change alone: the name stays, with or without being told, and so does everything that is not named.
func (u *Subject) changesAttributes(t T) {
	t.Helper()
	u.needNames(t)
	id, _ := u.create(t, u.NewNames[0], "key-1")
	u.want(t, grant(id, u.Rights[0]), engine.Done)
	before, was := u.state(t), u.shown(t, id)
	to := engine.NewAccount{Name: was.Name, Person: "key-1", Attributes: u.Changed}
	u.update(t, id, to, engine.Done)
	u.update(t, id, to, engine.Already)
	to.Name = ""
	u.update(t, id, to, engine.Already)
	same(t, "after a change of attributes", before, u.state(t))
	u.keeps(t, was, u.shown(t, id))
	u.update(t, u.Stranger, to, engine.Refused)
	if describe(t, u.Connector).Accounts {
		u.want(t, revoke(id, engine.Active), engine.Done)
	}
	u.want(t, revoke(id, engine.Exists), engine.Done)
}

// keeps compares what is shown of an account with what it was and what was changed.
func (u *Subject) keeps(t T, was, now *engine.AccountInfo) {
	t.Helper()
	if now.Name != was.Name {
		t.Errorf("after a change of attributes the name is %q instead of %q", now.Name, was.Name)
	}
	want := map[string]string{}
	for name := range u.New.Attributes {
		want[name] = was.Attributes[name]
	}
	maps.Copy(want, u.Changed)
	for name, value := range want {
		if got, shown := now.Attributes[name]; !shown || got != value {
			t.Errorf("after a change of attributes %s is %q (shown: %v) instead of %q", name, got, shown, value)
		}
	}
}

func (u *Subject) update(t T, id string, to engine.NewAccount, want engine.Outcome) {
	t.Helper()
	u.note()
	outcome, err := u.Connector.(engine.Updater).Update(context.Background(), id, to)
	if u.hear(err); outcome != want || (err == nil) != (want != engine.Refused) {
		t.Errorf("update of %q gives %s (%v), want %s", id, outcome, err, want)
	}
}

// shown is what the list says of an account.
func (u *Subject) shown(t T, id string) *engine.AccountInfo {
	t.Helper()
	for _, h := range u.list(t) {
		if h.Account == id && h.Info != nil {
			return h.Info
		}
	}
	t.Fatalf("the list says nothing of the account %q", id)
	return nil
}
