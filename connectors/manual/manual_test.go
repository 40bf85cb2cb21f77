package manual_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/manual"
	"github.com/rolecall/rolecall/engine"
)

var exported = time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)

// read writes a list and reads it two days later.
func read(t *testing.T, c manual.Config, list string) ([]string, engine.Proof, error) {
	t.Helper()
	dir := t.TempDir()
	if list != "" {
		path := filepath.Join(dir, "users.csv")
		if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, exported, exported); err != nil {
			t.Fatal(err)
		}
	}
	c.List = "users.csv"
	p, err := manual.Open(c, manual.Options{Program: "legacy", Dir: dir, Now: func() time.Time { return exported.Add(48 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	var held []string
	proof, err := p.Holdings(t.Context(), func(h engine.Holding) error { held = append(held, h.Account+"/"+h.Entitlement); return nil })
	return held, proof, err
}

// A list is as old as its export, and may name its columns as the program does.
func TestList(t *testing.T) {
	c := manual.Config{Columns: manual.Columns{Account: "User", Active: "State", Entitlements: "Role"}, Active: []string{"enabled"}, Separator: "|"}
	held, proof, err := read(t, c, "\ufeffUser,State,Role,name\n ann ,Enabled,read|write,Ann\nben,locked,,\nann,enabled,admin|read,Ann\n")
	want := []string{"ann/.exists", "ann/", "ann/admin", "ann/read", "ann/write", "ben/.exists"}
	if err != nil || !proof.Complete() || !slices.Equal(held, want) || proof.Count != len(want) || !proof.Started.Equal(exported) || proof.Finished.Before(exported) || proof.Digest == "" {
		t.Errorf("%v, %+v, %v", held, proof, err)
	}
	if held, _, err := read(t, manual.Config{}, "account,entitlements\nann,\n"); err != nil || !slices.Contains(held, "ann/") {
		t.Errorf("without a column for it everybody is active: %v, %v", held, err)
	}
}

// What may not be the whole, present list proves nothing.
func TestListsThatProveNothing(t *testing.T) {
	const head = "account,active,entitlements\n"
	for want, list := range map[string]string{
		"not there":                   "",
		"no account":                  head,
		"end with a line break":       head + "ann,yes,read",
		"not UTF-8":                   head + "\xff,yes,\n",
		"users.csv:1: column":         "account,active\nann,yes\n",
		"users.csv:3: wrong number":   head + "ann,yes,\nben,yes\n",
		"users.csv:2: the account \"": head + ",yes,\n",
		"users.csv:3: the account":    head + "ann,yes,\nann,no,read\n",
		"reserved":                    head + "ann,yes,.exists\n",
		"older than max_age":          head + "ann,yes,\n",
	} {
		_, proof, err := read(t, manual.Config{MaxAge: 24 * time.Hour}, list)
		text := ""
		if err != nil {
			text = err.Error()
		}
		for _, r := range proof.Reasons {
			text += r.Detail
		}
		if err == nil && proof.Complete() || !strings.Contains(text, want) {
			t.Errorf("want %q: %+v, %v", want, proof, err)
		}
	}
}

// No call is ever made: everything is refused, and left to people.
func TestNothingIsCalled(t *testing.T) {
	p, err := manual.Open(manual.Config{List: "/nowhere.csv", Due: time.Hour, Link: "https://x", Catalogue: []string{"b", "a"}}, manual.Options{Program: "legacy", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []func(context.Context, string, string) (engine.Outcome, error){p.Grant, p.Revoke} {
		if outcome, err := call(t.Context(), "ann", "read"); outcome != engine.Refused || err == nil {
			t.Errorf("%s, %v", outcome, err)
		}
	}
	if _, outcome, err := p.Create(t.Context(), engine.NewAccount{Name: "ann"}); outcome != engine.Refused || err == nil {
		t.Errorf("%s, %v", outcome, err)
	}
	d, err := p.Describe(t.Context())
	if err != nil || !slices.Equal(d.Grantable, []string{"a", "b"}) || d.Lag <= 0 || p.Hand().Link != "https://x" {
		t.Errorf("%+v, %v, %+v", d, err, p.Hand())
	}
}

func TestConfigurationMistakes(t *testing.T) {
	for want, c := range map[string]manual.Config{"list is missing": {}, "leaves the folder": {List: "../x.csv"}, "not negative": {List: "x.csv", Due: -1}} {
		if _, err := manual.Open(c, manual.Options{Program: "legacy"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// The time of an export that is still to come would outdo whatever is ticked off until then.
func TestFuture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(path, []byte("account,active,entitlements\nann,yes,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := manual.Open(manual.Config{List: path}, manual.Options{Program: "legacy", Now: func() time.Time { return exported }})
	if err == nil {
		err = os.Chtimes(path, exported, exported.Add(time.Hour))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil || !strings.Contains(err.Error(), "from the future") {
		t.Error(err)
	}
}
