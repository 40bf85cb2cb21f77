package main

import (
	"context"
	"errors"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// whoIsWho is what somebody decides about people whose keys changed.
type whoIsWho struct {
	pairs, left             []string
	certain, possible, rest bool
}

func (w *whoIsWho) decides() bool {
	return len(w.pairs)+len(w.left) > 0 || w.certain || w.rest
}

func (a *app) reKeyed(ctx context.Context, who whoIsWho, reason string) (err error) {
	decides := who.decides() || who.possible
	mode := reading
	if decides {
		mode = writing
	}
	s, err := a.open(ctx, mode)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	found, err := s.engine.ReKeyed(ctx, s.store)
	if err != nil {
		return err
	}
	if !decides {
		return a.showReKeying(found)
	}
	pairs, left, err := who.settle(found)
	if err != nil {
		return err
	}
	err = s.engine.ReKey(ctx, a.Actor, reason, pairs, left)
	if errors.Is(err, engine.ErrUnsettled) {
		return usage("name them with --pair KEY=NEW or --left KEY, or say --rest-left; `rolecall adopt --keys` shows them", "%w", err)
	}
	if err != nil {
		return refused(err)
	}
	a.out().Line("%d are known by another key from now on, %d have left. Nothing moved: what they have stays theirs.", len(pairs), len(left))
	return nil
}

func (a *app) showReKeying(found *engine.ReKeying) error {
	t := render.Table{Header: []string{"fits", "person", "login", "name", "agrees", "now", "accounts"}}
	for i := range found.Lines {
		l := &found.Lines[i]
		t.Add(sureColor(l.Sure), string(l.Sure), l.Person, l.Login, l.Name, strings.Join(l.By, ", "), candidates(l.People), strings.Join(l.Accounts, ", "))
	}
	for _, c := range found.Others {
		t.Add(render.Plain, "new", "", "", "", "", candidates([]engine.Candidate{c}), "")
	}
	if len(found.Lines) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("Nobody who has an account vanished from the directory.")
		return nil
	}
	return a.out().Data(t, struct {
		Version int `json:"version"`
		*engine.ReKeying
	}{1, found})
}

// settle makes pairs of what was said in short.
func (w *whoIsWho) settle(found *engine.ReKeying) (pairs []engine.KeyPair, left []string, err error) {
	named := map[string]bool{}
	for _, p := range w.pairs {
		person, key, ok := strings.Cut(p, "=")
		if !ok || person == "" || key == "" {
			return nil, nil, usage("--pair KEY=NEW", "--pair %q names no two keys", p)
		}
		pairs, named[person] = append(pairs, engine.KeyPair{Person: person, Key: key}), true
	}
	for _, key := range w.left {
		left, named[key] = append(left, key), true
	}
	for i := range found.Lines {
		l := &found.Lines[i]
		switch {
		case named[l.Person]:
		case w.certain && l.Sure == engine.Certain, w.possible && l.Sure == engine.Possible:
			pairs = append(pairs, engine.KeyPair{Person: l.Person, Key: l.People[0].Person})
		case w.rest:
			left = append(left, l.Person)
		}
	}
	return pairs, left, nil
}
