package manual

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// maxSize of a list, in bytes: some million accounts.
const maxSize = 256 << 20

func (c *Config) defaults() {
	c.Separator = cmp.Or(c.Separator, ";")
	c.Columns.Account, c.Columns.Active = cmp.Or(c.Columns.Account, "account"), cmp.Or(c.Columns.Active, "active")
	c.Columns.Entitlements, c.Columns.Name = cmp.Or(c.Columns.Entitlements, "entitlements"), cmp.Or(c.Columns.Name, "name")
	if len(c.Active) == 0 {
		c.Active = []string{"yes", "true", "1", "active"}
	}
}

// account is what the lines of one account say.
type account struct {
	id, name string
	active   bool
	rights   []string
	fields   map[string]string
}

// Holdings yields the accounts of the list. While there is none, or it is too old, nobody knows what is held.
func (p *Program) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	data, written, err := p.load()
	if errors.Is(err, os.ErrNotExist) {
		proof.Add("not-imported", p.path+" is not there; export the program's users into it")
		proof.Finished = p.options.Now()
		return proof, nil
	}
	if err != nil {
		return proof, err
	}
	accounts, err := p.parse(data)
	if err != nil {
		return proof, err
	}
	if age := p.options.Now().Sub(written); p.config.MaxAge > 0 && age > p.config.MaxAge {
		proof.Add(engine.ReasonStale, fmt.Sprintf("%s is from %s, older than max_age; export the program's users again", p.path, written.UTC().Format("2006-01-02 15:04")))
	}
	if len(accounts) == 0 {
		proof.Add(engine.ReasonEmpty, p.path+" has no account; export the program's users again")
	}
	sum := sha256.Sum256(data)
	proof.Digest, proof.Started, proof.Finished = hex.EncodeToString(sum[:]), written, p.options.Now()
	for _, a := range accounts {
		for _, h := range a.holdings() {
			if err := cmp.Or(ctx.Err(), yield(h)); err != nil {
				return proof, err
			}
			proof.Count++
		}
	}
	return proof, nil
}

// load reads the file with the time it was written at.
func (p *Program) load() (data []byte, written time.Time, err error) {
	f, err := os.OpenFile(p.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe that nobody writes to is not waited for
	if err != nil {
		return nil, written, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, written, err
	case !info.Mode().IsRegular():
		return nil, written, fmt.Errorf("%s is not a regular file; name a file", p.path)
	case info.ModTime().After(p.options.Now()):
		return nil, written, fmt.Errorf("%s is from the future (%s); set the clock, or the time of the file", p.path, info.ModTime().UTC().Format("2006-01-02 15:04"))
	}
	data, err = io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("%s is bigger than %d MiB", p.path, maxSize>>20)
	}
	return data, info.ModTime(), err
}

// parse reads the lines. Every mistake is an error with its line: what comes before it says nothing about what comes after.
func (p *Program) parse(data []byte) ([]*account, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%s is not UTF-8; save it as UTF-8", p.path)
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		return nil, fmt.Errorf("%s does not end with a line break, so it may still be being written; add one if it is whole", p.path)
	}
	r := csv.NewReader(bytes.NewReader(data))
	columns, err := r.Read()
	for _, need := range []string{p.config.Columns.Account, p.config.Columns.Entitlements} {
		if err == nil && !slices.Contains(columns, need) {
			err = fmt.Errorf("column %q is missing; name it in columns", need)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", p.path, err)
	}
	var all []*account
	by := map[string]*account{}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var a *account
		if err == nil {
			a, err = p.line(columns, fields)
		}
		at, _ := r.FieldPos(0)
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			at, err = wrong.Line, wrong.Err
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", p.path, at, err)
		}
		switch old := by[a.id]; {
		case old == nil:
			by[a.id] = a
			all = append(all, a)
		case old.active != a.active:
			return nil, fmt.Errorf("%s:%d: the account %q is active in one line and not in another; correct one of them", p.path, at, a.id)
		default:
			old.rights = append(old.rights, a.rights...)
		}
	}
}

func (p *Program) line(columns, fields []string) (*account, error) {
	a := &account{active: true, fields: map[string]string{}}
	for i, c := range columns {
		a.fields[c] = fields[i]
	}
	c := p.config.Columns
	a.id, a.name = strings.TrimSpace(a.fields[c.Account]), a.fields[c.Name]
	if a.id == "" || strings.ContainsFunc(a.id, unicode.IsControl) {
		return nil, fmt.Errorf("the account %q has no name that can be used", a.id)
	}
	if says, ok := a.fields[c.Active]; ok {
		a.active = slices.ContainsFunc(p.config.Active, func(word string) bool { return strings.EqualFold(word, strings.TrimSpace(says)) })
	}
	for right := range strings.SplitSeq(a.fields[c.Entitlements], p.config.Separator) {
		switch right = strings.TrimSpace(right); right {
		case engine.Exists:
			return nil, fmt.Errorf("the account %q has a right of the name %q, which is reserved", a.id, right)
		case "":
		default:
			a.rights = append(a.rights, right)
		}
	}
	return a, nil
}

func (a *account) holdings() []engine.Holding {
	info := &engine.AccountInfo{Name: a.id, Display: a.name, Attributes: a.fields}
	out := []engine.Holding{{Account: a.id, Entitlement: engine.Exists, Info: info}}
	if a.active {
		out = append(out, engine.Holding{Account: a.id, Entitlement: engine.Active})
	}
	slices.Sort(a.rights)
	for _, right := range slices.Compact(a.rights) {
		out = append(out, engine.Holding{Account: a.id, Entitlement: right})
	}
	return out
}
