// Package ldapgroup manages membership in groups of an LDAP directory: whatever asks the directory who is in a group,
// such as a VPN, is a program by this connector. It works on OpenLDAP, 389 Directory Server and Active Directory.
//
// An account is a person's immutable key (entryUUID, objectGUID), so a renamed entry changes nothing. A right is one group.
// Single values are added and deleted, never a list replaced.
package ldapgroup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// Config is the connector's own part of a program's configuration.
type Config struct {
	Directory    string            `yaml:"directory"`    // name of the directory that the groups and their members are in
	Entitlements map[string]string `yaml:"entitlements"` // right → DN of its group
	Member       string            `yaml:"member"`       // attribute with the DNs of the members; default member
}

// Directory is what the connector shares with the directory of the configuration. Its bind must be allowed to write.
type Directory struct {
	Client *ldapconn.Client
	URL    string // of the first server, for the identity of the program
	Base   string // of people
	Filter string // of people, RFC 4515
	Key    string // attribute that is never reused
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program   string
	Directory func(name string) (Directory, error) // finds a directory of the configuration
	Now       func() time.Time
}

// Program is a set of groups as a program. Safe for concurrent use.
type Program struct {
	dir     Directory
	base    string            // of people, normalised
	groups  map[string]string // right → DN
	rights  []string          // sorted
	member  string
	options Options

	mu   sync.Mutex
	idle []*ldapconn.Conn
}

// maxIdle connections are kept for the next change.
const maxIdle = 4

// Open checks the configuration; no call is made.
func Open(c Config, o Options) (*Program, error) {
	p := &Program{groups: map[string]string{}, rights: slices.Sorted(maps.Keys(c.Entitlements)), member: c.Member, options: o}
	if p.member == "" {
		p.member = "member"
	}
	if err := p.readConfig(c, o); err != nil {
		return nil, fmt.Errorf("program %s: %w", o.Program, err)
	}
	return p, nil
}

func (p *Program) readConfig(c Config, o Options) (err error) {
	if c.Directory == "" || o.Directory == nil {
		return errors.New("directory is missing; name the directory that the groups are in")
	}
	if p.dir, err = o.Directory(c.Directory); err != nil {
		return err
	}
	if len(c.Entitlements) == 0 {
		return errors.New("entitlements is missing; write a name and the DN of a group for each right")
	}
	if p.base, err = ldapconn.NormalizeDN(p.dir.Base); err != nil {
		return err
	}
	rightOf := map[string]string{}
	for _, right := range p.rights {
		dn, err := ldapconn.NormalizeDN(c.Entitlements[right])
		switch {
		case err != nil:
			return fmt.Errorf("entitlement %q: %w", right, err)
		case right == engine.Active || right == engine.Exists:
			return fmt.Errorf("entitlement %q is a reserved name; choose another one", right)
		case rightOf[dn] != "":
			return fmt.Errorf("entitlements %q and %q are the same group %s", rightOf[dn], right, dn)
		}
		rightOf[dn], p.groups[right] = right, c.Entitlements[right]
	}
	return nil
}

// Catalogue implements engine.Catalogued.
func (p *Program) Catalogue() []string { return p.rights }

// Describe names the groups: two programs may not manage the same ones.
func (p *Program) Describe(context.Context) (engine.Description, error) {
	dns := make([]string, 0, len(p.rights))
	for _, right := range p.rights {
		dn, err := ldapconn.NormalizeDN(p.groups[right])
		if err != nil {
			return engine.Description{}, err
		}
		dns = append(dns, dn)
	}
	slices.Sort(dns)
	return engine.Description{Identity: "ldap-group:" + p.dir.URL + "/" + strings.Join(dns, ";"), Keyed: true, Concurrency: maxIdle, Grantable: p.rights}, nil
}

// Close ends the connections that are kept. The program may be used afterwards.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
	return nil
}

// with runs do on a connection. A kept connection may have been closed by the server meanwhile: then do, which must not
// have changed anything when it returns an error, gets a new one.
func (p *Program) with(ctx context.Context, do func(*ldapconn.Conn) error) error {
	if c := p.take(); c != nil {
		if err := do(c); !isBroken(err) {
			p.keep(c)
			return err
		}
		c.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	c, err := p.dir.Client.Connect(ctx)
	if err != nil {
		return err
	}
	if err = do(c); isBroken(err) {
		c.Close()
		return err
	}
	p.keep(c)
	return err
}

func isBroken(err error) bool {
	var incomplete *ldapconn.Incomplete
	return errors.As(err, &incomplete)
}

func (p *Program) take() *ldapconn.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

func (p *Program) keep(c *ldapconn.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < maxIdle {
		p.idle = append(p.idle, c)
		return
	}
	c.Close()
}

// explain adds the place.
func (p *Program) explain(err error) error {
	return fmt.Errorf("program %s: %w", p.options.Program, err)
}
