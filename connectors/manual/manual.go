// Package manual is for programs without any interface: people make the changes, as tasks, and what they hold is read from a list
// of users that somebody exports from the program now and then.
package manual

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Config is the connector's own part of a program's configuration.
type Config struct {
	List      string        `yaml:"list"`        // the program's user list, a CSV file; the time of the file is that of the export
	Columns   Columns       `yaml:"columns"`     // what its columns are called
	Active    []string      `yaml:"active"`      // what the column active says of accounts that can be used, in any case; yes, true, 1 and active unless set
	Inactive  []string      `yaml:"inactive"`    // what it says of all others; no, false, 0, inactive, disabled and locked unless set
	Separator string        `yaml:"separator"`   // between entitlements in one field; a semicolon unless set
	MaxAge    time.Duration `yaml:"max_age"`     // an older list is not believed; 0: any age
	Catalogue []string      `yaml:"catalogue"`   // names of all rights that exist; empty: every name is one
	Due       time.Duration `yaml:"due"`         // how long people have for a task; 0: no alarm
	Leavers   time.Duration `yaml:"due_leavers"` // the same where somebody has left or was cut off; due unless set
	Link      string        `yaml:"link"`        // where people make the changes
	How       string        `yaml:"how"`         // what they do there
}

// Columns are the names of the first line. An account may have several lines, one for each entitlement.
type Columns struct {
	Account      string `yaml:"account"`      // account unless set
	Active       string `yaml:"active"`       // active unless set; without such a column all are active
	Entitlements string `yaml:"entitlements"` // entitlements unless set
	Name         string `yaml:"name"`         // whose it is, for people to read; name unless set
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program string           // name, for the proof
	Dir     string           // where a relative path starts
	Now     func() time.Time // the clock
}

// Program is a program that people change.
type Program struct {
	config  Config
	path    string
	needed  []string
	options Options
}

// lag: what was ticked off within it before an export may have been made after it, and an export that is younger may not be at its end.
const lag = time.Minute

// Open checks the configuration; the list is looked at only when it is read.
func Open(c Config, o Options) (*Program, error) {
	if c.List == "" {
		return nil, fmt.Errorf("program %s: list is missing; name the CSV file of its users", o.Program)
	}
	p := &Program{config: c, path: filepath.Clean(c.List), needed: c.needed(), options: o}
	switch {
	case filepath.IsAbs(c.List):
	case filepath.IsLocal(c.List):
		p.path = filepath.Join(o.Dir, p.path)
	default:
		return nil, fmt.Errorf("program %s: list %q leaves the folder of the configuration; write it as an absolute path", o.Program, c.List)
	}
	if c.Due < 0 || c.Leavers < 0 || c.MaxAge < 0 {
		return nil, fmt.Errorf("program %s: due, due_leavers and max_age are not negative", o.Program)
	}
	if u, err := url.Parse(c.Link); c.Link != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("program %s: link %q is not of the form https://host/path", o.Program, c.Link)
	}
	for _, word := range c.Active {
		if says(c.Inactive, word) {
			return nil, fmt.Errorf("program %s: %q is in active and in inactive; take it out of one", o.Program, word)
		}
	}
	p.config.defaults()
	return p, nil
}

// Hand implements engine.ByHand.
func (p *Program) Hand() engine.HandTerms {
	return engine.HandTerms{Due: p.config.Due, Leavers: p.config.Leavers, Link: p.config.Link, How: p.config.How}
}

// Describe declares what people can do.
func (p *Program) Describe(context.Context) (engine.Description, error) {
	d := engine.Description{Identity: "manual:" + p.path, Accounts: true, Lifecycle: true, Lag: lag, Deletes: "the account, by hand"}
	if len(p.config.Catalogue) > 0 {
		d.Grantable = p.Catalogue()
	}
	return d, nil
}

// Catalogue implements engine.Catalogued.
func (p *Program) Catalogue() []string { return slices.Sorted(slices.Values(p.config.Catalogue)) }

var errPeople = errors.New("people make the changes of this program; see rolecall tasks list")

// Grant is for people.
func (p *Program) Grant(context.Context, string, string) (engine.Outcome, error) {
	return engine.Refused, errPeople
}

// Revoke is for people.
func (p *Program) Revoke(context.Context, string, string) (engine.Outcome, error) {
	return engine.Refused, errPeople
}

// Create is for people.
func (p *Program) Create(context.Context, engine.NewAccount) (string, engine.Outcome, error) {
	return "", engine.Refused, errPeople
}
