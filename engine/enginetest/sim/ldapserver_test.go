package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// silence is how long the client waits for an answer.
const silence = 30 * time.Second

// refusedFor is how long the client does not send a password again that was refused.
const refusedFor = 5 * time.Minute

// server plays the two directory servers of the company, which show the same unless one lags, on connections in memory: a request is answered
// while it is written. Nothing runs beside the history, and no clock but the model's is looked at.
type server struct {
	l     *ldapSide
	page  int
	holds [2]*contents // dc1 and dc2
	bends []*bend
	dials int // in this read
	asked int // requests, in this read
}

// contents is what one of the servers holds.
type contents struct {
	people []entry // in the order in which they are shown
	groups []entry
	mark   int64
}

type entry struct {
	dn         string
	attributes []attribute
}

type attribute struct {
	name   string
	values []string
}

// bend is what goes wrong in one place of a read.
type bend struct {
	where string // dial, bind, mark, people or groups
	how   string
	at    int // after so many entries
	times int // so often
}

// bent gives what goes wrong here now, if anything does.
func (s *server) bent(where string, from, to int) *bend {
	for _, b := range s.bends {
		if b.where == where && b.times > 0 && from <= b.at && b.at <= to {
			b.times--
			return b
		}
	}
	return nil
}

func (s *server) dial(_ context.Context, _, address string) (net.Conn, error) {
	if s.dials++; s.bent("dial", 0, s.dials) != nil {
		return nil, errors.New("no route to host")
	}
	return &ldapWire{server: s, contents: s.holds[int(address[2]-'1')]}, nil
}

// ldapWire is a connection. A read that finds nothing prepared would wait for ever.
type ldapWire struct {
	*contents
	server *server
	out    []byte
	end    error // after that
}

func (w *ldapWire) Write(p []byte) (int, error) {
	out, end := w.answer(p)
	w.out, w.end = append(w.out, out...), end
	return len(p), nil
}

func (w *ldapWire) Read(p []byte) (int, error) {
	if n := copy(p, w.out); n > 0 {
		w.out = w.out[n:]
		return n, nil
	}
	if w.end != nil {
		return 0, w.end
	}
	w.server.l.m.now = w.server.l.m.now.Add(silence)
	return 0, os.ErrDeadlineExceeded
}

func (w *ldapWire) Close() error                     { return nil }
func (w *ldapWire) LocalAddr() net.Addr              { return w.RemoteAddr() }
func (w *ldapWire) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 389} }
func (w *ldapWire) SetDeadline(time.Time) error      { return nil }
func (w *ldapWire) SetReadDeadline(time.Time) error  { return nil }
func (w *ldapWire) SetWriteDeadline(time.Time) error { return nil }

func (w *ldapWire) answer(message []byte) ([]byte, error) {
	s, r := w.server, parseRequest(message)
	if s.asked++; s.asked > mostRequests {
		s.l.m.fail(I12, "the read of the directory does not end")
		return nil, io.EOF
	}
	switch {
	case r.op == opBind:
		return s.bind(r), nil
	case r.op != opSearch:
		return nil, io.EOF
	case strings.HasSuffix(r.base, corpReal):
		return s.search("people", w.people, r)
	case r.base == corpRoles:
		return s.search("groups", w.groups, r)
	case strings.HasSuffix(r.base, ","+corpRoles):
		s.l.m.count.fault("LDAP: members in parts")
		return rest(w.groups, r), nil
	}
	return s.tell(r, w.mark)
}

func (s *server) bind(r request) []byte {
	l, code := s.l, 0
	if b := s.bent("bind", 0, 0); b != nil {
		code = codes[b.how]
	}
	if l.refusesStill() {
		l.m.fail(I13, "a password that was refused is sent again")
	}
	if code == codes["wrong password"] {
		now := l.m.cur.engine.Now()
		l.refused[l.m.cur.name] = now.Add(refusedFor)
	}
	return envelope(r.id, result(opBindAnswer, code))
}

// codes are results of RFC 4511 appendix A.
var codes = map[string]int{"time limit": 3, "size limit": 4, "too much asked": 11, "base hidden": 32, "wrong password": 49, "no rights": 50, "busy": 51}

// search shows one page.
func (s *server) search(where string, all []entry, r request) ([]byte, error) {
	from := 0
	_, _ = fmt.Sscanf(r.cookie, "at %d", &from)
	to := min(from+r.size, len(all))
	b := s.bent(where, from, to)
	if b != nil {
		to = b.at
	}
	var out []byte
	for _, e := range all[from:to] {
		out = append(out, s.show(r, e)...)
	}
	if b != nil {
		last, end := s.breaks(r, b)
		return append(out, last...), end
	}
	cookie := ""
	if to < len(all) {
		cookie = fmt.Sprint("at ", to)
	}
	return append(out, done(r.id, 0, cookie)...), nil
}

// breaks ends an answer in another way than by the end of its page.
func (s *server) breaks(r request, b *bend) ([]byte, error) {
	switch b.how {
	case "cut":
		whole := s.show(r, entry{dnOf(theCanary), []attribute{{"displayName", []string{"half of an entry"}}}})
		return whole[:len(whole)-7], io.EOF
	case "closes":
		return disconnection(), io.EOF
	case "silence":
		return nil, nil
	case "garbage":
		return []byte("HTTP/1.1 400 Bad Request\r\n"), nil
	case "no paging control":
		return envelope(r.id, result(opSearchDone, 0)), nil
	case "a cookie comes again":
		return done(r.id, 0, cmp.Or(r.cookie, "at 0")), nil // this page once more
	case "referral":
		return append(envelope(r.id, ber(opReference, octets("ldap://dc9/"+corp))), done(r.id, 0, "")...), nil
	case "panics":
		panic("the directory's library panics")
	}
	return envelope(r.id, result(opSearchDone, codes[b.how])), nil
}

// mostRequests is more than any read of these few people needs.
const mostRequests = 500

// parts is how many values an Active Directory shows at a time; it is 1,500 in real ones.
const parts = 3

// show gives an entry with what was asked of it.
func (s *server) show(r request, e entry) []byte {
	var list [][]byte
	for _, a := range e.attributes {
		switch {
		case !r.wants(a.name) || len(a.values) == 0:
		case s.l.ad && a.name == "member" && len(a.values) > parts:
			list = append(list, values(a.name, nil), ranged(a, 0))
		default:
			list = append(list, values(a.name, a.values))
		}
	}
	return envelope(r.id, ber(opEntry, octets(e.dn), ber(tagSequence, list...)))
}

// rest gives further values of a group's members.
func rest(groups []entry, r request) []byte {
	from, i := 0, slices.IndexFunc(groups, func(e entry) bool { return e.dn == r.base })
	_, _ = fmt.Sscanf(r.attributes[0], "member;range=%d-*", &from)
	g := groups[i]
	j := slices.IndexFunc(g.attributes, func(a attribute) bool { return a.name == "member" })
	return append(envelope(r.id, ber(opEntry, octets(g.dn), ber(tagSequence, ranged(g.attributes[j], from)))), envelope(r.id, result(opSearchDone, 0))...)
}

func ranged(a attribute, from int) []byte {
	to, last := min(from+parts, len(a.values)), "*"
	if to < len(a.values) {
		last = fmt.Sprint(to - 1)
	}
	return values(fmt.Sprintf("%s;range=%d-%s", a.name, from, last), a.values[from:to])
}

// tell says what the server is, and how recent.
func (s *server) tell(r request, mark int64) ([]byte, error) {
	if b := s.bent("mark", 0, 0); b != nil {
		return s.breaks(r, b)
	}
	of := map[string][]attribute{
		"":                {{"namingContexts", []string{corp}}, {"highestCommittedUSN", []string{fmt.Sprint(mark)}}, {"dsServiceName", []string{"cn=NTDS," + corp}}},
		"cn=NTDS," + corp: {{"invocationId", []string{"dc1"}}},
		corp:              {{"contextCSN", []string{fmt.Sprintf("%s%06d%s", csnBegins, mark, csnEnds)}}},
	}
	return append(s.show(r, entry{r.base, of[r.base]}), envelope(r.id, result(opSearchDone, 0))...), nil
}
