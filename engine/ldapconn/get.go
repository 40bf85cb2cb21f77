package ldapconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// Get reads one entry with all values. Absence comes in two kinds: the server
// says that there is none (an *LDAPError with code 32), or it answers success
// without an entry, which may be for want of rights (an *Incomplete with
// NotVisible).
func (c *Conn) Get(ctx context.Context, dn string, attributes ...string) (*Entry, error) {
	defer c.begin(ctx, defaultEntryBytes)()
	e, err := c.base(dn, attributes)
	if err == nil {
		err = c.unrange(e)
	}
	var refused *LDAPError
	if errors.As(err, &refused) && refused.Code == ldap.LDAPResultNoSuchObject {
		return nil, refused
	}
	if err != nil {
		return nil, incomplete(ctx, c.server, err)
	}
	return e, nil
}

// defaultEntryBytes bounds all messages of a single read.
const defaultEntryBytes = 1 << 30

// base reads one entry as the server gives it.
func (c *Conn) base(dn string, attributes []string) (*Entry, error) {
	op, err := Request{Base: dn, Scope: Base, Filter: "(objectClass=*)", Attributes: attributes}.encode()
	if err != nil {
		return nil, err
	}
	id, err := c.send(op, nil)
	if err != nil {
		return nil, err
	}
	var found *Entry
	for {
		m, err := c.receive(id)
		if err != nil {
			return nil, err
		}
		switch m.op {
		case opSearchEntry:
			if found != nil {
				return nil, malformed("two entries for one base")
			}
			if found, err = parseEntry(m.body); err != nil {
				return nil, err
			}
		case opSearchRef:
			return nil, referral(m.body)
		case opSearchDone:
			return found, finishBase(m, dn, found)
		default:
			return nil, malformed(fmt.Sprintf("message 0x%02x within a search", m.op))
		}
	}
}

func finishBase(m message, dn string, found *Entry) error {
	result, err := parseResult(m.body)
	if err != nil {
		return err
	}
	if err := result.err("search"); err != nil {
		return err
	}
	if found == nil {
		return Reason{NotVisible, fmt.Sprintf("the server shows no entry %q, though it does not deny that there is one; check the reader's rights", dn)}
	}
	return nil
}
