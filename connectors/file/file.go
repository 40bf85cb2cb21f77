// Package file manages the accounts and rights of a program that are kept in a CSV file: programs without an interface,
// hand-kept lists, examples and tests. It is the model to copy for a new connector.
//
// The file has a header line and one line for each account:
//
//	account,active,entitlements,name,mail
//	ann,yes,read;write,Ann Example,ann@example.com
//	ben,no,,Ben Example,
//
// account, active (yes or no: a suspended account) and entitlements (names of rights, separated by semicolons) must be
// there; kind (personal, admin, test, service, shared) and person (the immutable key of whoever it was made for) have
// meaning where they are; every column is also an attribute of the account. The file ends with a line break: one that
// does not may still be being written. Lines that a change does not concern stay as they are, byte for byte.
package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Config is the connector's own part of a program's configuration.
type Config struct {
	Path      string   `yaml:"path"`      // of the CSV file; a relative one stays below the folder of the configuration
	Catalogue []string `yaml:"catalogue"` // names of all rights that exist; empty: every name is one
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program string           // name, for the proof
	Dir     string           // where a relative path starts
	Now     func() time.Time // the clock
	Step    Step             // stands between the file, or Git, and the connector; nil: nothing
}

// Step makes one step with a file or with Git, such as a read, which may go wrong; do makes it.
type Step func(ctx context.Context, do func() ([]byte, error)) ([]byte, error)

func (s Step) make(ctx context.Context, do func() ([]byte, error)) ([]byte, error) {
	if s == nil {
		return do()
	}
	return s(ctx, do)
}

// Program is a CSV file as a program. Safe for concurrent use, also by several processes.
type Program struct {
	store     store
	kind      string // before the path, in the target's identity
	catalogue []string
	options   Options
	mu        sync.Mutex // saves the goroutines of this process from polling the lock file
}

// Open checks the configuration; the file is looked at only when something is read or changed.
func Open(c Config, o Options) (*Program, error) {
	if c.Path == "" {
		return nil, fmt.Errorf("program %s: path is missing; name the CSV file", o.Program)
	}
	s := disk{dir: o.Dir, name: filepath.Clean(c.Path), step: o.Step}
	if filepath.IsAbs(c.Path) {
		s.dir, s.name = filepath.Split(s.name)
	} else if !filepath.IsLocal(c.Path) {
		return nil, fmt.Errorf("program %s: path %q leaves the folder of the configuration; write it as an absolute path", o.Program, c.Path)
	}
	return &Program{store: s, kind: "file:", catalogue: slices.Sorted(slices.Values(c.Catalogue)), options: o}, nil
}

// Close implements io.Closer.
func (p *Program) Close() error { return p.store.close() }

// Describe declares accounts that can be suspended, created and deleted.
func (p *Program) Describe(context.Context) (engine.Description, error) {
	return engine.Description{
		Identity: p.kind + p.store.path(), Accounts: true, Lifecycle: true, Grantable: p.catalogue,
		Deletes: "the account's line, with all its columns",
	}, nil
}

// Catalogue implements engine.Catalogued.
func (p *Program) Catalogue() []string { return p.catalogue }

// Holdings yields the accounts in the order of the file. Every mistake in the file is an error with its line, since what
// comes before a mistake says nothing about what comes after it.
func (p *Program) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	t, err := p.store.load(ctx)
	if err != nil {
		return proof, err
	}
	for _, l := range t.lines {
		if err := ctx.Err(); err != nil {
			return proof, err
		}
		for _, h := range t.holdings(l) {
			if err := yield(h); err != nil {
				return proof, err
			}
			proof.Count++
		}
	}
	proof.Digest, proof.Finished = t.digest, p.options.Now()
	return proof, nil
}

// Account reads one line.
func (p *Program) Account(ctx context.Context, account string) ([]engine.Holding, error) {
	t, err := p.store.load(ctx)
	if err != nil {
		return nil, err
	}
	if l := t.find(account); l != nil {
		return t.holdings(l), nil
	}
	return nil, nil
}

// Grant adds a right, or resumes the account.
func (p *Program) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	r := p.Apply(ctx, []engine.Call{{Grant: true, Account: account, Entitlement: entitlement}})[0]
	return r.Outcome, r.Err
}

// Revoke takes a right away, suspends the account (engine.Active) or deletes its line (engine.Exists).
func (p *Program) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	r := p.Apply(ctx, []engine.Call{{Account: account, Entitlement: entitlement}})[0]
	return r.Outcome, r.Err
}

// Apply makes all changes with one rewrite of the file.
func (p *Program) Apply(ctx context.Context, changes []engine.Call) []engine.Result {
	results := make([]engine.Result, len(changes))
	outcome, err := p.edit(ctx, func(t *table) {
		for i, c := range changes {
			if results[i].Outcome, results[i].Err = p.change(t, c); results[i].Outcome == engine.Done {
				t.log = append(t.log, said(c))
			}
			if c.New != nil && results[i].Err == nil {
				results[i].ID = c.New.Name
			}
		}
	})
	for i := range results {
		// What needed no write stays as it was answered.
		if err != nil && (results[i].Outcome == "" || results[i].Outcome == engine.Done) {
			results[i] = engine.Result{Outcome: outcome, Err: err}
		}
	}
	return results
}

// Create adds an active account. If the name is taken it is refused, unless the column person says that it was made for
// the same person.
func (p *Program) Create(ctx context.Context, a engine.NewAccount) (id string, outcome engine.Outcome, err error) {
	r := p.Apply(ctx, []engine.Call{{New: &a}})[0]
	return r.ID, r.Outcome, r.Err
}

// mostSaves is how often a change is made anew because somebody else changed the table meanwhile.
const mostSaves = 3

var errMoved = errors.New("somebody else changed it meanwhile")

// edit changes the table under the lock and writes it if anything changed. A failure is certain, but for the very last
// step.
func (p *Program) edit(ctx context.Context, change func(*table)) (engine.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	unlock, err := p.store.lock(ctx)
	if err != nil {
		return engine.Failed, err
	}
	defer unlock()
	for try := 1; ; try++ {
		t, err := p.store.load(ctx)
		if err != nil {
			return engine.Failed, err
		}
		change(t)
		if !t.changed {
			return engine.Done, nil
		}
		if outcome, err := p.store.save(ctx, t); !errors.Is(err, errMoved) || try == mostSaves {
			return outcome, err
		}
	}
}

// said is a change in words, for stores that keep a history.
func said(c engine.Call) string {
	switch {
	case c.New != nil:
		return fmt.Sprintf("create the account %q", c.New.Name)
	case c.Entitlement == engine.Exists:
		return fmt.Sprintf("delete the account %q", c.Account)
	case c.Entitlement == engine.Active && c.Grant:
		return fmt.Sprintf("resume the account %q", c.Account)
	case c.Entitlement == engine.Active:
		return fmt.Sprintf("suspend the account %q", c.Account)
	case c.Grant:
		return fmt.Sprintf("give %q to the account %q", c.Entitlement, c.Account)
	}
	return fmt.Sprintf("take %q from the account %q", c.Entitlement, c.Account)
}

// change answers one call on the table in memory.
func (p *Program) change(t *table, c engine.Call) (engine.Outcome, error) {
	l := t.find(c.Account)
	switch {
	case c.New != nil:
		return t.create(*c.New)
	case l == nil && c.Grant:
		return engine.Refused, fmt.Errorf("%s has no account %q; it must be created first", t.path, c.Account)
	case l == nil:
		return engine.Already, nil
	case c.Entitlement == engine.Exists && c.Grant:
		return engine.Already, nil
	case c.Entitlement == engine.Exists:
		return t.remove(l), nil
	case c.Entitlement == engine.Active:
		return t.setActive(l, c.Grant), nil
	}
	if c.Grant {
		if err := p.grantable(c.Entitlement); err != nil {
			return engine.Refused, fmt.Errorf("program %s: %w", p.options.Program, err)
		}
	}
	return t.setRight(l, c.Entitlement, c.Grant), nil
}

func (p *Program) grantable(right string) error {
	if _, ok := slices.BinarySearch(p.catalogue, right); !ok && len(p.catalogue) > 0 {
		return fmt.Errorf("right %q is not in its catalogue; add it there if it is real", right)
	}
	if strings.Contains(right, ";") || clean(right) != right {
		return fmt.Errorf("right %q can't be kept in the file: semicolons, control characters and spaces at the ends are not possible", right)
	}
	return nil
}

var errName = errors.New("an account needs a name without control characters and spaces at the ends")
