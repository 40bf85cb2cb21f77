package ldapconn

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// said is a connection on which a server says given bytes, whatever it is asked, and hangs up.
type said struct {
	net.Conn
	in *bytes.Reader
}

func (s *said) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *said) Write(p []byte) (int, error)      { return len(p), nil }
func (s *said) Close() error                     { return nil }
func (s *said) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 389} }
func (s *said) SetDeadline(time.Time) error      { return nil }
func (s *said) SetReadDeadline(time.Time) error  { return nil }
func (s *said) SetWriteDeadline(time.Time) error { return nil }

// FuzzRead: whatever a server says to a whole read (pages, ranges, references), it ends without a panic, and what is taken
// for whole ended with a good result and the paging control, with an entry for each one that was sent.
func FuzzRead(f *testing.F) {
	whole := bytes.Join([][]byte{person(2, "uid=a,dc=x", "uid", "a"), done(2, "more"), person(3, "uid=b,dc=x", "uid", "b"), done(3, "")}, nil)
	for _, seed := range [][]byte{
		whole, done(2, ""), bytes.Join([][]byte{person(2, "uid=a,dc=x", "uid", "a"), reference(2, "ldap://other"), done(2, "")}, nil),
		bytes.Join([][]byte{person(2, "cn=g,dc=x", "member;range=0-1", "a|b"), done(2, ""), person(3, "cn=g,dc=x", "member;range=2-*", "c"), done(3, "")}, nil),
		packet(2, result(opSearchDone, 4)), packet(2, result(opSearchDone, 10, element(tagReferral, octets(tagOctetString, "ldap://x")))),
		packet(2, result(opSearchDone, 0)), bytes.Join([][]byte{done(2, "x"), done(3, "x"), done(4, "x")}, nil), []byte("HTTP/1.1 200 OK\r\n\r\n<html>"),
	} {
		f.Add(seed)
		for cut := 1; cut < len(seed); cut += 7 {
			f.Add(seed[:cut])
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		hello := packet(1, result(opBindResponse, 0))
		client, err := New(Config{URLs: []string{"ldap://127.0.0.1"}, Retries: -1, Timeout: time.Minute,
			Bind: Bind{Method: Simple, DN: "cn=r", Password: func() (string, error) { return "p", nil }},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				return &said{in: bytes.NewReader(append(hello, raw...))}, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		req := Request{Base: "dc=x", Scope: Subtree, Filter: "(uid=*)", Attributes: []string{"uid"}, PageSize: 2, Limits: Limits{Bytes: 1 << 20}}
		got, err := client.Read(t.Context(), req, func() func(*Entry) error {
			return func(e *Entry) error {
				n++
				for _, a := range e.Attributes {
					if isRanged(a.Name) {
						t.Fatalf("a part of %s is taken for the whole", a.Name)
					}
				}
				return nil
			}
		})
		var incomplete *Incomplete
		if err != nil && (!errors.As(err, &incomplete) || len(incomplete.Reasons) == 0) {
			t.Fatalf("an error without a reason: %v", err)
		}
		if err == nil && (!bytes.Contains(raw, []byte(controlPaging)) || got.Entries != n) {
			t.Fatalf("taken for whole: %d entries, %+v", n, got)
		}
	})
}

// FuzzGUID: text and octets of a GUID are each other's inverse, and there is one spelling only.
func FuzzGUID(f *testing.F) {
	for _, s := range []string{"6f21a344-2a0b-4cde-9f01-020304050607", "\x44\xa3\x21\x6f\x0b\x2a\xde\x4c\x9f\x01\x02\x03\x04\x05\x06\x07", "", "6F21A344-2A0B-4CDE-9F01-020304050607",
		"6f21a3442a0b4cde9f01020304050607", "*)(uid=*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if octets, ok := GUIDOctets(s); ok && (GUIDText(octets) != s || len(octets) != 16) {
			t.Fatalf("%q is %q, which is %q", s, octets, GUIDText(octets))
		}
		if text := GUIDText(s); text != "" {
			if back, ok := GUIDOctets(text); !ok || back != s {
				t.Fatalf("%q is %s, which is %q", s, text, back)
			}
		}
	})
}
