package ldapgroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// reasonGroup is the code for a group that could not be read.
const reasonGroup = "group-missing"

// Holdings reads who is who, then one group after the other, by name of the right. Members that are no person of the
// directory are listed as dn:…; a group that is missing makes the read incomplete, it is not an empty one.
func (p *Program) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	keys, err := p.people(ctx)
	if err != nil {
		return proof, p.explain(err)
	}
	r := &reading{Program: p, keys: keys, shown: map[string]bool{}}
	for _, right := range p.rights {
		group, err := r.group(ctx, right)
		if err != nil {
			return proof, p.explain(err)
		}
		if group == nil {
			proof.Add(reasonGroup, fmt.Sprintf("the group %s of %q is not there; correct its DN in the configuration, or make it", p.groups[right], right))
			continue
		}
		for _, dn := range group {
			h, err := r.holding(ctx, dn, right)
			if err != nil {
				return proof, p.explain(err)
			}
			if err := yield(h); err != nil {
				return proof, err
			}
			proof.Count++
		}
	}
	proof.Finished = p.options.Now()
	return proof, nil
}

// people maps the normalised DN of each person to the key.
func (p *Program) people(ctx context.Context) (map[string]string, error) {
	var keys map[string]string
	request := p.request(p.dir.Filter)
	_, err := p.dir.Client.Read(ctx, request, func() func(*ldapconn.Entry) error {
		keys = map[string]string{}
		return func(e *ldapconn.Entry) error {
			dn, err := ldapconn.NormalizeDN(e.DN)
			if err != nil {
				return err
			}
			if key := e.Get(p.dir.Key); key != "" {
				keys[strings.Clone(dn)] = p.keyText(key)
			}
			return nil
		}
	})
	return keys, err
}

// request searches below the base. Active Directory would answer with references to its other naming contexts, too.
func (p *Program) request(filter string) ldapconn.Request {
	r := ldapconn.Request{Base: p.dir.Base, Scope: ldapconn.Subtree, Filter: filter, Attributes: []string{p.dir.Key}}
	if p.isGUID() {
		r.Controls = []ldapconn.Control{{OID: ldapconn.ControlDomainScope}}
	}
	return r
}

// reading is one read of all groups.
type reading struct {
	*Program
	keys  map[string]string // normalised DN → key; "" for a DN that was looked up in vain
	shown map[string]bool   // accounts whose information was given
}

// group gives the normalised DNs of the members, nil if there is no such group.
func (r *reading) group(ctx context.Context, right string) (members []string, err error) {
	err = r.with(ctx, func(c *ldapconn.Conn) error {
		e, err := c.Get(ctx, r.groups[right], r.member, "objectClass")
		if hasCode(err, ldap.LDAPResultNoSuchObject) {
			members = nil
			return nil
		}
		if err != nil {
			return err
		}
		if !e.Has(r.member) && demandsMember(e) {
			return fmt.Errorf("group %s shows no %s, though its schema demands one; let Rolecall read it", e.DN, r.member)
		}
		members = []string{}
		for _, value := range e.Values(r.member) {
			dn, err := ldapconn.NormalizeDN(value)
			if err != nil {
				return fmt.Errorf("group %s: %w", e.DN, err)
			}
			members = append(members, strings.Clone(dn))
		}
		return nil
	})
	return members, err
}

// demandsMember: groups of these classes are never empty (RFC 4519 sections 3.5 and 3.6), so one that seems so is hidden.
func demandsMember(e *ldapconn.Entry) bool {
	return slices.ContainsFunc(e.Values("objectClass"), func(class string) bool {
		return strings.EqualFold(class, "groupOfNames") || strings.EqualFold(class, "groupOfUniqueNames")
	})
}

func (r *reading) holding(ctx context.Context, dn, right string) (engine.Holding, error) {
	key, ok := r.keys[dn]
	if !ok && ldapconn.IsBelow(dn, r.base) {
		// Somebody renamed since the people were read, or whom their filter leaves out.
		var err error
		if key, err = r.keyOf(ctx, dn); err != nil {
			return engine.Holding{}, err
		}
		r.keys[dn] = key
	}
	h := engine.Holding{Account: key, Entitlement: right}
	if key == "" {
		h.Account = strangerPrefix + dn
	}
	if !r.shown[h.Account] {
		r.shown[h.Account] = true
		h.Info = &engine.AccountInfo{Name: dn, Attributes: map[string]string{"dn": dn, "key": key}}
	}
	return h, nil
}

// keyOf reads one entry; "" if it is not there or has no key.
func (p *Program) keyOf(ctx context.Context, dn string) (key string, err error) {
	err = p.with(ctx, func(c *ldapconn.Conn) error {
		e, err := c.Get(ctx, dn, p.dir.Key)
		if hasCode(err, ldap.LDAPResultNoSuchObject) {
			return nil
		}
		if err == nil {
			key = p.keyText(e.Get(p.dir.Key))
		}
		return err
	})
	return key, err
}

// Account reads the rights of one account by asking each group for it.
func (p *Program) Account(ctx context.Context, account string) ([]engine.Holding, error) {
	var out []engine.Holding
	err := p.with(ctx, func(c *ldapconn.Conn) error {
		out = nil
		dn, err := p.find(ctx, c, account)
		if err != nil || dn == "" {
			return err
		}
		for _, right := range p.rights {
			is, err := p.isMember(ctx, c, right, dn)
			if err != nil {
				return err
			}
			if is {
				out = append(out, engine.Holding{Account: account, Entitlement: right})
			}
		}
		if len(out) > 0 {
			out[0].Info = &engine.AccountInfo{Name: dn, Attributes: map[string]string{"dn": dn, "key": account}}
		}
		return nil
	})
	if err != nil {
		return nil, p.explain(err)
	}
	return out, nil
}

// find gives the DN of an account as it is now, "" if there is none.
func (p *Program) find(ctx context.Context, c *ldapconn.Conn, account string) (string, error) {
	if dn, ok := strings.CutPrefix(account, strangerPrefix); ok {
		if normal, err := ldapconn.NormalizeDN(dn); err != nil || normal != dn {
			return "", nil // not a name that is listed
		}
		return dn, nil
	}
	filter, ok := p.keyFilter(account)
	if !ok {
		return "", nil
	}
	var found []string
	request := p.request(filter)
	_, err := c.Search(ctx, request, func(e *ldapconn.Entry) error {
		if p.keyText(e.Get(p.dir.Key)) == account {
			found = append(found, strings.Clone(e.DN))
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	if len(found) > 1 {
		return "", fmt.Errorf("the entries %s have the same key %s; correct the directory", strings.Join(found, " and "), account)
	}
	return found[0], nil
}

// isMember asks the group, so that a big one is not read whole. A group that is missing is an *ldapconn.Incomplete.
func (p *Program) isMember(ctx context.Context, c *ldapconn.Conn, right, dn string) (bool, error) {
	n := 0
	request := ldapconn.Request{Base: p.groups[right], Scope: ldapconn.Base, Attributes: []string{"1.1"},
		Filter: "(" + p.member + "=" + ldap.EscapeFilter(dn) + ")"}
	_, err := c.Search(ctx, request, func(*ldapconn.Entry) error { n++; return nil })
	return n > 0, err
}

func hasCode(err error, codes ...int) bool {
	var answer *ldapconn.LDAPError
	return errors.As(err, &answer) && slices.Contains(codes, answer.Code)
}
