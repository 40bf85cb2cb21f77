package web

import (
	"context"
	"net/http"
)

// loginView is the page on which people sign in.
type loginView struct {
	Ways Ways
	Next string // where to go then
	Out  bool   // who asks has just signed out
}

func (s *Site) login(_ context.Context, r asked) (view, error) {
	if s.Door == nil {
		return view{}, Refused{"No login is configured: this page is for the machine itself, and shows only", http.StatusNotFound}
	}
	return view{"login", "Sign in", loginView{s.Ways, r.FormValue("next"), r.FormValue("out") != ""}}, nil
}

func (s *Site) loginStart(_ context.Context, w http.ResponseWriter, r asked) (string, error) {
	if s.Door == nil {
		return "", Refused{"No login is configured", http.StatusNotFound}
	}
	return "", s.Door.Begin(w, r.Request, r.FormValue("next"))
}

func (s *Site) loginReturn(_ context.Context, w http.ResponseWriter, r asked) (string, error) {
	if s.Door == nil {
		return "", Refused{"No login is configured", http.StatusNotFound}
	}
	next, err := s.Door.Return(w, r.Request)
	return s.Local(next), err
}

func (s *Site) loginToken(_ context.Context, w http.ResponseWriter, r asked) (string, error) {
	if s.Door == nil {
		return "", Refused{"No login is configured", http.StatusNotFound}
	}
	if err := s.Door.Enter(w, r.Request, r.PostFormValue("token")); err != nil {
		return "", err
	}
	return s.Local(r.PostFormValue("next")), nil
}

func (s *Site) logout(_ context.Context, w http.ResponseWriter, r asked) (string, error) {
	if s.Door == nil {
		return "", Refused{"No login is configured", http.StatusNotFound}
	}
	return "/login?out=yes", s.Door.Leave(w, r.Request)
}
