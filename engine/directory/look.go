package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine/ldapconn"
)

// Found is what a look at a server suggests for its configuration; everything in it is for a person to review.
type Found struct {
	Server     string // URL that answered
	Profile    string
	Context    string // naming context that holds the most people
	People     Search
	Count      int  // people seen; More says that there are more
	More       bool // the look ended early, since it only needs a sample
	Key        string
	KeySeen    bool        // whether the key was shown on every entry
	Attributes []Attribute // those that a tenth of the people or more have
	Groups     Groups
	Roles      []FoundRole // the biggest groups first
}

// FoundRole is a group that may be a role.
type FoundRole struct {
	Name    string
	DN      string
	Members int // listed directly
}

// How many entries a look takes, and how many groups it tells of.
const (
	lookPeople = 5000
	lookGroups = 2000
	lookRoles  = 50
)

// Look finds profile, naming context, people, key, attributes and groups of a server, with searches only. The error says
// which step failed.
func Look(ctx context.Context, client *ldapconn.Client) (Found, error) {
	conn, err := client.Connect(ctx)
	if err != nil {
		return Found{}, fmt.Errorf("looking at the directory: %w", err)
	}
	dse, err := conn.RootDSE(ctx)
	conn.Close()
	if err != nil {
		return Found{}, fmt.Errorf("looking at the directory: its root entry: %w", err)
	}
	l := &look{client: client, profile: profileOfKind(dse.Kind)}
	if err := l.people(ctx, contexts(dse)); err != nil {
		return Found{}, err
	}
	if err := l.groups(ctx); err != nil {
		return Found{}, err
	}
	return l.found, nil
}

// contexts gives the naming contexts that may hold people.
func contexts(dse ldapconn.DSE) []string {
	if dse.DefaultNamingContext != "" {
		return []string{dse.DefaultNamingContext}
	}
	return slices.DeleteFunc(slices.Clone(dse.NamingContexts), func(c string) bool {
		c = canonDN(c)
		return c == "" || strings.HasPrefix(c, "cn=") || c == "o=ipaca" || c == "o=netscaperoot"
	})
}

type look struct {
	client  *ldapconn.Client
	profile Profile
	found   Found
}

// sample reads up to limit entries; more says that there are others.
func (l *look) sample(ctx context.Context, s Search, attributes []string, limit int) (entries []*ldapconn.Entry, more bool, err error) {
	enough := errors.New("enough")
	r := ldapconn.Request{Base: s.Base, Scope: ldapconn.Subtree, Filter: s.Filter, Attributes: attributes, PageSize: min(limit, 500)}
	if l.profile.Name == "ad" { // no references to other naming contexts
		r.Controls = []ldapconn.Control{{OID: ldapconn.ControlDomainScope}}
	}
	result, err := l.client.Read(ctx, r, func() func(*ldapconn.Entry) error {
		entries = nil
		return func(e *ldapconn.Entry) error {
			if len(entries) == limit {
				return enough
			}
			entries = append(entries, e)
			return nil
		}
	})
	if result.Server != "" {
		l.found.Server = result.Server
	}
	if errors.Is(err, enough) {
		return entries, true, nil
	}
	if reasons, err := cutShort(err); err != nil || len(reasons) == 0 {
		return entries, false, err
	}
	return entries, true, nil // a limit of the server's: what was seen will do
}

// candidates are the attributes that directories usually keep, the likeliest source first.
func (l *look) candidates() []Attribute {
	return []Attribute{{Name: "login", Source: l.profile.Login}, {Name: "mail", Source: "mail"}, {Name: "name", Source: "displayName"}, {Name: "name", Source: "cn"},
		{Name: "title", Source: "title"}, {Name: "department", Source: "department"}, {Name: "department", Source: "departmentNumber"},
		{Name: "country", Source: "c"}, {Name: "country", Source: "co"}, {Name: "location", Source: "l"}, {Name: "company", Source: "company"},
		{Name: "manager", Source: "manager"}, {Name: "status", Source: "employeeType"}, {Name: "employee_number", Source: "employeeNumber"},
		{Name: "employee_number", Source: "employeeID"}, {Name: "account_control", Source: "userAccountControl"}, {Name: "expires", Source: "accountExpires"}}
}

// people takes the naming context with the most people and the part of it that holds nearly all of them.
func (l *look) people(ctx context.Context, contexts []string) error {
	wanted := []string{"objectClass", l.profile.Key, "ipaUniqueID"}
	for _, a := range l.candidates() {
		wanted = append(wanted, a.Source)
	}
	var best []*ldapconn.Entry
	var failed error
	for _, base := range contexts {
		entries, more, err := l.sample(ctx, Search{base, l.profile.suggested()}, distinct(slices.Clone(wanted)), lookPeople)
		if err != nil {
			failed = fmt.Errorf("looking for people in %s: %w", base, err)
			continue
		}
		if len(entries) > len(best) {
			best, l.found.Context, l.found.More = entries, base, more
		}
	}
	if len(best) == 0 {
		return cmp.Or(failed, fmt.Errorf("no people found in %q; look at the rights of the account, or write the configuration by hand", contexts))
	}
	if ipa, _ := ProfileOf("freeipa"); l.profile.Name == "389ds" && share(best, ipa.Key) > 0.5 {
		l.profile = ipa
	}
	l.found.Profile, l.found.Key, l.found.KeySeen = l.profile.Name, l.profile.Key, share(best, l.profile.Key) == 1
	l.found.People, l.found.Count = Search{nearlyAll(best), l.profile.suggested()}, len(best)
	for _, a := range l.candidates() {
		taken := slices.ContainsFunc(l.found.Attributes, func(b Attribute) bool { return a.Name == b.Name })
		if !taken && share(best, a.Source) >= 0.1 {
			l.found.Attributes = append(l.found.Attributes, a)
		}
	}
	return nil
}

// share is the part of the entries that show the attribute, 0 to 1.
func share(entries []*ldapconn.Entry, attribute string) float64 {
	n := 0
	for _, e := range entries {
		if len(e.Values(attribute)) > 0 {
			n++
		}
	}
	return float64(n) / float64(len(entries))
}

// nearlyAll is the deepest DN below which 19 of 20 entries are; a few accounts elsewhere are no people, mostly.
func nearlyAll(entries []*ldapconn.Entry) string {
	count := map[string]int{}
	spelled := map[string]string{}
	for _, e := range entries {
		rest := e.DN
		for up := parentDN(canonDN(e.DN)); up != ""; up = parentDN(up) {
			rest = parentDN(rest) // as the server spells it
			count[up]++
			spelled[up] = rest
		}
	}
	best := ""
	for _, dn := range slices.Sorted(maps.Keys(count)) {
		if count[dn]*20 >= len(entries)*19 && len(dn) > len(best) {
			best = dn
		}
	}
	return cmp.Or(strings.TrimSpace(spelled[best]), best)
}

// groups finds where groups are, how they list members, and whether they nest.
func (l *look) groups(ctx context.Context) error {
	entries, _, err := l.sample(ctx, Search{l.found.Context, l.profile.Groups}, append([]string{"cn"}, l.profile.Member...), lookGroups)
	if err != nil {
		return fmt.Errorf("looking for groups in %s: %w", l.found.Context, err)
	}
	if len(entries) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, e := range entries {
		known[canonDN(e.DN)] = true
	}
	l.found.Groups = Groups{Base: nearlyAll(entries), Name: "cn"}
	for _, e := range entries {
		role := FoundRole{Name: canonOr(e.Get("cn")), DN: e.DN}
		for _, attribute := range l.profile.Member {
			role.Members += len(e.Values(attribute))
			for _, m := range e.Values(attribute) {
				l.found.Groups.Nested = l.found.Groups.Nested || known[canonDN(m)]
			}
		}
		l.found.Roles = append(l.found.Roles, role)
	}
	slices.SortFunc(l.found.Roles, func(a, b FoundRole) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), strings.Compare(a.DN, b.DN))
	})
	l.found.Roles = l.found.Roles[:min(len(l.found.Roles), lookRoles)]
	return nil
}
