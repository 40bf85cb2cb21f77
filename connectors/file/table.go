package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// table is the file in memory. Lines keep their bytes until they are changed.
type table struct {
	path    string // for messages
	head    []byte // the header line as it is, byte order mark and all
	tail    []byte // what follows the last line: empty ones
	columns []string
	lines   []*line
	byName  map[string]*line
	digest  string
	changed bool
	log     []string // what was changed, in words
	base    string   // of which version it is, where there are several
}

type line struct {
	raw    []byte // nil: write the fields
	fields []string
}

// The columns that have meaning.
const (
	colAccount = "account"
	colActive  = "active"
	colRights  = "entitlements"
	colName    = "name"
	colKind    = "kind"
	colPerson  = "person"
)

func parse(path string, data []byte) (*table, error) {
	sum := sha256.Sum256(data)
	t := &table{path: path, byName: map[string]*line{}, digest: hex.EncodeToString(sum[:])}
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s is not UTF-8; save it as UTF-8", path)
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		return nil, fmt.Errorf("%s does not end with a line break, so it may still be being written; add one if it is whole", path)
	}
	bom := len(data) - len(bytes.TrimPrefix(data, []byte("\ufeff")))
	r := csv.NewReader(bytes.NewReader(data[bom:]))
	for from := 0; ; {
		fields, err := r.Read()
		if err == io.EOF {
			t.tail = data[from:]
			return t, t.check(1)
		}
		if err != nil {
			return nil, t.syntax(err)
		}
		to := bom + int(r.InputOffset())
		at, _ := r.FieldPos(0)
		if err := t.add(at, fields, data[from:to]); err != nil {
			return nil, err
		}
		from = to
	}
}

// add takes the next line of the file, the header first.
func (t *table) add(at int, fields []string, raw []byte) error {
	if t.columns == nil {
		t.head, t.columns = raw, fields
		return t.check(at)
	}
	l := &line{raw: raw, fields: fields}
	name := t.get(l, colAccount)
	switch active := t.get(l, colActive); {
	case clean(name) != name || name == "":
		return fmt.Errorf("%s:%d: account %q: %w", t.path, at, name, errName)
	case t.byName[name] != nil:
		return fmt.Errorf("%s:%d: account %q is there twice; remove one of the lines", t.path, at, name)
	case active != "yes" && active != "no":
		return fmt.Errorf("%s:%d: active is %q; write yes or no", t.path, at, active)
	}
	t.lines, t.byName[name] = append(t.lines, l), l
	return nil
}

func (t *table) check(at int) error {
	for _, c := range []string{colAccount, colActive, colRights} {
		if !slices.Contains(t.columns, c) {
			return fmt.Errorf("%s:%d: column %q is missing; the first line is: account,active,entitlements", t.path, at, c)
		}
	}
	return nil
}

func (t *table) syntax(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("%s:%d: %w", t.path, p.Line, p.Err)
	}
	return fmt.Errorf("%s: %w", t.path, err)
}

func (t *table) find(account string) *line { return t.byName[account] }

func (t *table) get(l *line, column string) string {
	if i := slices.Index(t.columns, column); i >= 0 {
		return l.fields[i]
	}
	return ""
}

func (t *table) set(l *line, column, value string) {
	l.fields[slices.Index(t.columns, column)] = value
	l.raw, t.changed = nil, true
}

func (t *table) rights(l *line) []string {
	var rights []string
	for right := range strings.SplitSeq(t.get(l, colRights), ";") {
		if right = strings.TrimSpace(right); right != "" && !slices.Contains(rights, right) {
			rights = append(rights, right)
		}
	}
	return rights
}

// holdings lists what an account is and has: its existence first, which carries what else is known of it.
func (t *table) holdings(l *line) []engine.Holding {
	account := t.get(l, colAccount)
	info := &engine.AccountInfo{Name: account, Display: t.get(l, colName), Kind: t.get(l, colKind), Attributes: map[string]string{}}
	for i, c := range t.columns {
		info.Attributes[c] = l.fields[i]
	}
	if info.Name == "" {
		info.Name = account
	}
	out := []engine.Holding{{Account: account, Entitlement: engine.Exists, Info: info}}
	if t.get(l, colActive) == "yes" {
		out = append(out, engine.Holding{Account: account, Entitlement: engine.Active})
	}
	for _, right := range t.rights(l) {
		out = append(out, engine.Holding{Account: account, Entitlement: right})
	}
	return out
}

func (t *table) setActive(l *line, active bool) engine.Outcome {
	want := map[bool]string{true: "yes", false: "no"}[active]
	if t.get(l, colActive) == want {
		return engine.Already
	}
	t.set(l, colActive, want)
	return engine.Done
}

func (t *table) setRight(l *line, right string, grant bool) engine.Outcome {
	rights := t.rights(l)
	i := slices.Index(rights, right)
	switch {
	case grant == (i >= 0):
		return engine.Already
	case grant:
		rights = append(rights, right)
	default:
		rights = slices.Delete(rights, i, i+1)
	}
	t.set(l, colRights, strings.Join(rights, ";"))
	return engine.Done
}

func (t *table) remove(l *line) engine.Outcome {
	t.lines = slices.DeleteFunc(t.lines, func(other *line) bool { return other == l })
	delete(t.byName, t.get(l, colAccount))
	t.changed = true
	return engine.Done
}

func (t *table) create(a engine.NewAccount) (engine.Outcome, error) {
	if clean(a.Name) != a.Name || a.Name == "" {
		return engine.Refused, fmt.Errorf("%s: account %q: %w", t.path, a.Name, errName)
	}
	if l := t.find(a.Name); l != nil {
		if a.Person != "" && t.get(l, colPerson) == a.Person {
			return engine.Already, nil
		}
		return engine.Refused, fmt.Errorf("%s has an account %q already, which was not made for this person; review it with adopt", t.path, a.Name)
	}
	l := &line{fields: make([]string, len(t.columns))}
	for _, name := range slices.Sorted(maps.Keys(a.Attributes)) {
		if !slices.Contains(t.columns, name) {
			return engine.Refused, fmt.Errorf("%s has no column for the attribute %q; add one to its first line", t.path, name)
		}
		t.set(l, name, clean(a.Attributes[name]))
	}
	if slices.Contains(t.columns, colPerson) {
		t.set(l, colPerson, a.Person)
	}
	t.set(l, colAccount, a.Name)
	t.set(l, colActive, "yes")
	t.set(l, colRights, "")
	t.lines, t.byName[a.Name] = append(t.lines, l), l
	return engine.Done, nil
}

// bytes is the file's new content.
func (t *table) bytes() []byte {
	var b bytes.Buffer
	b.Write(t.head)
	w := csv.NewWriter(&b)
	w.UseCRLF = bytes.HasSuffix(t.head, []byte("\r\n"))
	for _, l := range t.lines {
		if l.raw != nil {
			b.Write(l.raw)
			continue
		}
		_ = w.Write(l.fields) // a buffer never fails
		w.Flush()
	}
	b.Write(t.tail)
	return b.Bytes()
}

// clean is s without control characters and spaces at its ends.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
}
