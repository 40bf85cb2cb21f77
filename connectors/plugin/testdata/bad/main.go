// Command bad is a plug-in with one mistake, or none, named by its argument. Its accounts are a JSON file.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

type account struct {
	Active       bool     `json:"active"`
	Entitlements []string `json:"entitlements"`
	Person       string   `json:"person"`
	Name         string   `json:"name"`
}

type data struct {
	Entitlements []string            `json:"entitlements"`
	Order        []string            `json:"order"`
	Accounts     map[string]*account `json:"accounts"`
	Shown        map[string]*account `json:"shown"` // what a list that lags shows
	Changed      time.Time           `json:"changed"`
}

type program struct {
	mistake, path string
}

func (p *program) is(mistake string) bool { return p.mistake == mistake }

func (p *program) Open(_ context.Context, s sdk.Settings) (string, error) {
	var config struct{ Path string }
	err := json.Unmarshal(s.Config, &config)
	p.path = config.Path
	return "bad:" + p.path, err
}

func (p *program) with(do func(d *data) (sdk.Outcome, error)) (sdk.Outcome, error) {
	lock, err := os.OpenFile(p.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return sdk.Failed, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
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
	before, _ := json.Marshal(d.Accounts)
	outcome, err := do(&d)
	if after, _ := json.Marshal(d.Accounts); !bytes.Equal(before, after) {
		if time.Since(d.Changed) > lag {
			_ = json.Unmarshal(before, &d.Shown)
		}
		d.Changed = time.Now()
	}
	text, _ = json.Marshal(d)
	if err := os.WriteFile(p.path+".new", text, 0o600); err != nil {
		return sdk.Failed, err
	}
	if err := os.Rename(p.path+".new", p.path); err != nil {
		return sdk.Failed, err
	}
	return outcome, err
}

const lag = 500 * time.Millisecond

func (d *data) add(id string, a *account) {
	d.Accounts[id] = a
	d.Order = append(d.Order, id)
}

func (p *program) Accounts(_ context.Context, yield func(sdk.Account)) error {
	_, err := p.with(func(d *data) (sdk.Outcome, error) {
		show := d.Accounts
		if p.is("lags more than it declares") && time.Since(d.Changed) < lag {
			show = d.Shown
		}
		if p.is("shows an empty list") {
			show = nil
		}
		for id, a := range show {
			one := sdk.Account{ID: id, Active: a.Active, Entitlements: a.Entitlements, Person: a.Person, Name: a.Name}
			if p.is("folds case") {
				one.Entitlements = nil
				for _, e := range a.Entitlements {
					one.Entitlements = append(one.Entitlements, strings.ToLower(e))
				}
			}
			yield(one)
			if p.is("lists a page twice") {
				yield(one)
			}
		}
		return sdk.Already, nil
	})
	return err
}

func (p *program) Grant(_ context.Context, id, right string) (sdk.Outcome, error) {
	return p.with(func(d *data) (sdk.Outcome, error) {
		a := d.Accounts[id]
		switch {
		case a == nil && p.is("makes accounts silently"):
			a = &account{Active: true}
			d.add(id, a)
		case a == nil:
			return sdk.Refused, fmt.Errorf("there is no account %q", id)
		case !slices.Contains(d.Entitlements, right) && !p.is("takes any right"):
			return sdk.Refused, fmt.Errorf("there is no right %q", right)
		case slices.Contains(a.Entitlements, right) && p.is("says done again"):
			return sdk.Done, nil
		case slices.Contains(a.Entitlements, right):
			return sdk.Already, nil
		}
		switch p.mistake {
		case "does nothing and says done":
			return sdk.Done, nil
		case "touches the wrong account":
			for other, b := range d.Accounts {
				if other != id {
					a = b
				}
			}
		case "never answers":
			time.Sleep(time.Hour)
		case "crashes in the middle", "changes and never answers":
			a.Entitlements = append(a.Entitlements, right)
			text, _ := json.Marshal(d)
			_ = os.WriteFile(p.path, text, 0o600)
			if p.is("changes and never answers") {
				time.Sleep(time.Hour)
			}
			os.Exit(3)
		}
		a.Entitlements = append(a.Entitlements, right)
		if p.is("does it and says failed") {
			return sdk.Failed, fmt.Errorf("something went wrong")
		}
		return sdk.Done, nil
	})
}

func (p *program) Revoke(_ context.Context, id, right string) (sdk.Outcome, error) {
	return p.with(func(d *data) (sdk.Outcome, error) {
		a := d.Accounts[id]
		if a == nil || !slices.Contains(a.Entitlements, right) {
			return sdk.Already, nil
		}
		for _, b := range d.Accounts {
			if b == a || p.is("changes bystanders") {
				b.Entitlements = slices.DeleteFunc(b.Entitlements, func(r string) bool { return r == right })
			}
		}
		return sdk.Done, nil
	})
}

func (p *program) set(id string, on bool) (sdk.Outcome, error) {
	return p.with(func(d *data) (sdk.Outcome, error) {
		a := d.Accounts[id]
		switch {
		case a == nil && on:
			return sdk.Refused, fmt.Errorf("there is no account %q", id)
		case a == nil || a.Active == on:
			return sdk.Already, nil
		}
		a.Active = on
		if p.is("drops the rights of who is suspended") && !on {
			a.Entitlements = nil
		}
		return sdk.Done, nil
	})
}

func (p *program) Suspend(_ context.Context, id string) (sdk.Outcome, error) { return p.set(id, false) }
func (p *program) Resume(_ context.Context, id string) (sdk.Outcome, error)  { return p.set(id, true) }

func (p *program) Create(_ context.Context, n sdk.NewAccount) (id string, o sdk.Outcome, err error) {
	if p.is("creates somebody else") {
		return "old", sdk.Done, nil
	}
	o, err = p.with(func(d *data) (sdk.Outcome, error) {
		if a := d.Accounts[n.Name]; a != nil && a.Person == n.Person {
			return sdk.Already, nil
		} else if a != nil && !p.is("takes over accounts") {
			return sdk.Refused, fmt.Errorf("there is an account %q", n.Name)
		}
		d.add(n.Name, &account{Active: true, Person: n.Person})
		return sdk.Done, nil
	})
	if err == nil {
		id = n.Name
	}
	return id, o, err
}

func (p *program) Delete(_ context.Context, id string) (sdk.Outcome, error) {
	return p.with(func(d *data) (sdk.Outcome, error) {
		if d.Accounts[id] == nil {
			return sdk.Already, nil
		}
		delete(d.Accounts, id)
		return sdk.Done, nil
	})
}

func (p *program) Entitlements(context.Context) (names []string, err error) {
	_, err = p.with(func(d *data) (sdk.Outcome, error) { names = d.Entitlements; return sdk.Already, nil })
	return names, err
}

// bent changes what is said.
type bent struct {
	io.Writer
	mistake string
}

func (b bent) Write(line []byte) (int, error) {
	out := line
	switch grants := bytes.Contains(line, []byte(`"outcome"`)); {
	case b.mistake == "leaves the mark out":
		out = bytes.Replace(line, []byte(`"complete":true`), []byte(`"reason":""`), 1)
	case b.mistake == "loses an account" && bytes.Contains(line, []byte(`"method":"account"`)) && bytes.Contains(line, []byte("old")):
		out = nil
	case b.mistake == "answers other questions" && grants:
		out = regexp.MustCompile(`"id":(\d+)`).ReplaceAll(line, []byte(`"id":${1}7`))
	case b.mistake == "answers for another account" && grants:
		out = regexp.MustCompile(`"account":"[^"]*"`).ReplaceAll(line, []byte(`"account":"somebody"`))
	case b.mistake == "speaks of itself" && grants:
		out = append([]byte("granting…\n"), line...)
	case b.mistake == "floods standard output" && grants:
		for range 1000 {
			if _, err := b.Writer.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
				return 0, err
			}
		}
	case b.mistake == "floods standard error" && grants:
		for i := range 1000 {
			fmt.Fprintf(os.Stderr, "\x1b]0;owned\a\x1b[2Jline %d\n", i)
		}
	}
	if _, err := b.Writer.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}

func main() {
	p := &program{mistake: strings.Join(os.Args[1:], " ")}
	if p.is("leaves children behind") {
		_ = exec.Command("/bin/sleep", "600").Start()
	}
	var served sdk.Program = p
	if p.is("everything") {
		served = full{p}
	}
	if err := sdk.Serve(context.Background(), os.Stdin, bent{os.Stdout, p.mistake}, sdk.About{Name: "bad", Version: "1", Batch: 100, Deletes: "the account"}, served); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
