package directory

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The LDIF reader is our own. go-ldap/ldif follows file: URLs to any file of the machine, refuses empty values, has no
// caps and no line of an entry's start, and drops the comments in which a file can say that it is whole. Tests compare
// the two on everything that both read.

// ldifReader reads the content records of RFC 2849, one by one.
type ldifReader struct {
	in      *bufio.Reader
	file    string
	want    func(attribute string) bool    // lower case; others are skipped, whatever their size
	comment func(text string)              // a whole comment line, without "#" and outer spaces
	broken  func(line int, problem string) // a record that can't be read; reading goes on behind it
	begin   func()                         // a record, readable or not
	line    int                            // physical lines so far
	at      int                            // where the last logical line began
	held    []byte                         // one line of look-ahead
	has     bool
	cut     bool // held is longer than what was kept of it
	blank   bool // the last line was blank
}

// maxLine is what is kept of one line: base64 of a value that is still allowed, and its name.
const maxLine = maxValue*4/3 + 4096

// peek gives the next physical line without its end.
func (r *ldifReader) peek() (line []byte, ok bool, err error) {
	if r.has {
		return r.held, true, nil
	}
	r.held, r.cut = r.held[:0], false
	for {
		part, err := r.in.ReadSlice('\n')
		if room := maxLine - len(r.held); len(part) > room+2 {
			r.held, r.cut = append(r.held, part[:room]...), true
		} else {
			r.held = append(r.held, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(r.held) == 0:
			return nil, false, nil
		case err != nil && err != io.EOF:
			return nil, false, err
		}
		break
	}
	r.line++
	if r.line == 1 {
		r.held = bytes.TrimPrefix(r.held, []byte("\xef\xbb\xbf"))
	}
	r.held = bytes.TrimSuffix(bytes.TrimSuffix(r.held, []byte("\n")), []byte("\r"))
	r.has = true
	return r.held, true, nil
}

// logical gives the next line with its continuations, as RFC 2849 note 2 unfolds them, up to maxLine.
func (r *ldifReader) logical(buf []byte) (line []byte, cut, ok bool, err error) {
	first, ok, err := r.peek()
	if !ok || err != nil {
		return nil, false, false, err
	}
	line, cut, r.has, r.at = append(buf[:0], first...), r.cut, false, r.line
	for len(line) > 0 {
		next, ok, err := r.peek()
		if err != nil {
			return nil, false, false, err
		}
		if !ok || len(next) == 0 || next[0] != ' ' {
			break
		}
		r.has = false
		if len(line)+len(next) > maxLine {
			cut = true
		} else {
			line = append(line, next[1:]...)
			cut = cut || r.cut
		}
	}
	return line, cut, true, nil
}

// each reads to the end. yield's error ends it; a record that can't be read does not.
func (r *ldifReader) each(yield func(*entry) error) error {
	var e *entry
	var start int
	var bad string
	var buf []byte
	flush := func() error {
		defer func() { e, bad, start = nil, "", 0 }()
		switch {
		case bad != "":
			r.broken(start, bad)
		case e != nil:
			return yield(e)
		}
		return nil
	}
	for {
		line, cut, ok, err := r.logical(buf)
		if err != nil {
			return err
		}
		if !ok {
			return flush()
		}
		buf = line
		switch {
		case len(line) == 0:
			r.blank = true
			if err := flush(); err != nil {
				return err
			}
			continue
		case line[0] == '#':
			r.comment(strings.TrimSpace(string(line[1:])))
			continue
		}
		r.blank = false
		if e == nil && bad == "" {
			if start = r.at; !bytes.HasPrefix(line, []byte("version:")) {
				r.begin()
			}
		}
		if bad == "" {
			e, bad = r.take(e, line, cut, start)
		}
	}
}

// take adds one logical line to the record that it belongs to.
func (r *ldifReader) take(e *entry, line []byte, cut bool, start int) (*entry, string) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return nil, "a line without \"name: value\""
	}
	name := strings.ToLower(string(line[:colon]))
	if e == nil {
		return r.first(name, line[colon+1:], cut, start)
	}
	if name == "changetype" {
		return nil, "a change record; an export of entries is needed"
	}
	if !r.want(name) {
		return e, ""
	}
	v, bad := value(line[colon+1:])
	if cut {
		bad = fmt.Sprintf("a value of more than %d bytes", maxValue)
	}
	e.put(name, v, bad)
	return e, ""
}

// first reads the line that begins a record: its dn, or the version of the file.
func (r *ldifReader) first(name string, rest []byte, cut bool, start int) (*entry, string) {
	v, bad := value(rest)
	switch {
	case name == "version" && v == "1":
		return nil, ""
	case name == "version":
		return nil, "version " + quote(v) + "; only 1 is known"
	case name == "search" || name == "result":
		return nil, "ldapsearch's own lines; run it with -LLL"
	case name != "dn":
		return nil, "a record that does not begin with its dn"
	case cut || bad != "":
		return nil, "its dn can't be used: " + bad
	}
	return &entry{place: fmt.Sprintf("%s:%d", r.file, start), dn: v}, ""
}

// value reads what stands behind the first colon: text, base64, or a reference, which is never followed.
func value(rest []byte) (v, bad string) {
	switch {
	case len(rest) > 0 && rest[0] == ':':
		enc := bytes.TrimLeft(rest[1:], " ")
		raw := make([]byte, base64.StdEncoding.DecodedLen(len(enc)))
		n, err := base64.StdEncoding.Decode(raw, enc)
		if err != nil {
			return "", "base64 that can't be read"
		}
		return string(raw[:n]), ""
	case len(rest) > 0 && rest[0] == '<':
		return "", "a reference to another file, which is not followed"
	}
	return string(bytes.TrimLeft(rest, " ")), ""
}

// put adds one value to an attribute of the entry.
func (e *entry) put(name, v, bad string) {
	for i := len(e.attrs) - 1; i >= 0; i-- {
		if a := &e.attrs[i]; a.name == name {
			if a.values = append(a.values, v); bad != "" {
				a.bad = bad
			}
			return
		}
	}
	e.attrs = append(e.attrs, raw{name: name, values: []string{v}, bad: bad})
}
