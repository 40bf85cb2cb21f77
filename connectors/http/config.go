package http

import (
	"context"
	"net/http"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// Config is the connector's own part of a program's configuration. A pick is a JSON pointer (RFC 6901) into an item of a
// list, like /profile/mail, or a CEL expression about `item`.
type Config struct {
	URL      string            `yaml:"url"`      // https://crm.example.com/api, what all paths are below of
	Auth     httpconn.Auth     `yaml:"auth"`     // how to sign in
	Headers  map[string]string `yaml:"headers"`  // that every request carries besides: a version, never a secret
	Requests float64           `yaml:"requests"` // a second at most; 0: any
	Lag      time.Duration     `yaml:"lag"`      // lists may lag behind writes by this much
	Users    Users             `yaml:"users"`    // its accounts
	Rights   []Right           `yaml:"rights"`   // its entitlements, in groups that are listed and changed alike
	Counts   []Count           `yaml:"counts"`   // its seats as it counts them itself, one entry a kind
}

// Users says how accounts are listed and changed.
type Users struct {
	List       Read              `yaml:"list"`         // all accounts
	One        *Read             `yaml:"one"`          // one account, by {account}; without it the whole list is read
	Named      *Read             `yaml:"named"`        // a list with the account of a {name} in it, perhaps with others
	ID         string            `yaml:"id"`           // pick: the immutable id
	Name       string            `yaml:"name"`         // pick: the user name; the id unless set, and where it is empty
	Display    string            `yaml:"display"`      // pick: whose it is, for people to read
	Kind       string            `yaml:"kind"`         // pick: personal, admin, test, service or shared
	Person     string            `yaml:"person"`       // pick: key of the person it was made for
	Active     string            `yaml:"active"`       // pick: true or false; without it accounts are not suspended
	Attributes map[string]string `yaml:"attributes"`   // picks: what match and adopt may compare
	MayBeEmpty bool              `yaml:"may_be_empty"` // a list without any account is believed
	Create     []Write           `yaml:"create"`       // with {name}, {person} and {attributes.NAME}
	Update     []Write           `yaml:"update"`       // with {account}, and the same; in place
	Suspend    []Write           `yaml:"suspend"`      // with {account}
	Resume     []Write           `yaml:"resume"`       // with {account}
	Delete     []Write           `yaml:"delete"`       // with {account}
}

// Right is a group of entitlements.
type Right struct {
	Prefix    string   `yaml:"prefix"`    // stands before their names in policies; groups have different ones
	Names     []string `yaml:"names"`     // those that exist, if it is always the same ones
	Catalogue *Read    `yaml:"catalogue"` // those that exist; without both every name is one
	Name      string   `yaml:"name"`      // pick in the catalogue: its name
	ID        string   `yaml:"id"`        // pick in the catalogue: its id, for {right.id}; the name unless set
	Each      string   `yaml:"each"`      // pick in an account's item: the list of names that it holds; or:
	List      *Read    `yaml:"list"`      // who holds what; with {right}, {right.id} or {account} in it, once for each
	One       *Read    `yaml:"one"`       // the same of one {account}, perhaps of one {right} alone
	Account   string   `yaml:"account"`   // pick in an item: the account's id
	Right     string   `yaml:"right"`     // pick in an item: the name; or:
	RightID   string   `yaml:"right_id"`  // pick in an item: the id
	When      string   `yaml:"when"`      // pick in an item: whether it counts
	Held      bool     `yaml:"held"`      // somebody always holds one of them: a list in which nobody does is not believed
	Grant     []Write  `yaml:"grant"`     // with {account}, {right}, {right.id}
	Revoke    []Write  `yaml:"revoke"`    // with the same
}

// Count is where the program says how many seats of one kind there are and how many are taken.
type Count struct {
	Kind  string `yaml:"kind"`  // as seats: of the program names it; empty where it tells no kinds apart
	Path  string `yaml:"path"`  // below the url; the answer is the item of the picks
	Total string `yaml:"total"` // pick: how many there are; without it seats: alone says so
	Used  string `yaml:"used"`  // pick: how many are taken
}

// Read is a list, or something single, to be read.
type Read struct {
	Path   string `yaml:"path"`   // below the url
	Items  string `yaml:"items"`  // JSON pointer of the list in an answer; empty: the answer is the list
	Paging Paging `yaml:"paging"` // how it goes on
	None   []int  `yaml:"none"`   // answers that say that nothing is there; 404 in JSON always does for something single
}

// Paging says how a list goes on, and how it proves that it is whole.
type Paging struct {
	By    string `yaml:"by"`    // page (a number), offset, cursor, next (an address in the answer), or link (a header, RFC 8288)
	Param string `yaml:"param"` // parameter of the page number, the offset or the cursor
	Size  int    `yaml:"size"`  // items a page
	Limit string `yaml:"limit"` // parameter of the size
	First int    `yaml:"first"` // what is counted from: 0, or 1 for most that count pages
	Next  string `yaml:"next"`  // pick in an answer: the next cursor or address; empty, null or missing: that was all
	Total string `yaml:"total"` // pick in an answer: how many there are in all
	More  string `yaml:"more"`  // pick in an answer: whether there are more
	Until string `yaml:"until"` // empty: it ends with an empty page, since it says nothing better
}

// Write is a request that changes something.
type Write struct {
	Method string            `yaml:"method"` // POST, PUT, PATCH or DELETE
	Path   string            `yaml:"path"`   // below the url
	Body   any               `yaml:"body"`   // JSON, with the same {names} in its texts; or:
	From   string            `yaml:"from"`   // CEL: the body, made from item (the account as it is), account, right, …; or:
	Form   map[string]string `yaml:"form"`   // the body as a form
	Expect []int             `yaml:"expect"` // answers that are a success; 200 to 299 unless set
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program   string
	Secret    engine.Resolve
	Now       func() time.Time
	Calls     int                                              // at once; 0: 4
	Transport http.RoundTripper                                // nil: one that verifies certificates
	Between   func(http.RoundTripper) http.RoundTripper        // stands before the transport; nil: nothing
	Wait      func(ctx context.Context, d time.Duration) error // before another try; nil: waits
}
