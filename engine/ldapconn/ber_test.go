package ldapconn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestScannerIsStrict(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing":            "",
		"tag only":           "\x04",
		"indefinite":         "\x30\x80\x00\x00",
		"high tag number":    "\x1f\x22\x00",
		"runs over":          "\x04\x05abc",
		"length cut":         "\x04\x82\x01",
		"five length octets": "\x04\x85\x00\x00\x00\x00\x01a",
		"4 GiB":              "\x04\x84\xff\xff\xff\xffa",
	} {
		s := scanner{raw}
		if _, _, err := s.next(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s := scanner{"\x04\x84\x00\x00\x00\x02abX"}
	if _, body, err := s.next(); err != nil || body != "ab" || s.rest != "X" {
		t.Errorf("long form as Active Directory writes it: %q, %v", body, err)
	}
}

func TestNumbers(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 32767, 32768, 1 << 24, maxInt} {
		s := scanner{string(integer(tagInteger, n))}
		if got, err := s.number(tagInteger); err != nil || got != n || !s.done() {
			t.Errorf("%d became %d, %v", n, got, err)
		}
	}
	for name, raw := range map[string]string{"empty": "\x02\x00", "negative": "\x02\x01\xff", "too big": "\x02\x05\x00\x80\x00\x00\x00", "nine octets": "\x02\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01", "wrong tag": "\x0a\x01\x01"} {
		s := scanner{raw}
		if n, err := s.number(tagInteger); err == nil {
			t.Errorf("%s: accepted as %d", name, n)
		}
	}
}

func TestElementLengths(t *testing.T) {
	for _, n := range []int{0, 127, 128, 65535, 65536, 1 << 20} {
		s := scanner{string(octets(tagOctetString, strings.Repeat("x", n)))}
		if body, err := s.expect(tagOctetString); err != nil || len(body) != n || !s.done() {
			t.Errorf("%d octets became %d, %v", n, len(body), err)
		}
	}
}

func TestFrameInSmallReads(t *testing.T) {
	big := person(7, "uid=big", "jpegPhoto", strings.Repeat("\x00\xff", 300_000))
	for _, size := range []int{1, 2, 1000, 1 << 20} {
		c := &Conn{r: bufio.NewReaderSize(chunked{bytes.NewReader(big), size}, readBuffer), limit: 1 << 30, largest: 1 << 30}
		text, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseMessage(text)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := parseEntry(m.body); err != nil || len(e.Get("JPEGPHOTO")) != 600_000 {
			t.Errorf("reads of %d: %v", size, err)
		}
	}
}

func TestValuesAreOctets(t *testing.T) {
	m, _ := parseMessage(string(person(1, "uid=a", "objectGUID", "\x00\xff\x80|\n"))[2:])
	e, err := parseEntry(m.body)
	if err != nil || len(e.Values("objectguid")) != 2 || e.Get("objectGUID") != "\x00\xff\x80" {
		t.Errorf("%+v, %v", e, err)
	}
	if e.Values("mail") != nil || e.Has("mail") || !e.Has("OBJECTGUID") || e.Get("mail") != "" {
		t.Errorf("an attribute out of nowhere: %+v", e)
	}
}

// What stands behind the last element of anything is not passed over: it may be what was to be read.
func TestNothingFollowsTheLastElement(t *testing.T) {
	whole := string(person(1, "uid=a", "uid", "a"))[2:]
	if _, err := parseMessage(whole + "\x04\x00"); err == nil {
		t.Error("a message")
	}
	m, _ := parseMessage(whole)
	if _, err := parseEntry(m.body + "\x04\x00"); err == nil {
		t.Error("an entry")
	}
	if _, err := parseEntry(m.body); err != nil {
		t.Error(err)
	}
}

// An end without a reason of its own is a cut line, and what is known to be incomplete keeps its reasons.
func TestWhyAReadIsIncomplete(t *testing.T) {
	first := incomplete(t.Context(), "ldap://a", errors.New("connection reset"))
	if !first.Has(Cut) || first.Reasons[0].Detail != "connection reset" || first.Server != "ldap://a" {
		t.Errorf("%+v", first)
	}
	if again := incomplete(t.Context(), "ldap://b", fmt.Errorf("reading: %w", first)); again != first {
		t.Errorf("%+v", again)
	}
}

// FuzzMessage: whatever a server sends, decoding ends without a panic and what
// it returns is part of the input.
func FuzzMessage(f *testing.F) {
	for _, seed := range [][]byte{
		person(1, "uid=a,dc=x", "uid", "a", "member;range=0-1", "b|c"), done(2, "cookie"), reference(3, "ldap://other"),
		packet(4, result(opSearchDone, 4)), packet(5, result(opBindResponse, 14, octets(tagSASLCreds, "token"))),
		packet(0, result(opExtResponse, 52, octets(tagExtRspName, oidDisconnection))),
		packet(6, result(opSearchDone, 10, element(tagReferral, octets(tagOctetString, "ldap://x")))),
		{0x30, 0x80}, {0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, {0x30, 0x03, 0x02, 0x01, 0x01},
	} {
		f.Add(seed)
		for cut := range seed {
			f.Add(seed[:cut])
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := &Conn{r: bufio.NewReader(bytes.NewReader(raw)), limit: 1 << 20, largest: 1 << 20}
		text, err := c.frame()
		if err != nil {
			return
		}
		m, err := parseMessage(text)
		if err != nil {
			return
		}
		_, _ = parseResult(m.body)
		_, _ = stringsOf(m.body)
		_, _, _ = pagingCookie(m.controls)
		if e, err := parseEntry(m.body); err == nil {
			for _, a := range e.Attributes {
				_, _, _, _, _ = splitRange(a.Name)
				for _, v := range a.Values {
					if !strings.Contains(text, v) {
						t.Fatalf("value %q is not of the input", v)
					}
				}
			}
		}
	})
}
