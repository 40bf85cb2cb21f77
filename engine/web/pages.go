package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// view is one page: the template that shows it and what it is filled with.
type view struct {
	name  string // of the template
	title string
	data  any
}

// errNotThere is answered with 404; what it wraps says what is not.
var errNotThere = errors.New("not there")

// errWrong is answered with 400: the request can't be understood.
var errWrong = errors.New("can't be understood")

// pages are the parsed templates.
type pages struct {
	site  *Site
	sheet string
	all   *template.Template
}

// frame is what every page has around it.
type frame struct {
	Title, Sheet, Body string
	Path               string
	Now                time.Time
	User               User
	Login              bool   // people sign in here
	Said               string // what was just done
	Data               any
}

// May says whether whoever asks has a permission, by its word.
func (f frame) May(word string) bool {
	p, known := ParsePermission(word)
	return known && f.User.Permission >= p
}

// Acts is May where people sign in: without, nobody changes anything.
func (f frame) Acts(word string) bool { return f.Login && f.May(word) }

func parsePages(s *Site, sheet string) (*pages, error) {
	all, err := template.New("").Funcs(s.words()).ParseFS(files, "templates/*.html")
	return &pages{site: s, sheet: sheet, all: all}, err
}

// patience is how long a page may take: longer than anybody waits.
const patience = 20 * time.Second

// answer sends a page, or what is to be said of an error. A page that fails halfway is not sent by half.
func (p *pages) answer(w http.ResponseWriter, r asked, v view, err error) {
	status := http.StatusOK
	if err != nil {
		v, status = p.failed(r, err)
	}
	var out bytes.Buffer
	if err := p.write(&out, r, v); err != nil {
		p.site.Failed(r.URL.Path, err)
		http.Error(w, "The page can't be shown; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// failed is the page for an error.
func (p *pages) failed(r asked, err error) (view, int) {
	var hand ByHand
	if errors.As(err, &hand) {
		return view{"byhand", "Nothing was done", changeRows(hand.Changes, func(*engine.Change) bool { return true }, 0)}, http.StatusServiceUnavailable
	}
	title, text, status := p.site.failure(r, err)
	return view{"wrong", title, text}, status
}

// failure says what went wrong, for whoever asked. What went wrong inside is for the log.
func (s *Site) failure(r asked, err error) (title, text string, status int) {
	var refused Refused
	var pruned *engine.Pruned
	switch {
	case errors.As(err, &pruned):
		return "Not there any more", "What was asked for can't be told: " + pruned.String(), http.StatusNotFound
	case errors.As(err, &refused):
		return http.StatusText(refused.Status), refused.Text, refused.Status
	case errors.Is(err, errNotThere):
		return "Not there", err.Error(), http.StatusNotFound
	case errors.Is(err, errWrong):
		return "Can't be understood", err.Error(), http.StatusBadRequest
	}
	s.Failed(r.URL.Path, err)
	return "Can't be shown", "The journal can't be read now; the log says why.", http.StatusServiceUnavailable
}

func (p *pages) write(out *bytes.Buffer, r asked, v view) error {
	var body bytes.Buffer
	f := frame{Title: v.title, Sheet: p.sheet, Path: r.URL.Path, Now: p.site.Now(), User: r.User, Login: p.site.Door != nil, Said: r.said(), Data: v.data}
	if err := p.all.ExecuteTemplate(&body, v.name, f); err != nil {
		return err
	}
	return p.all.ExecuteTemplate(out, "frame", struct {
		frame
		Body template.HTML
	}{f, template.HTML(body.String())}) //nolint:gosec // G203: it is what a template made
}

func notThere(_ context.Context, r asked) (view, error) {
	return view{}, fmt.Errorf("%w: there is no page %s", errNotThere, r.URL.Path)
}
