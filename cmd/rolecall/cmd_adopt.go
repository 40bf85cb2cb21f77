package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) adoptCommand() *cobra.Command {
	var reason string
	var link []string
	var possible, keys bool
	var who whoIsWho
	c := &cobra.Command{
		Use: "adopt PROGRAM | --keys", Short: "Match the accounts that a program had before Rolecall, or people whose keys changed",
		Long: "Shows who each account belongs to: certain (an immutable id says so), possible (a name or an address fits), ambiguous\n" +
			"(several people fit), or nobody, as service and shared accounts always are. With --link, or --possible for all that are\n" +
			"possible, the accounts are linked to the people as reviewed. Nothing is changed in the program; with the next run, what policy\n" +
			"gives them anyway becomes managed.\n\n" +
			"With --keys it shows the people who vanished from the directory while others appeared, as when it was loaded anew and every\n" +
			"key changed, and who they may be now: certain (a number agrees, or two of login, mail and name), possible (one agrees),\n" +
			"ambiguous, or nobody. Everybody must be settled in one command: --certain and --possible for all that are so, --pair for one,\n" +
			"--left for who has really left, --rest-left for all others. The people stay who they are, with all they have.",
		Example: "  rolecall adopt gitea\n  rolecall adopt gitea --link bob=1002 --link b.brandt=1002 --reason \"reviewed with the team\"\n  rolecall adopt gitea --possible --reason \"logins are never reused here\"\n  rolecall adopt --keys\n  rolecall adopt --keys --certain --pair 4711=e5f6 --rest-left --reason \"directory loaded anew on Sunday\"",
		Args: args(func(c *cobra.Command, given []string) error {
			if keys {
				return cobra.NoArgs(c, given)
			}
			return cobra.ExactArgs(1)(c, given)
		}),
		RunE: func(c *cobra.Command, given []string) error {
			if keys {
				who.possible = possible
				return a.reKeyed(c.Context(), who, reason)
			}
			if who.decides() {
				return usage("they go with --keys", "--pair, --certain, --left and --rest-left are about changed keys")
			}
			if len(link) == 0 && !possible {
				return a.adoption(c.Context(), given[0])
			}
			return a.adopt(c.Context(), given[0], link, possible, reason)
		},
	}
	reasonFlag(c, &reason)
	c.Flags().StringArrayVar(&link, "link", nil, "link an account to a person, `ACCOUNT=KEY`; may be repeated")
	c.Flags().BoolVar(&possible, "possible", false, "link every account, or with --keys take every person, that is possible")
	c.Flags().BoolVar(&keys, "keys", false, "match people whose keys in the directory changed")
	c.Flags().StringArrayVar(&who.pairs, "pair", nil, "a person who vanished and their key now, `KEY=NEW`; may be repeated")
	c.Flags().BoolVar(&who.certain, "certain", false, "every pair that is certain")
	c.Flags().StringArrayVar(&who.left, "left", nil, "a person who has left, by `KEY`; may be repeated")
	c.Flags().BoolVar(&who.rest, "rest-left", false, "all others have left")
	return c
}

func (a *app) adoption(ctx context.Context, program string) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	found, err := s.engine.Adoption(ctx, program)
	if err != nil {
		return refused(err)
	}
	t := render.Table{Header: []string{"fits", "account", "name", "kind", "owner", "agrees", "people", "holdings"}}
	for i := range found.Lines {
		l := &found.Lines[i]
		t.Add(sureColor(l.Sure), string(l.Sure), l.Account, l.Name, l.Kind, l.Owner, l.By, candidates(l.People), strings.Join(l.Holdings, ", "))
	}
	return a.out().Data(t, struct {
		Version int `json:"version"`
		*engine.Adoption
	}{1, found})
}

func sureColor(s engine.Sureness) render.Color {
	switch s {
	case engine.Certain, engine.Linked:
		return render.Green
	case engine.Ambiguous:
		return render.Amber
	}
	return render.Plain
}

func candidates(people []engine.Candidate) string {
	var out []string
	for _, p := range people {
		who := render.Who(p.Name, p.Login, p.Person)
		if who != p.Person {
			who += " [" + p.Person + "]"
		}
		out = append(out, who)
	}
	return strings.Join(out, ", ")
}

func (a *app) adopt(ctx context.Context, program string, link []string, possible bool, reason string) (err error) {
	pairs, err := pairings(link)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	found, err := s.engine.Adoption(ctx, program)
	if err != nil {
		return refused(err)
	}
	if err := withKinds(pairs, found); err != nil {
		return err
	}
	if possible {
		for i := range found.Lines {
			if l := &found.Lines[i]; l.Sure == engine.Possible && len(l.People) == 1 {
				pairs = append(pairs, engine.Pairing{Account: l.Account, Person: l.People[0].Person, Kind: l.Kind})
			}
		}
	}
	if err := s.engine.Adopt(ctx, a.Actor, program, reason, pairs); err != nil {
		return refused(err)
	}
	a.out().Line("%s linked in %s; what policy gives them becomes managed with the next run.", plural(len(pairs), "account"), program)
	return nil
}

// withKinds says of each account what the program and the configuration show: an admin's account is another one than the
// personal one, and nobody knows what one is that is not listed.
func withKinds(pairs []engine.Pairing, found *engine.Adoption) error {
	kind := map[string]string{}
	for i := range found.Lines {
		kind[found.Lines[i].Account] = found.Lines[i].Kind
	}
	for i := range pairs {
		if pairs[i].Kind = kind[pairs[i].Account]; pairs[i].Kind == "" {
			return usage(nameOf(pairs[i], found), "%s shows no account %q", found.Program, pairs[i].Account)
		}
	}
	return nil
}

// nameOf is a hint for whoever gave an account's name where its id is needed.
func nameOf(p engine.Pairing, found *engine.Adoption) string {
	for i := range found.Lines {
		if l := &found.Lines[i]; l.Name == p.Account {
			return fmt.Sprintf("it is the name of account %s: --link %s=%s", l.Account, l.Account, p.Person)
		}
	}
	return "`rolecall adopt " + found.Program + "` lists them"
}

func pairings(link []string) (out []engine.Pairing, err error) {
	for _, l := range link {
		account, person, ok := strings.Cut(l, "=")
		if !ok || account == "" || person == "" {
			return nil, usage("--link ACCOUNT=KEY", "--link %q names no account and person", l)
		}
		out = append(out, engine.Pairing{Account: account, Person: person})
	}
	return out, nil
}
