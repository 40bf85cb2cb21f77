package ldapconn

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func people(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("uid=p%d,dc=x", i))
	}
	return out
}

func TestSearchReadsAllPages(t *testing.T) {
	for _, total := range []int{0, 1, 9, 10, 11, 35} {
		f := newFake(t, pages(total, 10))
		got, result, err := collect(t, newClient(t, testConfig(f.url)), Request{Base: "dc=x", PageSize: 10})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, people(0, total)) {
			t.Errorf("%d people: got %v", total, got)
		}
		wantPages := max(1, (total+9)/10)
		if result.Entries != total || result.Pages != wantPages || result.Server != f.url || result.Bytes == 0 {
			t.Errorf("%d people: %+v", total, result)
		}
	}
}

// twoPages answers the first request with a page and hands the second one to
// second.
func twoPages(second func(m message) reply) func(int, message) reply {
	return func(n int, m message) reply {
		if n == 0 {
			return reply{bytes: join(person(m.id, "uid=p0,dc=x"), done(m.id, "1"))}
		}
		return second(m)
	}
}

func code(op byte, n int) func(message) reply {
	return func(m message) reply {
		return reply{bytes: join(person(m.id, "uid=p1,dc=x"), packet(m.id, result(op, n)))}
	}
}

// TestEveryLieIsIncomplete: each of these made a library report success, or
// left its caller with entries in hand.
func TestEveryLieIsIncomplete(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(n int, m message) reply
		req    Request
		want   Code
	}{
		"no paging control on page 2": {twoPages(code(opSearchDone, 0)), Request{}, NoPagingControl},
		"no paging control at all":    {func(_ int, m message) reply { return code(opSearchDone, 0)(m) }, Request{}, NoPagingControl},
		"paging not supported":        {twoPages(code(opSearchDone, 12)), Request{}, NoPagingControl},
		"another control only": {twoPages(func(m message) reply {
			return reply{bytes: packet(m.id, result(opSearchDone, 0), Control{OID: "1.2.3"}.encode())}
		}), Request{}, NoPagingControl},
		"same cookie for ever": {func(_ int, m message) reply {
			return reply{bytes: join(person(m.id, "uid=p0,dc=x"), done(m.id, "same"))}
		}, Request{}, CookieRepeated},
		"cookies in a circle": {func(n int, m message) reply {
			return reply{bytes: done(m.id, string(rune('a'+n%3)))}
		}, Request{}, CookieRepeated},
		"empty pages for ever": {func(_ int, m message) reply {
			return reply{bytes: done(m.id, "same")}
		}, Request{}, CookieRepeated},
		"same page for ever, fresh cookies": {func(n int, m message) reply {
			return reply{bytes: join(person(m.id, "uid=p0,dc=x"), done(m.id, fmt.Sprint(n)))}
		}, Request{}, CookieRepeated},
		"a page twice, then the end": {func(n int, m message) reply {
			next := []string{"a", "b", ""}[n]
			return reply{bytes: join(person(m.id, fmt.Sprintf("uid=p%d,dc=x", min(n, 1))), done(m.id, next))}
		}, Request{}, CookieRepeated},
		"round and round between other page ends": {func(n int, m message) reply {
			at := func(i int) []byte { return person(m.id, fmt.Sprintf("uid=p%d,dc=x", (2*n+i)%5)) }
			return reply{bytes: join(at(0), at(1), done(m.id, fmt.Sprint(n)))}
		}, Request{Limits: Limits{Pages: 3}}, CookieRepeated},
		"search reference": {twoPages(func(m message) reply {
			return reply{bytes: join(person(m.id, "uid=p1,dc=x"), reference(m.id, "ldap://other/dc=y"), done(m.id, ""))}
		}), Request{}, Referral},
		"referral result": {twoPages(code(opSearchDone, 10)), Request{}, Referral},
		"referral field on success": {twoPages(func(m message) reply {
			ref := element(tagReferral, octets(tagOctetString, "ldap://other"))
			return reply{bytes: packet(m.id, result(opSearchDone, 0, ref), pagingControl(0, "").encode())}
		}), Request{}, Referral},
		"size limit":       {twoPages(code(opSearchDone, 4)), Request{}, SizeLimit},
		"time limit":       {twoPages(code(opSearchDone, 3)), Request{}, TimeLimit},
		"admin limit":      {twoPages(code(opSearchDone, 11)), Request{}, AdminLimit},
		"busy":             {twoPages(code(opSearchDone, 51)), Request{}, Busy},
		"base not there":   {func(_ int, m message) reply { return code(opSearchDone, 32)(m) }, Request{}, NoBase},
		"no rights":        {twoPages(code(opSearchDone, 50)), Request{}, Refused},
		"unknown result":   {twoPages(code(opSearchDone, 4096)), Request{}, Refused},
		"closed on page 2": {twoPages(func(m message) reply { return reply{bytes: person(m.id, "uid=p1,dc=x"), close: true} }), Request{}, Cut},
		"notice of disconnection": {twoPages(func(message) reply {
			return reply{bytes: packet(0, result(opExtResponse, 52, octets(tagExtRspName, oidDisconnection)))}
		}), Request{}, Cut},
		"wrong answer":      {twoPages(code(opModifyAnswer, 0)), Request{}, Malformed},
		"wrong message id":  {twoPages(func(m message) reply { return reply{bytes: done(m.id+7, "")} }), Request{}, Malformed},
		"not LDAP":          {twoPages(func(message) reply { return reply{bytes: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")} }), Request{}, Malformed},
		"indefinite length": {twoPages(func(message) reply { return reply{bytes: []byte{0x30, 0x80, 0, 0}} }), Request{}, Malformed},
		"empty cookie control value": {twoPages(func(m message) reply {
			return reply{bytes: packet(m.id, result(opSearchDone, 0), Control{OID: controlPaging}.encode())}
		}), Request{}, Malformed},
		"huge message": {twoPages(func(message) reply { return reply{bytes: []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}} }), Request{}, TooManyBytes},
		"many bytes":   {pages(1000, 10), Request{Limits: Limits{Bytes: 10_000}}, TooManyBytes},
		"many entries": {pages(1000, 10), Request{Limits: Limits{Entries: 999}}, TooManyEntries},
		"many pages":   {pages(1000, 10), Request{Limits: Limits{Pages: 99}}, TooManyPages},
		"range without an end": {func(n int, m message) reply {
			return reply{bytes: join(person(m.id, "cn=g,dc=x", "member;range=0-1", "a|b"), done(m.id, ""))}
		}, Request{}, RangeUnread},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tc.answer)
			req := tc.req
			req.Base, req.PageSize = "dc=x", 10
			_, result, err := collect(t, newClient(t, testConfig(f.url)), req)
			var e *Incomplete
			if !errors.As(err, &e) || len(e.Reasons) != 1 || e.Reasons[0].Code != tc.want {
				t.Fatalf("want %s, got %v", tc.want, err)
			}
			if result != (Result{}) {
				t.Errorf("a result beside the error: %+v", result)
			}
			if e.Reasons[0].Detail == "" || !strings.Contains(err.Error(), f.url) {
				t.Errorf("error without detail or server: %v", err)
			}
		})
	}
}

func TestLimitsAllowWhatTheyName(t *testing.T) {
	f := newFake(t, pages(1000, 10))
	req := Request{Base: "dc=x", PageSize: 10, Limits: Limits{Entries: 1000, Pages: 100}}
	if _, result, err := collect(t, newClient(t, testConfig(f.url)), req); err != nil || result.Entries != 1000 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestConstantCookie: 389 Directory Server and Samba do so, and are whole.
func TestConstantCookie(t *testing.T) {
	f := newFake(t, func(n int, m message) reply {
		next := "0"
		if n == 4 {
			next = ""
		}
		return reply{bytes: join(person(m.id, fmt.Sprintf("uid=p%d,dc=x", n)), done(m.id, next))}
	})
	got, _, err := collect(t, newClient(t, testConfig(f.url)), Request{Base: "dc=x"})
	if err != nil || !reflect.DeepEqual(got, people(0, 5)) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestCutAtEveryByte cuts the stream of three pages after each of its bytes.
func TestCutAtEveryByte(t *testing.T) {
	var answers [][]byte // message ids 2, 3, 4 after the bind
	total := 0
	for page, next := range []string{"1", "2", ""} {
		answer := join(person(page+2, fmt.Sprintf("uid=p%d,dc=x", page), "cn", "a|b"), done(page+2, next))
		answers = append(answers, answer)
		total += len(answer)
	}
	read := func(cut int) error {
		f := newFake(t, func(n int, _ message) reply {
			left := cut
			for _, before := range answers[:n] {
				left -= len(before)
			}
			return reply{bytes: answers[n][:min(left, len(answers[n]))], close: left <= len(answers[n])}
		})
		_, _, err := collect(t, newClient(t, testConfig(f.url)), Request{Base: "dc=x"})
		return err
	}
	for cut := range total {
		var e *Incomplete
		if err := read(cut); !errors.As(err, &e) || !e.Has(Cut) {
			t.Errorf("cut after %d of %d bytes: %v", cut, total, err)
		}
	}
	if err := read(total); err != nil {
		t.Errorf("uncut: %v", err)
	}
}

// TestRetryStartsFromPageOne: the sink of the failed attempt is thrown away.
func TestRetryStartsFromPageOne(t *testing.T) {
	serve := pages(30, 10)
	f := newFake(t, func(n int, m message) reply {
		if n == 2 {
			return reply{close: true} // page 3 of the first attempt
		}
		return serve(n, m)
	})
	cfg := testConfig(f.url)
	cfg.Retries = 1
	got, result, err := collect(t, newClient(t, cfg), Request{Base: "dc=x", PageSize: 10})
	if err != nil || !reflect.DeepEqual(got, people(0, 30)) || result.Entries != 30 || result.Pages != 3 {
		t.Errorf("%d entries, %+v, %v", len(got), result, err)
	}
	if f.requests() != 6 {
		t.Errorf("%d requests, want 3 + 3", f.requests())
	}
}

func TestRetriesAreCounted(t *testing.T) {
	for want, retries := range map[int]int{1: -1, 2: 1, 4: 3} {
		f := newFake(t, func(int, message) reply { return reply{close: true} })
		cfg := testConfig(f.url)
		cfg.Retries = retries
		_, _, err := collect(t, newClient(t, cfg), Request{Base: "dc=x"})
		if err == nil || f.requests() != want {
			t.Errorf("retries %d: %d requests, %v", retries, f.requests(), err)
		}
	}
}

func TestNoRetryOnLies(t *testing.T) {
	f := newFake(t, func(_ int, m message) reply { return code(opSearchDone, 4)(m) })
	cfg := testConfig(f.url)
	cfg.Retries = 5
	if _, _, err := collect(t, newClient(t, cfg), Request{Base: "dc=x"}); err == nil || f.requests() != 1 {
		t.Errorf("%d requests, %v", f.requests(), err)
	}
}

func TestSinkErrorComesBackUnchanged(t *testing.T) {
	f := newFake(t, pages(30, 10))
	full := errors.New("sink is full")
	_, err := newClient(t, testConfig(f.url)).Read(t.Context(), Request{Base: "dc=x"}, func() func(*Entry) error {
		return func(*Entry) error { return full }
	})
	if err != full {
		t.Errorf("got %v", err)
	}
}

func TestSilenceAndTimeLimitAndCancel(t *testing.T) {
	silent := func(int, message) reply { return reply{} }
	drip := func(n int, m message) reply { // always something, never an end
		return reply{bytes: join(person(m.id, fmt.Sprintf("uid=p%d,dc=x", n)), done(m.id, fmt.Sprint(n)))}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	for name, tc := range map[string]struct {
		answer  func(int, message) reply
		ctx     context.Context
		timeout time.Duration
		limit   time.Duration
		want    Code
	}{
		"silent":       {silent, t.Context(), 50 * time.Millisecond, 0, NoAnswer},
		"silent, time": {silent, t.Context(), time.Minute, 50 * time.Millisecond, TimeLimit},
		"drip":         {drip, t.Context(), time.Minute, 50 * time.Millisecond, TimeLimit},
		"cancelled":    {func(n int, m message) reply { cancel(); return reply{} }, cancelled, time.Minute, 0, Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tc.answer)
			cfg := testConfig(f.url)
			cfg.Timeout = tc.timeout
			conn, err := newClient(t, cfg).Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, err = conn.Search(tc.ctx, Request{Base: "dc=x", Limits: Limits{Time: tc.limit}}, func(*Entry) error { return nil })
			var e *Incomplete
			if !errors.As(err, &e) || !e.Has(tc.want) {
				t.Errorf("want %s, got %v", tc.want, err)
			}
			if tc.want == Cancelled && !errors.Is(err, context.Canceled) {
				t.Errorf("the context's error is lost: %v", err)
			}
		})
	}
}

func TestInvalidFilterSendsNothing(t *testing.T) {
	f := newFake(t, pages(1, 1))
	_, _, err := collect(t, newClient(t, testConfig(f.url)), Request{Filter: "(uid=*"})
	var e *Incomplete
	if err == nil || errors.As(err, &e) || f.requests() != 0 {
		t.Errorf("%v after %d requests", err, f.requests())
	}
}
