package ldapconn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// requested returns the attributes that a search asks for.
func requested(m message) []string {
	s := scanner{m.body}
	for range 7 {
		s.next()
	}
	list, _ := s.expect(tagSequence)
	names, _ := stringsOf(list)
	return names
}

// rangedGroup is a group with n members of which a server gives some at a
// time, as Active Directory does. sizes yields how many.
func rangedGroup(n int, size func() int) (func(int, message) reply, []string) {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf("uid=p%d", i))
	}
	part := func(id, from int) []byte {
		to := min(n, from+size())
		name := fmt.Sprintf("member;range=%d-%d", from, to-1)
		if to == n {
			name = fmt.Sprintf("Member;Range=%d-*", from)
		}
		return person(id, "cn=g,dc=x", "cn", "g", "member", "", name, strings.Join(members[from:to], "|"))
	}
	return func(_ int, m message) reply {
		from := 0
		for _, name := range requested(m) {
			fmt.Sscanf(name, "member;range=%d-*", &from)
		}
		_, paged, _ := pagingCookie(m.controls)
		if !paged {
			return reply{bytes: join(part(m.id, from), packet(m.id, result(opSearchDone, 0)))}
		}
		return reply{bytes: join(part(m.id, from), person(m.id, "cn=h,dc=x", "cn", "h"), done(m.id, ""))}
	}, members
}

func TestRangesAreReadToTheEnd(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(200)
		answer, members := rangedGroup(n, func() int { return 1 + rng.IntN(60) })
		f := newFake(t, answer)
		groups := map[string]*Entry{}
		_, err := newClient(t, testConfig(f.url)).Read(t.Context(), Request{Base: "dc=x", Attributes: []string{"cn", "member"}}, func() func(*Entry) error {
			return func(e *Entry) error {
				groups[e.DN] = e
				return nil
			}
		})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		g := groups["cn=g,dc=x"]
		if !reflect.DeepEqual(g.Values("member"), members) || len(g.Attributes) != 2 || len(groups) != 2 {
			t.Fatalf("seed %d: %d of %d members, attributes %v", seed, len(g.Values("member")), n, g.Attributes)
		}
	}
}

func TestGetFollowsRanges(t *testing.T) {
	answer, members := rangedGroup(100, func() int { return 7 })
	conn, err := newClient(t, testConfig(newFake(t, answer).url)).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e, err := conn.Get(t.Context(), "cn=g,dc=x", "member")
	if err != nil || !reflect.DeepEqual(e.Values("member"), members) {
		t.Errorf("%v, %v", e, err)
	}
}

// TestBrokenRanges: what comes after range 0-1 does not fit.
func TestBrokenRanges(t *testing.T) {
	for name, next := range map[string]func(id int) []byte{
		"another":       func(id int) []byte { return person(id, "cn=h", "member;range=2-*", "c") },
		"gap":           func(id int) []byte { return person(id, "cn=g", "member;range=3-*", "d") },
		"overlap":       func(id int) []byte { return person(id, "cn=g", "member;range=1-*", "b|c") },
		"again":         func(id int) []byte { return person(id, "cn=g", "member;range=0-1", "a|b") },
		"short":         func(id int) []byte { return person(id, "cn=g", "member;range=2-5", "c|d") },
		"nothing":       func(id int) []byte { return person(id, "cn=g", "member", "") },
		"no entry":      func(int) []byte { return nil },
		"no number":     func(id int) []byte { return person(id, "cn=g", "member;range=2-x", "c") },
		"negative":      func(id int) []byte { return person(id, "cn=g", "member;range=-2-*", "c") },
		"wrong way":     func(id int) []byte { return person(id, "cn=g", "member;range=2-1", "c") },
		"empty, no end": func(id int) []byte { return person(id, "cn=g", "member;range=2-2", "") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(n int, m message) reply {
				if n == 0 {
					return reply{bytes: join(person(m.id, "cn=g", "member;range=0-1", "a|b"), done(m.id, ""))}
				}
				return reply{bytes: join(next(m.id), packet(m.id, result(opSearchDone, 0)))}
			})
			_, _, err := collect(t, newClient(t, testConfig(f.url)), Request{Base: "dc=x"})
			var e *Incomplete
			if !errors.As(err, &e) || !e.Has(RangeUnread) || f.requests() != 2 {
				t.Errorf("%v after %d requests", err, f.requests())
			}
		})
	}
}

func TestCutWithinARangeIsACut(t *testing.T) {
	f := newFake(t, func(n int, m message) reply {
		if n == 0 {
			return reply{bytes: join(person(m.id, "cn=g", "member;range=0-1", "a|b"), done(m.id, ""))}
		}
		return reply{close: true}
	})
	_, _, err := collect(t, newClient(t, testConfig(f.url)), Request{Base: "dc=x"})
	if !retryable(err) {
		t.Errorf("not worth a retry: %v", err)
	}
}

// Several entries of a page may have ranges; each is completed, and an error of whoever takes them ends the read there.
func TestAllRangedEntriesOfAPageCome(t *testing.T) {
	answer := func(_ int, m message) reply {
		if _, paged, _ := pagingCookie(m.controls); paged {
			return reply{bytes: join(person(m.id, "cn=g", "member;range=0-0", "a"), person(m.id, "cn=h", "member;range=0-0", "c"), person(m.id, "cn=i", "member", "e", "cn;lang-de", "i", "photo;binary;x-range", "i"), done(m.id, ""))}
		}
		s := scanner{m.body}
		base, _ := s.expect(tagOctetString)
		return reply{bytes: join(person(m.id, base, "member;range=1-*", "z"), packet(m.id, result(opSearchDone, 0)))}
	}
	var got []string
	read := func(stop string) error {
		got = nil
		_, err := newClient(t, testConfig(newFake(t, answer).url)).Read(t.Context(), Request{Base: "dc=x"}, func() func(*Entry) error {
			return func(e *Entry) error {
				if e.DN == stop {
					return errors.New("no more, please")
				}
				got = append(got, fmt.Sprint(e.DN, e.Values("member")))
				return nil
			}
		})
		return err
	}
	if err := read(""); err != nil || fmt.Sprint(got) != "[cn=i[e] cn=g[a z] cn=h[c z]]" {
		t.Errorf("%v, %v", got, err)
	}
	if err := read("cn=g"); err == nil || err.Error() != "no more, please" || fmt.Sprint(got) != "[cn=i[e]]" {
		t.Errorf("%v, %v", got, err)
	}
}
