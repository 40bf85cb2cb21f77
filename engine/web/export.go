package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Exports writes records of the journal in forms that other programs read.
type Exports interface {
	Forms() []ExportForm
	Export(ctx context.Context, q engine.Query, form string, to io.Writer) error // oldest first
}

// ExportForm is a form that records can be exported in.
type ExportForm struct {
	Word, Name string // in addresses; for people
	Kind       string // media type
	Ending     string // of a file
}

// export sends all records that a filter lets through, however many there are.
func (s *Site) export(ctx context.Context, w http.ResponseWriter, r asked) (string, error) {
	form, q, err := s.exportOf(r)
	if err != nil {
		return "", err
	}
	pruned, err := s.pruned(ctx)
	if err != nil {
		return "", err
	}
	out := &parts{w: w, form: form, now: s.Now, reader: patient{exportPatience}, pruned: pruned}
	if r.Method == http.MethodHead { // asks what would come, and takes none of it
		out.begin()
		return "", nil
	}
	free, err := s.exporting.take(r.User.Actor)
	if err != nil {
		return "", err
	}
	defer free()
	if err := s.Exports.Export(r.Context(), q, form.Word, out); err != nil {
		if !out.begun {
			return "", err
		}
		s.Failed(r.URL.Path, err)
		panic(http.ErrAbortHandler) // an export that ends early must not look whole
	}
	out.begin()
	return "", nil
}

func (s *Site) exportOf(r asked) (form ExportForm, q engine.Query, err error) {
	if s.Exports == nil {
		return form, q, Refused{"Nothing is exported here", http.StatusNotFound}
	}
	forms, word := s.Exports.Forms(), r.FormValue("format")
	i := slices.IndexFunc(forms, func(f ExportForm) bool { return f.Word == word })
	if i < 0 {
		return form, q, fmt.Errorf("%w: %q is no form of export", errWrong, word)
	}
	q, err = s.query(filterOf(r))
	q.Newest, q.Limit = false, 0
	return forms[i], q, err
}

// parts is an answer that begins with what is written first, and that must be taken in time.
type parts struct {
	w      http.ResponseWriter
	form   ExportForm
	now    func() time.Time
	begun  bool
	reader patient
	pruned string // what is not there any more
}

func (p *parts) begin() {
	if p.begun {
		return
	}
	p.begun = true
	h := p.w.Header()
	h.Set("Content-Type", p.form.Kind)
	left := ""
	if p.pruned != "" {
		left = "-what-is-left"
		h.Set("Rolecall-Pruned", strconv.QuoteToASCII(p.pruned))
	}
	h.Set("Content-Disposition", `attachment; filename="rolecall-audit-`+p.now().UTC().Format("20060102")+left+"."+p.form.Ending+`"`)
	p.w.WriteHeader(http.StatusOK)
}

// Write implements io.Writer.
func (p *parts) Write(text []byte) (int, error) {
	p.begin()
	since := time.Now()
	_ = http.NewResponseController(p.w).SetWriteDeadline(since.Add(p.reader.left))
	n, err := p.w.Write(text)
	p.reader.took(time.Since(since), n)
	return n, err
}

// exportLink is the address of an export of what a filter lets through.
type exportLink struct{ Name, To string }

func (s *Site) exportLinks(filter url.Values) (out []exportLink) {
	if s.Exports == nil {
		return nil
	}
	for _, f := range s.Exports.Forms() {
		on := copied(filter)
		on.Set("format", f.Word)
		out = append(out, exportLink{f.Name, "/audit/export?" + on.Encode()})
	}
	return out
}
