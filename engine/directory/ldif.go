package directory

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// LDIFConfig is a directory in an LDIF file (RFC 2849), such as slapcat or ldapsearch -LLL write it.
type LDIFConfig struct {
	Config
	File
	People Search
}

// Search says which entries are meant: those at and below Base (in a file, "" means all) that Filter matches
// (RFC 4515; "" means the kind's own choice).
type Search struct {
	// Base below which they are.
	Base string `yaml:"base"`
	// Filter that finds them.
	Filter string `yaml:"filter"`
}

const (
	// Files do not know that an inetOrgPerson is a person; servers do.
	peopleInFiles = "(|(objectClass=person)(objectClass=organizationalPerson)(objectClass=inetOrgPerson)(objectClass=user)(objectClass=posixAccount))"
	groupsInFiles = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(objectClass=group)(objectClass=ipausergroup))"
)

type ldifDirectory struct {
	cfg    LDIFConfig
	people searched
	groups []searched // one for each group source, in order
	want   map[string]bool
}

// searched is a Search ready to be applied to entries of a file.
type searched struct {
	base  string
	match filter
}

// LDIF makes a directory of an LDIF file. Its people and groups are all read anew on each call of People.
func LDIF(cfg LDIFConfig) (engine.Directory, error) {
	d := &ldifDirectory{cfg: cfg, want: map[string]bool{}}
	if err := d.cfg.Check(); err != nil {
		return nil, err
	}
	var err error
	if d.people, err = d.search(cfg.People, peopleInFiles); err != nil {
		return nil, err
	}
	for _, r := range cfg.Roles {
		if r.Group == nil {
			continue
		}
		if r.Group.MemberOf {
			return nil, fmt.Errorf("directory %s: roles: memberOf is for servers; a file has the groups themselves", cfg.Name)
		}
		s, err := d.search(Search{r.Group.Base, r.Group.Filter}, groupsInFiles)
		if err != nil {
			return nil, err
		}
		d.groups = append(d.groups, s)
		d.need(append(r.Group.members(), r.Group.naming(), "entryUUID", "objectGUID", "nsUniqueId", "ipaUniqueID")...)
	}
	d.need(cfg.Key)
	for _, a := range cfg.Attributes {
		d.need(a.Source)
	}
	return d, nil
}

func (d *ldifDirectory) need(names ...string) {
	for _, n := range names {
		d.want[strings.ToLower(n)] = true
	}
}

func (d *ldifDirectory) search(s Search, otherwise string) (searched, error) {
	if s.Filter == "" {
		s.Filter = otherwise
	}
	match, names, err := compileFilter(s.Filter)
	if err != nil {
		return searched{}, fmt.Errorf("directory %s: %w", d.cfg.Name, err)
	}
	d.need(names...)
	base := ""
	if s.Base != "" {
		base = canonDN(s.Base)
	}
	return searched{base, match}, nil
}

func (s searched) has(e *entry, canon string) bool {
	return ldapconn.IsBelow(canon, s.base) && s.match(e)
}

// People reads the file; see engine.Directory. It may be called concurrently.
func (d *ldifDirectory) People(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	src, err := d.cfg.open(d.cfg.Name)
	if err != nil {
		return engine.Proof{Source: d.cfg.Name}, err
	}
	b := newBuilder(&d.cfg.Config)
	b.tree = true
	seen := map[string]string{} // DN → place
	r := &ldifReader{in: bufio.NewReaderSize(src.in, 64<<10), file: src.name,
		want: func(name string) bool { return d.want[name] }, comment: func(text string) { src.mark(text) },
		begin: src.record,
		broken: func(line int, problem string) {
			b.against(engine.ReasonMalformed, fmt.Sprintf("%s:%d: %s", src.name, line, problem))
		}}
	err = r.each(func(e *entry) error {
		d.entry(b, e, seen)
		return ctx.Err()
	})
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		src.f.Close()
		return engine.Proof{Source: d.cfg.Name}, fmt.Errorf("directory %s: %w", d.cfg.Name, err)
	}
	if err != nil {
		src.broken = err.Error()
	}
	src.blank = r.blank
	src.finish(b)
	return b.finish(ctx, yield)
}

// entry makes a person or a group of one entry, or leaves it.
func (d *ldifDirectory) entry(b *builder, e *entry, seen map[string]string) {
	canon := canonDN(e.dn)
	place := e.place
	if at, twice := seen[canon]; twice {
		b.against(engine.ReasonDuplicate, fmt.Sprintf("%s and %s are both %s; a file may have a DN once", at, place, quote(e.dn)))
	}
	seen[canon] = place
	e.place = e.dn
	if d.people.has(e, canon) {
		b.person(e)
	}
	for i, s := range d.groups {
		if s.has(e, canon) {
			b.groups[i].add(e)
		}
	}
}
