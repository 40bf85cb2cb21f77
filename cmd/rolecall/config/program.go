package config

import (
	"reflect"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/rolecall/rolecall/engine"
)

// Program is one program. Keys that are not listed here belong to its kind.
type Program struct {
	// Kind of the program: which connector talks to it.
	Kind string `yaml:"kind"`
	// Revoke says which removals are wanted: `never`, `managed` (what Rolecall granted or adopted) or `all` (adopts what
	// linked accounts hold first, after approval). There is no default.
	Revoke engine.RevokeMode `yaml:"revoke"`
	// Entitlements are patterns of the rights that `revoke: all` may adopt; `*` matches anything but a slash. Some kinds
	// take a mapping from name to what it stands for.
	Entitlements Patterns `yaml:"entitlements"`
	// Match is the account attribute that holds the person's immutable key. No address: `rolecall adopt PROGRAM` reviews whose those are.
	Match string `yaml:"match"`
	// MatchWith is a template of what match is compared with, the person's key unless set. It is made of what nobody else ever gets,
	// like `{staff_number}`: of no address, login or name.
	MatchWith string `yaml:"match_with"`
	// Create is the template of a new account's name, like `{login}`. Without it no accounts are made.
	Create string `yaml:"create"`
	// Attributes are templates of what a new account is given besides its name.
	Attributes map[string]string `yaml:"attributes"`
	// Repair says what to do when somebody else removes what Rolecall granted: `report` or `regrant`.
	Repair string `yaml:"repair"`
	// Away says what happens to the accounts of people who are away: `keep` or `suspend`.
	Away string `yaml:"away"`
	// Delete lets accounts of leavers be deleted after `wait`.
	Delete bool `yaml:"delete"`
	// Wait overrides the wait of the section leavers.
	Wait *time.Duration `yaml:"wait"`
	// Grace is how long people who move keep what they lose.
	Grace time.Duration `yaml:"grace"`
	// Protected accounts are touched only by an approval or a cut.
	Protected []string `yaml:"protected"`
	// Accounts says of single accounts, by id or by name, what the program itself does not show: whose they are not.
	Accounts map[string]*Account `yaml:"accounts"`
	// Admin is the right whose last holder is never removed.
	Admin string `yaml:"admin"`
	// Concurrency is how many calls may be under way at once, on each machine; 0 leaves it to the kind.
	Concurrency int `yaml:"concurrency"`
	// Rate is how many calls a second may be made, on each machine; where a kind makes many changes with one call, each counts; 0: any.
	Rate float64 `yaml:"rate"`
	// After names programs whose work comes first.
	After []string `yaml:"after"`
	// Seats is how many are paid for: a number, or, where there are several kinds, a mapping from kind to its number or more.
	// Nobody is given one that is not there: who waits stands in a list.
	Seats Seats `yaml:"seats"`
	// Reserve keeps seats for people who join within so long.
	Reserve time.Duration `yaml:"reserve"`
	// Price of one seat.
	Price *Price `yaml:"price"`
	// Contract about the program.
	Contract *Contract `yaml:"contract"`
	// Vendor who sells it.
	Vendor string `yaml:"vendor"`
	// Owner who answers for it, an address.
	Owner string `yaml:"owner"`
	// Usage says that the program shows when accounts were last used, and what that is looked at for.
	Usage *Usage `yaml:"usage"`
	// Scratch says that the program is there to be tried: `rolecall connector test` may change everything in it.
	Scratch *Scratch `yaml:"scratch"`

	// Settings are the keys that belong to the kind.
	Settings Section `yaml:"-"`
}

// Usage is about when accounts were last used. That is data about people: it is looked at for a stated purpose or not at all.
type Usage struct {
	// Purpose is why it is looked at, for the people whom it is about; required.
	Purpose string `yaml:"purpose"`
	// LastUsed is the account attribute that holds the time or day of the last use; required.
	LastUsed string `yaml:"last_used"`
}

// Scratch is what `rolecall connector test` may use of a program. What is left out is made or looked up where the program can.
type Scratch struct {
	// Accounts are ids of at least three active accounts that hold none of the rights, their names as hard as the program allows.
	Accounts []string `yaml:"accounts"`
	// Rights are at least two that exist.
	Rights []string `yaml:"rights"`
	// Stranger is an id that looks right, of an account that is not there.
	Stranger string `yaml:"stranger"`
	// NoRight is a right that does not exist.
	NoRight string `yaml:"no_right"`
	// Names are two that new accounts may get.
	Names []string `yaml:"names"`
	// Attributes are what new accounts need besides a name.
	Attributes map[string]string `yaml:"attributes"`
	// Through is the key of a plug-in's `config` that holds the address of its program: a proxy on this machine takes its place, and
	// makes calls go wrong on purpose.
	Through string `yaml:"through"`
}

// Account is one account of a program that is not simply somebody's.
type Account struct {
	// Kind: `service` (of a machine) and `shared` accounts are nobody's; `admin` and `test` ones are somebody's besides the
	// `personal` one, and policy gives them nothing.
	Kind string `yaml:"kind"`
	// Owner who answers for a service or shared account, an address.
	Owner string `yaml:"owner"`
	// Review is the day by which somebody looks at a service or shared account again; then a notice reminds.
	Review time.Time `yaml:"review"`
}

// Patterns are names of entitlements, given as a list or as the keys of a mapping.
type Patterns []string

func (p *Patterns) decode(d *decoder, n ast.Node) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.list(n, reflect.ValueOf(p).Elem())
		return
	}
	pairs, _ := d.pairs(m)
	*p = make(Patterns, 0, len(pairs))
	for _, pair := range pairs {
		*p = append(*p, keyOf(pair))
	}
}
