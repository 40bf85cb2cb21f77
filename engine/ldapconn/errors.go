package ldapconn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// A Code names why a read is incomplete. Codes are stable: they stand in
// proofs and in the journal.
type Code string

// The codes. Only Unreachable, Cut, NoAnswer and Busy are worth another try.
const (
	Unreachable     Code = "unreachable"       // no connection
	TLSRefused      Code = "tls-refused"       // certificate or StartTLS not acceptable to us
	BindRefused     Code = "bind-refused"      // credentials refused by the server, or not sent by us
	Cut             Code = "cut"               // connection lost before the end of the read
	NoAnswer        Code = "no-answer"         // silent for longer than Config.Timeout
	Busy            Code = "busy"              // result codes 51, 52
	TimeLimit       Code = "time-limit"        // result code 3, or our own limit
	SizeLimit       Code = "size-limit"        // result code 4
	AdminLimit      Code = "admin-limit"       // result code 11
	Referral        Code = "referral"          // part of the tree is elsewhere; never followed
	NoPagingControl Code = "no-paging-control" // an answer without the control of RFC 2696
	CookieRepeated  Code = "cookie-repeated"   // the server walks in circles: a page that was there before
	RangeUnread     Code = "range-unread"      // values behind ";range=" could not be read to the end
	TooManyPages    Code = "too-many-pages"    // Limits.Pages
	TooManyEntries  Code = "too-many-entries"  // Limits.Entries
	TooManyBytes    Code = "too-many-bytes"    // Limits.Bytes or Limits.MessageBytes
	Malformed       Code = "malformed"         // not LDAP as RFC 4511 has it
	NoBase          Code = "no-base"           // result code 32: the search base is not there or hidden
	NotVisible      Code = "not-visible"       // a single read succeeded without an entry
	Refused         Code = "refused"           // any other result code
	Cancelled       Code = "cancelled"         // the caller's context
)

// A Reason is one named cause of an incomplete read.
type Reason struct {
	Code   Code
	Detail string // for people: what happened, where, and what to do
}

func (r Reason) Error() string { return string(r.Code) + ": " + r.Detail }

// Incomplete says that a read did not see everything. Whatever was yielded
// before it must be discarded: absence from it proves nothing.
type Incomplete struct {
	Server  string   // URL; empty when no server was reached
	Reasons []Reason // at least one
	cause   error
}

func (e *Incomplete) Error() string {
	parts := make([]string, len(e.Reasons))
	for i, r := range e.Reasons {
		parts[i] = r.Error()
	}
	text := "LDAP read incomplete, nothing of it may be used: " + strings.Join(parts, "; ")
	if e.Server != "" {
		return e.Server + ": " + text
	}
	return text
}

// Unwrap returns the server's *LDAPError or the context's error, if that was the cause.
func (e *Incomplete) Unwrap() error { return e.cause }

// Has reports whether code is among the reasons.
func (e *Incomplete) Has(code Code) bool {
	return slices.ContainsFunc(e.Reasons, func(r Reason) bool { return r.Code == code })
}

// incomplete turns an error from below into an *Incomplete.
func incomplete(ctx context.Context, server string, err error) *Incomplete {
	var done *Incomplete
	if errors.As(err, &done) {
		return done
	}
	e := &Incomplete{Server: server, cause: err}
	var reason Reason
	var refused *LDAPError
	switch {
	case errors.As(err, &reason):
		e.Reasons = []Reason{reason}
		e.cause = ctx.Err() // usually nil
	case errors.As(err, &refused):
		e.Reasons = []Reason{{codeOf(refused.Code), refused.Error() + adviceFor(refused.Code)}}
	default:
		e.Reasons = []Reason{{Cut, err.Error()}}
	}
	return e
}

// adviceFor says what to do about the results that somebody who sets Rolecall up meets.
func adviceFor(result int) string {
	switch result {
	case ldap.LDAPResultNoSuchObject:
		return "; there is nothing at that base, or the account that signs in may not see it"
	case ldap.LDAPResultInsufficientAccessRights:
		return "; the account that signs in lacks the right to read there"
	case ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultAdminLimitExceeded:
		return "; raise the server's limits for the account that signs in"
	}
	return ""
}

// retryable reports whether another try, perhaps elsewhere, may succeed.
func retryable(err error) bool {
	var e *Incomplete
	if !errors.As(err, &e) || e.Has(BindRefused) || e.Has(Cancelled) {
		return false // a wrong password again and again locks the account
	}
	return e.Has(Unreachable) || e.Has(Cut) || e.Has(NoAnswer) || e.Has(Busy)
}

// codeOf maps result codes of RFC 4511 appendix A.
func codeOf(result int) Code {
	switch result {
	case ldap.LDAPResultTimeLimitExceeded:
		return TimeLimit
	case ldap.LDAPResultSizeLimitExceeded:
		return SizeLimit
	case ldap.LDAPResultAdminLimitExceeded:
		return AdminLimit
	case ldap.LDAPResultReferral:
		return Referral
	case ldap.LDAPResultUnavailableCriticalExtension:
		return NoPagingControl
	case ldap.LDAPResultNoSuchObject:
		return NoBase
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return Busy
	}
	return Refused
}

// LDAPError is an answer of the server other than success.
type LDAPError struct {
	Op        string // bind, search, modify, StartTLS
	Code      int    // RFC 4511 appendix A
	MatchedDN string
	Message   string // the server's own words
}

func (e *LDAPError) Error() string {
	name, ok := ldap.LDAPResultCodeMap[uint16(e.Code)]
	if !ok {
		name = "unknown result"
	}
	text := fmt.Sprintf("%s: the server answers %d, %s", e.Op, e.Code, name)
	if e.Message != "" {
		text += fmt.Sprintf(" (%q)", e.Message)
	}
	return text
}
