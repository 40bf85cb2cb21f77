package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
	real "github.com/rolecall/rolecall/engine/directory"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// ldapSide is how "corp" is read in a part of the histories: by the directory that companies use, over its own pager, from
// servers that the model plays. What it is like follows from the seed alone, and from nothing else that the seed decides.
type ldapSide struct {
	m       *model
	ad      bool
	roles   string // what roles are made of: attribute, expressions, members or memberOf
	canary  bool   // one is configured
	strict  bool   // who is active must say so
	server  *server
	gone    string // the group, or the part of the tree, that the present read does not show
	lagging string // what the present read gets from a server that lags, while the other one is up to date: "people" or "groups"
	seen    int    // groups that the present read shows before it fails
	refused map[string]time.Time
}

const (
	corp      = "dc=corp"
	corpReal  = "ou=people," + corp
	corpRoles = "ou=groups," + corp
)

// newLDAP is nil in three of four histories.
func newLDAP(m *model) *ldapSide {
	d := rand.New(rand.NewPCG(m.seed, 389))
	if d.IntN(4) > 0 {
		return nil
	}
	l := &ldapSide{m: m, ad: d.IntN(2) == 0, canary: d.IntN(2) == 0, strict: d.IntN(2) == 0, refused: map[string]time.Time{}}
	l.roles = []string{"attribute", "expressions", "members", "memberOf"}[d.IntN(4)]
	l.server = &server{l: l, page: 2 + d.IntN(3)}
	return l
}

// grouped says whether roles are groups.
func (l *ldapSide) grouped() bool { return l.roles == "members" || l.roles == "memberOf" }

// connected is the directory as a daemon reads it. Each daemon has a client of its own, as each process has.
func (l *ldapSide) connected(d *daemon) engine.Directory {
	client, err := ldapconn.New(ldapconn.Config{URLs: []string{"ldap://dc1", "ldap://dc2"}, Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: "cn=reader," + corp, Password: func() (string, error) { return secret, nil }},
		Timeout: silence, Pause: l.pause, Now: func() time.Time { return d.engine.Now() }, Dial: l.server.dial})
	if err != nil {
		panic(err)
	}
	people, err := real.LDAP(client, l.config(func() time.Time { return d.engine.Now() }))
	if err != nil {
		panic(err)
	}
	return people
}

// pause lets the model's time pass between two tries.
func (l *ldapSide) pause(context.Context, int) error {
	l.m.now = l.m.now.Add(200 * time.Millisecond)
	return nil
}

func (l *ldapSide) config(now func() time.Time) real.LDAPConfig {
	c := real.LDAPConfig{People: real.Search{Base: corpReal}, PageSize: l.server.page}
	c.Name, c.Now = "corp", now
	if l.ad {
		c.Profile = "ad"
	}
	c.Attributes = []real.Attribute{{Name: "login", Source: l.loginAttribute()}, {Name: "name", Source: "displayName"}, {Name: "password", Source: "info"}, {Name: "status", Source: "employeeType"}}
	c.States = map[engine.State]engine.Condition{engine.StateLeft: has("status", "left"), engine.StateAway: has("status", "away"), engine.StateUpcoming: has("status", "upcoming")}
	if l.strict {
		c.States[engine.StateActive] = has("status", "active")
	}
	if l.canary {
		c.Canaries = []real.Canary{{Entry: dnOf(theCanary), Attribute: "name", Value: "p00"}}
	}
	l.configRoles(&c)
	return c
}

func (l *ldapSide) loginAttribute() string {
	if l.ad {
		return "sAMAccountName"
	}
	return "uid"
}

func (l *ldapSide) configRoles(c *real.LDAPConfig) {
	switch l.roles {
	case "attribute":
		c.Attributes = append(c.Attributes, real.Attribute{Name: "team", Source: "departmentNumber", Multi: true})
		c.Roles = []real.RoleSource{{As: "r", Attribute: "team"}}
	case "expressions":
		for _, name := range teams() {
			c.Attributes = append(c.Attributes, real.Attribute{Name: "team" + name, Source: "team" + name})
			c.Roles = append(c.Roles, real.RoleSource{As: "r", Name: name, When: has("team"+name, "yes")})
		}
	default:
		c.Roles = []real.RoleSource{{As: "r", Group: &real.Groups{Base: corpRoles, MemberOf: l.roles == "memberOf"}}}
	}
}

func teams() []string { return []string{"a", "b"} }

// has is an expression that compares one attribute.
func has(attribute, value string) engine.Condition {
	return func(p *engine.Person, _ *engine.Job, _ time.Time) engine.Tri {
		a := p.Attributes.Get(attribute)
		switch {
		case a.Unknown:
			return engine.Unknown
		case len(a.Values) > 0 && a.Values[0] == value:
			return engine.Yes
		}
		return engine.No
	}
}

// theCanary is always there.
const theCanary = "k-p00"

// branch is the part of the tree that somebody is in.
func branch(key string) string {
	return "ou=" + []string{"berlin", "paris", "rome"}[key[len(key)-1]%3] + "," + corpReal
}

func dnOf(key string) string { return "cn=" + key + "," + branch(key) }

// unseen is what is missing of somebody of whom a role can't be seen: an attribute shows all its values or none.
func (l *ldapSide) unseen(role string) string {
	switch {
	case l == nil || role[0] == 'h' || l.roles == "expressions":
		return role
	case l.roles == "attribute":
		return "r:*"
	}
	return "h:c" // what one person has of groups is shown, or not even the groups are
}

// versionOf takes the model's version out of a mark.
func versionOf(mark string) (v int64) {
	for _, form := range []string{"usn:dc1:%d", "usn:" + invocation + ":%d", "csn:" + csnBegins + "%06d"} {
		if n, _ := fmt.Sscanf(mark, form, &v); n == 1 {
			return v
		}
	}
	return 0
}

const (
	invocation = "646331" // "dc1"
	csnBegins  = "20260302080000."
	csnEnds    = "Z#000000#001#000000"
)

func isRole(role string) bool { return strings.HasPrefix(role, "r:") }
