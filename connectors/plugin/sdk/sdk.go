// Package sdk is what authors of plug-ins in Go may use: it speaks the protocol of docs/plugins.md, and the author writes
// what the program can do. It uses the standard library only.
//
// A plug-in is a main package that calls Main with a Program. What else the program can do are more methods: Suspender,
// Creator, Updater, Reader, Cataloguer and Batcher; having them declares them.
package sdk

import (
	"context"
	"encoding/json"
	"time"
)

// Protocol is the version of the protocol that this package speaks.
const Protocol = 1

// Outcome of a change.
type Outcome string

// Outcomes. Every change may be asked for again: what is so already is Already, not an error.
const (
	Done    Outcome = "done"    // it was changed
	Already Outcome = "already" // it was so before
	Refused Outcome = "refused" // the program will not do it; asking again does not help
	Failed  Outcome = "failed"  // it certainly did not happen; it may be asked again
	Unknown Outcome = "unknown" // it may have happened: Rolecall reads before it asks again
)

// About says what the plug-in is and how it likes to be used.
type About struct {
	Name, Version string
	Keyed         bool          // account ids are the people's immutable keys in the directory: nothing to match or to create
	Parallel      int           // calls at once; 0: one after the other
	Batch         int           // of a Batcher: changes at once at most
	Lag           time.Duration // lists may be behind changes by so much
	Deletes       string        // what a delete destroys, in words
}

// Settings are what the configuration holds for the plug-in.
type Settings struct {
	Program string            `json:"program"` // name in the configuration
	Config  json.RawMessage   `json:"config"`
	Secrets map[string]string `json:"secrets"`
}

// Account is one account with all that it holds.
type Account struct {
	ID           string            `json:"id"` // immutable
	Name         string            `json:"name,omitempty"`
	Display      string            `json:"display,omitempty"`
	Kind         string            `json:"kind,omitempty"`   // personal, admin, test, service, shared
	Person       string            `json:"person,omitempty"` // the key of whoever it was made for
	Active       bool              `json:"active"`           // meaningless unless the program is a Suspender
	Entitlements []string          `json:"entitlements"`     // nil: it holds none
	Attributes   map[string]string `json:"attributes,omitempty"`
	LastUse      *time.Time        `json:"last_use,omitempty"`
}

// NewAccount is what an account is made from or changed to.
type NewAccount struct {
	Name       string
	Person     string // the person's immutable key; keep it where the program can
	Attributes map[string]string
}

// Program is the program behind the plug-in. Calls come one after the other unless About says otherwise. Errors say in one
// sentence what is wrong and what to do; an error without an outcome is Unknown.
type Program interface {
	// Open takes the settings, before any other call. The identity names the target itself, so that no two programs of
	// one configuration manage it: "wiki:https://wiki.example.com".
	Open(ctx context.Context, s Settings) (identity string, err error)
	// Accounts gives every account to yield, and returns nil only if that were all.
	Accounts(ctx context.Context, yield func(Account)) error
	// Grant gives an account a right. An account that is not there is Refused.
	Grant(ctx context.Context, account, entitlement string) (Outcome, error)
	// Revoke takes it. What an account that is not there does not hold is taken Already.
	Revoke(ctx context.Context, account, entitlement string) (Outcome, error)
}

// Suspender is a program whose accounts can be suspended. They keep their rights meanwhile.
type Suspender interface {
	Suspend(ctx context.Context, account string) (Outcome, error)
	Resume(ctx context.Context, account string) (Outcome, error)
}

// Creator is a program that makes and deletes accounts. A name that is taken is Refused, unless that account was made for
// the same person: then it is Already, with its id.
type Creator interface {
	Create(ctx context.Context, a NewAccount) (id string, o Outcome, err error)
	Delete(ctx context.Context, account string) (Outcome, error)
}

// Updater changes name and attributes of an account; its id stays.
type Updater interface {
	Update(ctx context.Context, account string, to NewAccount) (Outcome, error)
}

// Reader reads one account; nil if it is not there.
type Reader interface {
	Account(ctx context.Context, account string) (*Account, error)
}

// Cataloguer lists the names of all rights that exist.
type Cataloguer interface {
	Entitlements(ctx context.Context) ([]string, error)
}

// Batcher makes many changes at once, as if they were made one by one: one result for each, in order.
type Batcher interface {
	Batch(ctx context.Context, changes []Change) []Result
}

// Change is one change of a batch.
type Change struct {
	Method      string // grant, revoke, suspend, resume, delete, create
	Account     string
	Entitlement string
	New         NewAccount // of a create
}

// Result is what became of it.
type Result struct {
	Account string // of a create: the new id
	Outcome Outcome
	Err     error
}
