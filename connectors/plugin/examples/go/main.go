// Command go is an example of a plug-in: a program whose accounts are a JSON file, like
// {"entitlements": ["read", "write"], "accounts": {"ann": {"entitlements": ["read"], "person": "4711"}}}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

type data struct {
	Entitlements []string                `json:"entitlements"`
	Accounts     map[string]*sdk.Account `json:"accounts"`
}

type program struct{ path string }

func (p *program) Open(_ context.Context, s sdk.Settings) (string, error) {
	var config struct{ Path string }
	if err := json.Unmarshal(s.Config, &config); err != nil || config.Path == "" {
		return "", fmt.Errorf("config.path is missing: name the JSON file")
	}
	p.path = config.Path
	return "team:" + p.path, nil
}

// with lets nobody else in while the file is looked at, and writes it where that changes it.
func (p *program) with(do func(d *data) (sdk.Outcome, error)) (sdk.Outcome, error) {
	lock, err := os.OpenFile(p.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		defer lock.Close()
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return sdk.Failed, err
	}
	text, err := os.ReadFile(p.path)
	if err != nil {
		return sdk.Failed, err
	}
	var d data
	if err := json.Unmarshal(text, &d); err != nil {
		return sdk.Failed, err
	}
	outcome, err := do(&d)
	if outcome != sdk.Done {
		return outcome, err
	}
	text, _ = json.Marshal(d)
	if err = os.WriteFile(p.path+".new", text, 0o600); err != nil {
		return sdk.Failed, err
	}
	return outcome, os.Rename(p.path+".new", p.path)
}

func (p *program) Accounts(_ context.Context, yield func(sdk.Account)) error {
	var all map[string]*sdk.Account
	_, err := p.with(func(d *data) (sdk.Outcome, error) { all = d.Accounts; return sdk.Already, nil })
	for id, a := range all { // not under the lock: who reads the list may be slow
		a.ID = id
		yield(*a)
	}
	return err
}

func (p *program) Grant(_ context.Context, id, right string) (sdk.Outcome, error) {
	return p.with(func(d *data) (sdk.Outcome, error) {
		a := d.Accounts[id]
		switch {
		case a == nil:
			return sdk.Refused, fmt.Errorf("there is no account %q", id)
		case !slices.Contains(d.Entitlements, right):
			return sdk.Refused, fmt.Errorf("there is no right %q", right)
		case slices.Contains(a.Entitlements, right):
			return sdk.Already, nil
		}
		a.Entitlements = append(a.Entitlements, right)
		return sdk.Done, nil
	})
}

func (p *program) Revoke(_ context.Context, id, right string) (sdk.Outcome, error) {
	return p.with(func(d *data) (sdk.Outcome, error) {
		a := d.Accounts[id]
		if a == nil || !slices.Contains(a.Entitlements, right) {
			return sdk.Already, nil
		}
		a.Entitlements = slices.DeleteFunc(a.Entitlements, func(r string) bool { return r == right })
		return sdk.Done, nil
	})
}

func main() { sdk.Main(sdk.About{Name: "team", Version: "1", Parallel: 4}, &program{}) }
