package servers

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// pagingOID is the control of RFC 2696.
const pagingOID = "1.2.840.113556.1.4.319"

// Entry is what a Crooked server holds. Attributes are shown in this order.
type Entry struct {
	DN         string
	Attributes []EntryAttribute
}

// EntryAttribute is one of them; its name may carry options, such as member;range=0-1.
type EntryAttribute struct {
	Name   string
	Values []string
}

// Page is one answer of a Crooked server, before it is sent: whatever Bend changes in it is what the client gets.
type Page struct {
	Base       string // asked for
	Scope      int64  // asked for: 0 the base, 1 its children, 2 all below
	Attributes []string
	Filter     *ber.Packet
	Number     int // 1, 2, … of its search

	ID         int64 // of the messages
	Entries    []Entry
	References []string // search references
	Referrals  []string // within the result
	Code       int64
	Cookie     string // "" on the last page
	NoControl  bool   // the paging control is left out
	Raw        []byte // sent instead of all of the above
	Close      bool   // hang up afterwards
	Cut        int    // bytes of the answer that are still sent before hanging up; 0: all
	Drip       int    // bytes sent at a time; 0: all at once
}

// Crooked is a small LDAP server that answers as a sound one would, or as Bend makes it: for what real servers don't do
// on demand. It takes every bind, and of filters only one comparison for equality; a search gives the base and what is
// below it.
type Crooked struct {
	URL string

	mu      sync.Mutex
	entries []Entry
	bend    func(*Page)
	twist   func(*Change)
	pages   int
}

// NewCrooked starts a server that ends with the test.
func NewCrooked(t testing.TB, entries []Entry) *Crooked {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Crooked{URL: "ldap://" + l.Addr().String(), entries: entries}
	serve(t, l, s.serve)
	return s
}

// serve answers connections until the test ends.
func serve(t testing.TB, l net.Listener, each func(net.Conn)) {
	var all sync.WaitGroup
	var open sync.Map
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(conn, true)
			all.Go(func() {
				defer open.Delete(conn)
				defer conn.Close()
				each(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		all.Wait()
	})
}

// Bend sets what is done to each answer from now on; nil: nothing.
func (s *Crooked) Bend(bend func(*Page)) { s.mu.Lock(); s.bend = bend; s.mu.Unlock() }

// Hold sets what the server holds from now on.
func (s *Crooked) Hold(entries []Entry) { s.mu.Lock(); s.entries = entries; s.mu.Unlock() }

// Entries is what the server holds.
func (s *Crooked) Entries() []Entry { s.mu.Lock(); defer s.mu.Unlock(); return s.entries }

// Pages counts the answers so far.
func (s *Crooked) Pages() int { s.mu.Lock(); defer s.mu.Unlock(); return s.pages }

func (s *Crooked) serve(conn net.Conn) {
	number := 0
	for {
		m, err := ber.ReadPacket(conn)
		if err != nil || len(m.Children) < 2 {
			return
		}
		id, _ := m.Children[0].Value.(int64)
		op := m.Children[1]
		switch op.Tag {
		case 0: // bind
			_, _ = conn.Write(message(id, ldapResult(1, 0, nil)))
		case 3: // search
			p := s.page(id, op, m, &number)
			if !deliver(conn, p) {
				return
			}
		case 6: // modify
			c := s.change(op)
			if c.Drop {
				return
			}
			_, _ = conn.Write(message(id, ldapResult(7, c.Code, nil)))
		default:
			return
		}
	}
}

// page makes the answer to one request.
func (s *Crooked) page(id int64, op, m *ber.Packet, number *int) *Page {
	size, cookie, paged := pagingOf(m)
	if *number++; cookie == "" {
		*number = 1
	}
	p := &Page{ID: id, Base: text(op.Children[0]), Number: *number, NoControl: !paged}
	p.Scope, _ = op.Children[1].Value.(int64)
	p.Filter = op.Children[6]
	for _, a := range op.Children[7].Children {
		p.Attributes = append(p.Attributes, text(a))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages++
	found := s.search(p)
	from, _ := strconv.Atoi(strings.TrimPrefix(cookie, "at "))
	from = min(from, len(found))
	p.Entries = found[from:]
	if paged && from+size < len(found) {
		p.Entries, p.Cookie = found[from:from+size], fmt.Sprint("at ", from+size)
	}
	if s.bend != nil {
		s.bend(p)
	}
	return p
}

// search gives copies, so that Bend changes nothing but the answer.
func (s *Crooked) search(p *Page) (found []Entry) {
	for _, e := range s.entries {
		same, below := strings.EqualFold(e.DN, p.Base), strings.HasSuffix(strings.ToLower(e.DN), ","+strings.ToLower(p.Base))
		if !e.matches(p.Filter) {
			continue
		}
		if p.Scope == 0 && same || p.Scope == 2 && (same || below) || p.Scope == 1 && below && !strings.Contains(e.DN[:len(e.DN)-len(p.Base)-1], ",") {
			found = append(found, Entry{e.DN, slices.Clone(e.Attributes)})
		}
	}
	return found
}

func text(p *ber.Packet) string {
	s, _ := p.Value.(string)
	return s
}

func pagingOf(m *ber.Packet) (size int, cookie string, found bool) {
	if len(m.Children) < 3 {
		return 0, "", false
	}
	for _, c := range m.Children[2].Children {
		if len(c.Children) < 2 || text(c.Children[0]) != pagingOID {
			continue
		}
		value, err := ber.DecodePacketErr(c.Children[len(c.Children)-1].Data.Bytes())
		if err != nil || len(value.Children) != 2 {
			return 0, "", false
		}
		n, _ := value.Children[0].Value.(int64)
		return int(n), text(value.Children[1]), true
	}
	return 0, "", false
}

// deliver says whether the connection goes on.
func deliver(conn net.Conn, p *Page) bool {
	data := p.bytes()
	if p.Cut > 0 {
		data = data[:min(p.Cut, len(data))]
	}
	step := max(1, len(data))
	if p.Drip > 0 {
		step = p.Drip
	}
	for part := range slices.Chunk(data, step) {
		if _, err := conn.Write(part); err != nil {
			return false
		}
	}
	return p.Cut == 0 && !p.Close
}

func (p *Page) bytes() []byte {
	if p.Raw != nil {
		return p.Raw
	}
	var out []byte
	for _, e := range p.Entries {
		out = append(out, message(p.ID, e.packet())...)
	}
	for _, r := range p.References {
		op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 19, nil, "")
		op.AppendChild(octets(r))
		out = append(out, message(p.ID, op)...)
	}
	done := ldapResult(5, p.Code, p.Referrals)
	if p.NoControl {
		return append(out, message(p.ID, done)...)
	}
	value := ber.NewSequence("")
	value.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 0, ""))
	value.AppendChild(octets(p.Cookie))
	control := ber.NewSequence("")
	control.AppendChild(octets(pagingOID))
	control.AppendChild(octets(string(value.Bytes())))
	controls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
	controls.AppendChild(control)
	return append(out, message(p.ID, done, controls)...)
}

func (e *Entry) packet() *ber.Packet {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 4, nil, "")
	op.AppendChild(octets(e.DN))
	list := ber.NewSequence("")
	for _, a := range e.Attributes {
		one, values := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		one.AppendChild(octets(a.Name))
		for _, v := range a.Values {
			values.AppendChild(octets(v))
		}
		one.AppendChild(values)
		list.AppendChild(one)
	}
	op.AppendChild(list)
	return op
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func ldapResult(tag ber.Tag, code int64, referrals []string) *ber.Packet {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	op.AppendChild(octets(""))
	op.AppendChild(octets(""))
	if len(referrals) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		for _, r := range referrals {
			list.AppendChild(octets(r))
		}
		op.AppendChild(list)
	}
	return op
}

func message(id int64, parts ...*ber.Packet) []byte {
	m := ber.NewSequence("")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	for _, p := range parts {
		m.AppendChild(p)
	}
	return m.Bytes()
}
