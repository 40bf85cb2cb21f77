package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// LDAPConfig is a directory on an LDAP server.
type LDAPConfig struct {
	Config
	Profile  string // 389ds, ad, freeipa, openldap (also "")
	People   Search // Base is required; Filter "" means the profile's
	PageSize int    // entries; 0 means 1000
}

type ldapDirectory struct {
	client  *ldapconn.Client
	cfg     LDAPConfig
	profile Profile
}

// LDAP makes a directory of an LDAP server. An empty Key is the profile's.
//
// A read that a limit, a referral or a lost connection cuts short yields the people that were seen, each entry being
// whole, with a proof that says so; a server that can't be reached, refuses the sign-in or has no such base is an error.
// Groups that can't be read leave the roles of their source unknown and the people untouched.
func LDAP(client *ldapconn.Client, cfg LDAPConfig) (engine.Directory, error) {
	profile, err := ProfileOf(cfg.Profile)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", cfg.Name, err)
	}
	cfg.Key, cfg.People.Filter = cmp.Or(cfg.Key, profile.Key), cmp.Or(cfg.People.Filter, profile.People)
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.People.Base == "" {
		return nil, fmt.Errorf("directory %s: people: base is missing, such as ou=people,dc=example,dc=com", cfg.Name)
	}
	d := &ldapDirectory{client: client, cfg: cfg, profile: profile}
	return d, d.checkFilters()
}

func (d *ldapDirectory) checkFilters() error {
	filters := []string{d.cfg.People.Filter}
	for _, r := range d.cfg.Roles {
		if r.Group != nil {
			filters = append(filters, d.groupFilter(r.Group))
		}
	}
	for _, f := range filters {
		if err := ldapconn.CheckFilter(f); err != nil {
			return fmt.Errorf("directory %s: %w", d.cfg.Name, err)
		}
	}
	return nil
}

// People reads the server; see engine.Directory. It may be called concurrently.
func (d *ldapDirectory) People(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	var recent recency
	b, err := d.readPeople(ctx, &recent)
	if err != nil {
		return engine.Proof{Source: d.cfg.Name}, fmt.Errorf("directory %s: people at %s: %w", d.cfg.Name, d.cfg.People.Base, err)
	}
	for i, g := range b.groups {
		if b.groups[i], err = d.readGroups(ctx, g, &recent); err != nil {
			return engine.Proof{Source: d.cfg.Name}, err
		}
		if err := d.askInChain(ctx, b.people, b.groups[i], &recent); err != nil {
			return engine.Proof{Source: d.cfg.Name}, err
		}
	}
	b.proof.Mark = recent.mark
	if recent.err != nil {
		b.notice(engine.ReasonRefused, fmt.Sprintf("%s does not say how recent it is, so a replica that lags goes unseen: %v", d.cfg.Name, recent.err))
	}
	return b.finish(ctx, yield)
}

// readPeople gives a builder with all people, or with those seen and the reason why not all.
func (d *ldapDirectory) readPeople(ctx context.Context, recent *recency) (*builder, error) {
	var b *builder
	err := d.read(ctx, d.request(d.cfg.People, d.peopleAttributes()), recent, func() func(*ldapconn.Entry) error {
		b = newBuilder(&d.cfg.Config) // what an attempt saw that failed is forgotten
		b.tree = true
		var e entry
		return func(from *ldapconn.Entry) error {
			e.fill(from)
			e.place = strings.Clone(from.DN)
			b.person(&e)
			for _, g := range b.groups {
				g.addParents(&e)
				g.addPrimary(&e)
			}
			return nil
		}
	})
	reasons, cut := cutShort(err)
	if cut != nil || b == nil { // no server showed anything
		return nil, err
	}
	for _, r := range reasons {
		b.against(r.Code, r.Detail)
	}
	return b, nil
}

// readGroups gives the groups of one source, with the reasons why not all were seen. Only the caller's own end is an error.
func (d *ldapDirectory) readGroups(ctx context.Context, with *groups, recent *recency) (*groups, error) {
	cfg := with.of.Group
	base := cfg.Base
	if base == "" {
		base = d.cfg.People.Base
	}
	var g *groups
	err := d.read(ctx, d.request(Search{base, d.groupFilter(cfg)}, d.groupAttributes(cfg)), recent, func() func(*ldapconn.Entry) error {
		g = newGroups(with.of)
		var e entry
		return func(from *ldapconn.Entry) error {
			e.fill(from)
			e.place = strings.Clone(from.DN)
			g.add(&e)
			g.addParents(&e)
			return nil
		}
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("directory %s: %w", d.cfg.Name, ctx.Err())
	}
	if g == nil { // no server took us
		g = newGroups(with.of)
	}
	g.take(with)
	reasons, err := cutShort(err)
	if err != nil {
		reasons = []engine.Reason{{Code: codeOf(err), Detail: fmt.Sprintf("groups at %s: %v", base, err)}}
	}
	g.reasons = append(g.reasons, reasons...)
	return g, nil
}

func (d *ldapDirectory) request(s Search, attributes []string) ldapconn.Request {
	r := ldapconn.Request{Base: s.Base, Scope: ldapconn.Subtree, Filter: s.Filter, Attributes: attributes,
		PageSize: d.cfg.PageSize}
	if d.profile.Name == "ad" {
		r.Controls = []ldapconn.Control{{OID: ldapconn.ControlDomainScope}}
	}
	return r
}

func (d *ldapDirectory) peopleAttributes() []string {
	out := []string{d.cfg.Key}
	for _, a := range d.cfg.Attributes {
		out = append(out, a.Source)
	}
	for _, r := range d.cfg.Roles {
		if r.Group != nil && r.Group.MemberOf {
			out = append(out, "memberOf")
		}
		if r.Group != nil && d.profile.Name == "ad" {
			out = append(out, "primaryGroupID", "objectSid")
		}
	}
	return distinct(out)
}

func (d *ldapDirectory) groupAttributes(g *Groups) []string {
	out := []string{g.naming(), d.profile.Key}
	if g.MemberOf {
		out = append(out, "memberOf")
	} else {
		out = append(out, g.members()...)
	}
	if d.profile.Name == "ad" {
		out = append(out, "objectSid")
	}
	return distinct(out)
}

func (d *ldapDirectory) groupFilter(g *Groups) string {
	if g.Filter != "" {
		return g.Filter
	}
	return d.profile.Groups
}

func distinct(names []string) []string {
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(names, strings.EqualFold)
}

// fill takes over an entry of a server. Its strings share one block of memory; what is kept is copied by those who keep it.
func (e *entry) fill(from *ldapconn.Entry) {
	e.dn, e.attrs = from.DN, e.attrs[:0]
	for _, a := range from.Attributes {
		e.attrs = append(e.attrs, raw{name: a.Name, values: a.Values})
	}
}

// cutShort tells apart a read that saw only a part, whose entries are whole and count, from one that says nothing.
func cutShort(err error) ([]engine.Reason, error) {
	var inc *ldapconn.Incomplete
	if err == nil || !errors.As(err, &inc) {
		return nil, err
	}
	var out []engine.Reason
	for _, r := range inc.Reasons {
		switch r.Code {
		case ldapconn.Cut, ldapconn.NoAnswer, ldapconn.TimeLimit, ldapconn.SizeLimit, ldapconn.AdminLimit, ldapconn.Referral,
			ldapconn.NoPagingControl, ldapconn.RangeUnread, ldapconn.TooManyPages, ldapconn.TooManyEntries, ldapconn.TooManyBytes:
			out = append(out, engine.Reason{Code: engine.ReasonPartial, Detail: string(r.Code) + ": " + r.Detail})
		default:
			return nil, err
		}
	}
	return out, nil
}

func codeOf(err error) string {
	var inc *ldapconn.Incomplete
	if errors.As(err, &inc) && (inc.Has(ldapconn.BindRefused) || inc.Has(ldapconn.Refused) || inc.Has(ldapconn.NoBase)) {
		return engine.ReasonRefused
	}
	return engine.ReasonUnreachable
}
