package ldapgroup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// Grant adds one member.
func (p *Program) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Grant: true, Account: account, Entitlement: entitlement})
}

// Revoke deletes one member.
func (p *Program) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Account: account, Entitlement: entitlement})
}

func (p *Program) change(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	if _, ok := p.groups[c.Entitlement]; !ok {
		return engine.Refused, p.explain(fmt.Errorf("there is no right %q; write it into entitlements with the DN of its group", c.Entitlement))
	}
	var outcome engine.Outcome
	var failure error
	// Whatever ends the modify stays inside: it must not be sent again on a new connection.
	err := p.with(ctx, func(conn *ldapconn.Conn) error {
		dn, err := p.find(ctx, conn, c.Account)
		switch {
		case err != nil:
			return err
		case dn == "" && c.Grant, c.Grant && strings.HasPrefix(c.Account, strangerPrefix):
			outcome, failure = engine.Refused, fmt.Errorf("the directory has no person with the key %q", c.Account)
		case dn == "":
			outcome = engine.Already
		default:
			outcome, failure = p.modify(ctx, conn, c, dn)
			if isBroken(failure) {
				conn.Close() // the answer may still come; the next change must not take it for its own
			}
		}
		return nil
	})
	if err != nil {
		return engine.Failed, p.explain(err)
	}
	if failure != nil {
		return outcome, p.explain(failure)
	}
	return outcome, nil
}

// modify adds or deletes one value. Result codes of RFC 4511 appendix A: 20 (the value exists) and 16 (no such value) mean
// that it was so before. Active Directory says 68 and 53 instead, and 53 for much else, so there the group is asked.
func (p *Program) modify(ctx context.Context, conn *ldapconn.Conn, c engine.Call, dn string) (engine.Outcome, error) {
	op, already := ldapconn.DeleteValues, ldap.LDAPResultNoSuchAttribute
	if c.Grant {
		op, already = ldapconn.AddValues, ldap.LDAPResultAttributeOrValueExists
	}
	err := conn.Modify(ctx, p.groups[c.Entitlement], ldapconn.Change{Op: op, Name: p.member, Values: []string{dn}})
	switch {
	case err == nil:
		return p.readBack(ctx, conn, c, dn)
	case hasCode(err, already):
		return engine.Already, nil
	case hasCode(err, ldap.LDAPResultEntryAlreadyExists, ldap.LDAPResultUnwillingToPerform):
		if is, errAsk := p.isMember(ctx, conn, c.Entitlement, dn); errAsk == nil && is == c.Grant {
			return engine.Already, nil
		}
	}
	return p.outcomeOf(err, c)
}

// readBack believes a change when the group shows it: overlays and proxies are known to drop what they accepted.
func (p *Program) readBack(ctx context.Context, conn *ldapconn.Conn, c engine.Call, dn string) (engine.Outcome, error) {
	is, err := p.isMember(ctx, conn, c.Entitlement, dn)
	switch {
	case err != nil:
		return engine.Uncertain, fmt.Errorf("group %s: the change can't be read back: %w", p.groups[c.Entitlement], err)
	case is != c.Grant:
		return engine.Failed, fmt.Errorf("group %s: the server accepted the change of %s, and does not show it", p.groups[c.Entitlement], dn)
	}
	return engine.Done, nil
}

func (p *Program) outcomeOf(err error, c engine.Call) (engine.Outcome, error) {
	group := p.groups[c.Entitlement]
	var answer *ldapconn.LDAPError
	if !errors.As(err, &answer) {
		return engine.Uncertain, fmt.Errorf("group %s: %w", group, err)
	}
	hint := ""
	switch answer.Code {
	case ldap.LDAPResultObjectClassViolation:
		hint = "; its schema demands a member at all times, so add a placeholder that is nobody before the last one goes"
	case ldap.LDAPResultNoSuchObject:
		hint = "; the group is not there: correct its DN in the configuration, or make it"
	case ldap.LDAPResultInsufficientAccessRights:
		hint = "; allow the account that Rolecall signs in with to write " + p.member
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultAdminLimitExceeded, ldap.LDAPResultOther, ldap.LDAPResultOperationsError:
		return engine.Failed, fmt.Errorf("group %s: %w", group, err)
	}
	return engine.Refused, fmt.Errorf("group %s: %w%s", group, err, hint)
}
