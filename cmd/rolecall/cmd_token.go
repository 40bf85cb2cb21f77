package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
	"github.com/rolecall/rolecall/engine/web"
)

func (a *app) tokenCommand() *cobra.Command {
	return a.group("token", "Tokens to sign in to the page with, for first steps", a.tokenCreate(), a.tokenList(), a.tokenRevoke())
}

func (a *app) tokenCreate() *cobra.Command {
	var t engine.Token
	var until, reason string
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a token; it is shown once",
		Long: "Prints the token on standard output, once: only its hash is kept. `login: {tokens: true}` lets people sign in with it. --person\n" +
			"says in the directory whose it is, so that nobody decides on their own access.",
		Example: "  rolecall token create ann --permission approver --person ann --until 2027-01-31 --reason \"until the provider is set up\"",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			day, err := config.ParseDate(until)
			if err != nil {
				return usage("--until 2027-01-31", "--until: %w", err)
			}
			if _, known := web.ParsePermission(t.Permission); !known {
				return usage("choose viewer, reviewer, approver or admin", "--permission %q is none", t.Permission)
			}
			t.Name = given[0]
			return a.makeToken(c.Context(), t, day, reason)
		},
	}
	c.Flags().StringVar(&t.Permission, "permission", "viewer", "what it is good for: viewer, reviewer, approver or admin (`PERMISSION`)")
	c.Flags().StringVar(&t.Person, "person", "", "key, login or mail of the `PERSON` who gets it")
	c.Flags().StringVar(&until, "until", "", "the last `DAY` on which it is good, 2027-01-31, within a year; required")
	reasonFlag(c, &reason)
	return c
}

func (a *app) makeToken(ctx context.Context, t engine.Token, day time.Time, reason string) (err error) {
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	z := zone(s.cfg)
	t.Until = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, z)
	var random [32]byte
	if _, err := io.ReadFull(a.Random, random[:]); err != nil {
		return fmt.Errorf("no randomness can be had: %w", err)
	}
	secret := engine.TokenSecret(t.Name, random)
	t.Hash = engine.TokenHash(secret)
	if err := s.engine.MakeToken(ctx, a.Actor, t, reason); err != nil {
		return refused(err)
	}
	fmt.Fprintf(a.Stderr, "The token of %s, %s until the end of %s. It is shown this once:\n", t.Name, t.Permission, day.Format(time.DateOnly))
	if s.cfg.Login == nil || !s.cfg.Login.Tokens {
		fmt.Fprintln(a.Stderr, "note: nobody can sign in with it yet: add login: {tokens: true} to "+s.cfg.Path)
	}
	_, err = fmt.Fprintln(a.Stdout, secret)
	return err
}

func (a *app) tokenList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "The tokens that were made and not taken back", Example: "  rolecall token list", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.remembered(c.Context(), func(_ *journal.Store, memory *engine.Memory) error { return a.showTokens(memory.Tokens()) })
		},
	}
}

func (a *app) showTokens(tokens []engine.Token) error {
	if len(tokens) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("There are no tokens.")
		return nil
	}
	t := render.Table{Header: []string{"token", "permission", "person", "since", "until", ""}}
	for _, one := range tokens {
		over := ""
		if !a.Now().Before(one.Until) {
			over = "over"
		}
		t.Add(render.Plain, one.Name, one.Permission, one.Person, stamp(one.Since), stamp(one.Until), over)
	}
	return a.out().Data(t, append([]engine.Token{}, tokens...))
}

func (a *app) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "Take a token back; whoever is signed in with it is signed out", Example: "  rolecall token revoke ann", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return a.decideOn(c.Context(), func(ctx context.Context, s *system) error { return s.engine.EndToken(ctx, a.Actor, given[0]) }, "The token "+given[0]+" is taken back.")
		},
	}
}

// tokenOf finds whose a secret is, in the journal.
func (s *system) tokenOf(ctx context.Context, secret string, now time.Time) (t engine.Token, err error) {
	key, ok := engine.TokenKey(secret)
	if !ok {
		return t, errNoToken
	}
	t, ok, err = s.token(ctx, key.Key, now)
	if err == nil && (!ok || !t.Has(secret)) {
		err = errNoToken
	}
	return t, err
}

var errNoToken = errors.New("nobody has this token")

// token is one by name; ok is false where there is none, or it is over.
func (s *system) token(ctx context.Context, name string, now time.Time) (t engine.Token, ok bool, err error) {
	f, is, err := s.store.Fact(ctx, engine.FactKey{Kind: engine.FactToken, Key: name})
	if err != nil || !is {
		return t, false, err
	}
	t, ok = engine.TokenOf(f, now)
	return t, ok, nil
}
