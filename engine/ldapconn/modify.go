package ldapconn

import (
	"context"
	"errors"
)

// ChangeOp is what a change does to the values of an attribute (RFC 4511
// section 4.6).
type ChangeOp int

// The operations. Replace is left out on purpose: it would overwrite values
// that somebody else added meanwhile.
const (
	AddValues    ChangeOp = 0
	DeleteValues ChangeOp = 1
)

// Change adds or deletes values of one attribute.
type Change struct {
	Op     ChangeOp
	Name   string
	Values []string // at least one: deleting none would delete all
}

// Modify applies the changes to one entry, all or none. An *LDAPError is the
// server's refusal; after an *Incomplete nobody knows whether it happened, and
// the entry has to be read again.
func (c *Conn) Modify(ctx context.Context, dn string, changes ...Change) error {
	var list [][]byte
	for _, change := range changes {
		if len(change.Values) == 0 {
			return errors.New("ldap: a change of " + change.Name + " names no values")
		}
		var values [][]byte
		for _, v := range change.Values {
			values = append(values, octets(tagOctetString, v))
		}
		list = append(list, element(tagSequence,
			integer(tagEnumerated, int(change.Op)),
			element(tagSequence, octets(tagOctetString, change.Name), element(tagSet, values...))))
	}
	defer c.begin(ctx, smallAnswer)()
	op := element(opModifyRequest, octets(tagOctetString, dn), element(tagSequence, list...))
	result, err := c.exchange("modify", op, opModifyAnswer)
	if err != nil {
		c.broken = true
		return incomplete(ctx, c.server, err)
	}
	return result.err("modify")
}
