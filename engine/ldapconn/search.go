package ldapconn

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Result describes a whole read: every page ended with result code 0 and the
// paging control, the last cookie was empty, nothing was left out.
type Result struct {
	Server  string // URL
	Pages   int
	Entries int
	Bytes   int64 // of the messages received
}

// Search reads all entries page by page and yields each as it comes; entries
// with ranged attributes (Active Directory) follow at the end of their page,
// complete. An entry belongs to the receiver. An error of yield ends the
// search and is returned unchanged; any other error is an *Incomplete, after
// which everything yielded must be discarded. An invalid filter is an ordinary
// error before anything is sent.
func (c *Conn) Search(ctx context.Context, req Request, yield func(*Entry) error) (Result, error) {
	req = req.withDefaults()
	op, err := req.encode()
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, req.Limits.Time)
	defer cancel()
	defer c.begin(ctx, req.Limits.Bytes)()
	c.largest = req.Limits.MessageBytes
	r := &reading{conn: c, req: req, op: op, yield: yield, cookies: map[string]bool{}, firsts: map[string]bool{}}
	if err := r.run(); err != nil {
		c.broken = true
		var own *sinkError
		if errors.As(err, &own) {
			return Result{}, own.err
		}
		return Result{}, incomplete(ctx, c.server, err)
	}
	r.result.Server, r.result.Bytes = c.server, c.bytes
	return r.result, nil
}

// sinkError carries an error of the caller's yield through.
type sinkError struct{ err error }

func (e *sinkError) Error() string { return e.err.Error() }

// reading is one search in progress.
type reading struct {
	conn   *Conn
	req    Request
	op     []byte // encoded request
	yield  func(*Entry) error
	result Result
	ranged []*Entry // of this page, still to be completed
	origin string   // DN of the very first entry
	first  string   // DN of this page's first entry
	// Of the pages so far:
	cookies map[string]bool
	firsts  map[string]bool // DNs
}

func (r *reading) run() error {
	for cookie := ""; ; {
		next, err := r.page(cookie)
		if err != nil {
			return err
		}
		if err := r.checkFresh(next); err != nil {
			return err
		}
		if err := r.finishPage(); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		cookie = next
	}
}

// page asks for one page and reads it up to its SearchResultDone.
func (r *reading) page(cookie string) (next string, err error) {
	if r.result.Pages++; r.result.Pages > r.req.Limits.Pages {
		return "", Reason{TooManyPages, fmt.Sprintf("more than %d pages", r.req.Limits.Pages)}
	}
	r.first = ""
	controls := append([]Control{pagingControl(r.req.PageSize, cookie)}, r.req.Controls...)
	id, err := r.conn.send(r.op, encodeControls(controls))
	if err != nil {
		return "", err
	}
	for {
		m, err := r.conn.receive(id)
		if err != nil {
			return "", r.where(err)
		}
		switch m.op {
		case opSearchEntry:
			err = r.entry(m.body)
		case opSearchRef:
			err = referral(m.body)
		case opSearchDone:
			return r.done(m)
		default:
			err = malformed(fmt.Sprintf("message 0x%02x within a search", m.op))
		}
		if err != nil {
			return "", err
		}
	}
}

// where adds the place to a reason from the connection.
func (r *reading) where(err error) error {
	var reason Reason
	if errors.As(err, &reason) {
		reason.Detail += fmt.Sprintf(" (page %d, after %d entries)", r.result.Pages, r.result.Entries)
		return reason
	}
	return err
}

func (r *reading) entry(body string) error {
	e, err := parseEntry(body)
	if err != nil {
		return err
	}
	if r.result.Entries++; r.result.Entries > r.req.Limits.Entries {
		return Reason{TooManyEntries, fmt.Sprintf("more than %d entries", r.req.Limits.Entries)}
	}
	if r.first == "" {
		r.first = e.DN
	}
	if r.result.Pages > 1 && e.DN == r.origin { // all the way round, perhaps between other page ends
		return r.circle("brings the very first entry again")
	}
	if r.origin == "" {
		r.origin = e.DN
	}
	if hasRange(e) {
		r.ranged = append(r.ranged, e)
		return nil
	}
	return r.emit(e)
}

func (r *reading) emit(e *Entry) error {
	if err := r.yield(e); err != nil {
		return &sinkError{err}
	}
	return nil
}

// done reads the end of a page. The result code comes first: an error answer
// need not have controls.
func (r *reading) done(m message) (next string, err error) {
	result, err := parseResult(m.body)
	if err != nil {
		return "", err
	}
	if err := result.err("search"); err != nil {
		return "", err
	}
	if len(result.referrals) > 0 {
		return "", referralReason(result.referrals)
	}
	next, found, err := pagingCookie(m.controls)
	if err != nil {
		return "", err
	}
	if !found {
		return "", Reason{NoPagingControl, fmt.Sprintf("the answer to page %d has no paging control, so nobody knows whether there is more; the server must support %s", r.result.Pages, controlPaging)}
	}
	return next, nil
}

// finishPage completes the entries with ranges; between two pages the
// connection is free for it.
func (r *reading) finishPage() error {
	for _, e := range r.ranged {
		if err := r.conn.unrange(e); err != nil {
			return err
		}
		if err := r.emit(e); err != nil {
			return err
		}
	}
	r.ranged = r.ranged[:0]
	return nil
}

// checkFresh refuses to walk in circles. A repeated cookie alone proves
// nothing: 389 Directory Server and Samba give all pages of a search the same
// one. So the page must bring something new: a first entry that no earlier
// page began with or, if it is empty, a new cookie.
func (r *reading) checkFresh(cookie string) error {
	if r.first == "" && r.cookies[cookie] {
		return r.circle("is empty and ends with a cookie that was there before")
	}
	if r.first != "" && r.firsts[r.first] {
		return r.circle("starts with the entry of an earlier page, " + r.first)
	}
	r.cookies[strings.Clone(cookie)] = true
	r.firsts[strings.Clone(r.first)] = true
	return nil
}

func (r *reading) circle(how string) error {
	return Reason{CookieRepeated, fmt.Sprintf("page %d %s: the server repeats itself", r.result.Pages, how)}
}

func referral(body string) error {
	urls, err := stringsOf(body)
	if err != nil {
		return err
	}
	return referralReason(urls)
}

func referralReason(urls []string) error {
	return Reason{Referral, fmt.Sprintf("a part of the tree is said to be at %s; referrals are not followed: narrow the base, or configure that server as a directory of its own", strings.Join(urls, " "))}
}
