// Command keyed is a plug-in whose accounts are people's keys: who holds nothing is not in its list. Its file is a JSON mapping
// of accounts to rights.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

type program struct{ path string }

func (p *program) Open(_ context.Context, s sdk.Settings) (string, error) {
	var config struct{ Path string }
	err := json.Unmarshal(s.Config, &config)
	p.path = config.Path
	return "keyed:" + p.path, err
}

func (p *program) read() (d map[string][]string, err error) {
	text, err := os.ReadFile(p.path)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	return d, err
}

func (p *program) Accounts(_ context.Context, yield func(sdk.Account)) error {
	d, err := p.read()
	for id, rights := range d {
		if len(rights) > 0 {
			yield(sdk.Account{ID: id, Entitlements: rights})
		}
	}
	return err
}

func (p *program) set(id, right string, on bool) (sdk.Outcome, error) {
	d, err := p.read()
	if err != nil {
		return sdk.Failed, err
	}
	_, there := d[id]
	switch {
	case on && (!there || right != "read" && right != "write"):
		return sdk.Refused, fmt.Errorf("there is no account %q or no right %q", id, right)
	case slices.Contains(d[id], right) == on:
		return sdk.Already, nil
	case on:
		d[id] = append(d[id], right)
	default:
		d[id] = slices.DeleteFunc(d[id], func(r string) bool { return r == right })
	}
	text, _ := json.Marshal(d)
	return sdk.Done, os.WriteFile(p.path, text, 0o600)
}

func (p *program) Grant(_ context.Context, id, right string) (sdk.Outcome, error) {
	return p.set(id, right, true)
}

func (p *program) Revoke(_ context.Context, id, right string) (sdk.Outcome, error) {
	return p.set(id, right, false)
}

func main() { sdk.Main(sdk.About{Name: "keyed", Version: "1", Keyed: true}, &program{}) }
