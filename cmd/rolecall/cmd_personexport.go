package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// personJSON is the documented answer of person export.
type personJSON struct {
	Version   int                 `json:"version"`
	Person    string              `json:"person"`
	Names     []string            `json:"names"` // by which records know the person: key, logins, accounts
	Time      time.Time           `json:"time"`
	Accounts  []journal.KnownLink `json:"accounts"`
	Had       []engine.Held       `json:"had"`
	Facts     []engine.Fact       `json:"facts"`
	Named     []engine.Fact       `json:"named"`            // facts that hold of something or somebody else, and name the person
	Pruned    string              `json:"pruned,omitempty"` // what is not there any more, by whom and why: records and had are what is left
	Records   []recordJSON        `json:"records"`
	Elsewhere []elsewhereJSON     `json:"elsewhere"`
}

// elsewhereJSON is a record of something else, or of many people, in which the person occurs: only the parts about the person.
type elsewhereJSON struct {
	Seq      int64            `json:"seq"`
	Time     time.Time        `json:"time"`
	Kind     engine.Kind      `json:"kind"`
	Facts    []engine.Fact    `json:"facts,omitempty"`
	Ended    []engine.FactKey `json:"ended,omitempty"`
	Holdings [][2]string      `json:"holdings,omitempty"` // account and entitlement that a read found to appear or disappear
}

func (a *app) personExport() *cobra.Command {
	return &cobra.Command{
		Use: "export PERSON", Short: "Everything that the journal knows of one person, as JSON", Args: args(cobra.ExactArgs(1)),
		Long: "For a person's right of access. The person is named by key or login and need not be in the directory any more. Records of many people, such as\n" +
			"what a read found, are given only as far as they are about this one; where a name occurs in the text of another record, its number is given.\n" +
			"The whole journal is read, which takes about a minute for ten million records.",
		Example: "  rolecall person export 4711 > 4711.json",
		RunE: func(c *cobra.Command, given []string) (err error) {
			s, err := a.journalOnly(c.Context())
			if err != nil {
				return err
			}
			defer settle(&err, s.Close)
			key, err := keyOf(c.Context(), s, given[0])
			if err != nil {
				return err
			}
			out, err := everythingOf(c.Context(), s, key)
			if err != nil {
				return err
			}
			if len(out.Accounts)+len(out.Facts)+len(out.Records) == 0 {
				return usage("name the key or a login", "the journal knows nobody by %q", given[0])
			}
			out.Time = a.Now().UTC()
			return render.Out{W: a.Stdout}.JSON(out)
		},
	}
}

// everythingOf reads the whole journal: first for the names by which the person is known, then for all that is about them.
func everythingOf(ctx context.Context, s *journal.Store, key string) (*personJSON, error) {
	known, err := s.Known(ctx, key)
	if err != nil {
		return nil, err
	}
	out := &personJSON{Version: 1, Person: key, Accounts: append([]journal.KnownLink{}, known.Links...), Had: append([]engine.Held{}, known.Held...),
		Facts: append([]engine.Fact{}, known.Facts...), Records: []recordJSON{}, Elsewhere: []elsewhereJSON{}}
	names := map[string]bool{key: true}
	for _, login := range known.Logins {
		names[login] = true
	}
	mine := accountsOf{}
	for _, l := range known.Links {
		names[l.Account], mine[[2]string{l.Program, l.Account}] = true, true
	}
	err = s.StoredRecords(ctx, engine.Query{Person: key}, func(r engine.Record, stored journal.Stored) error {
		one := shown(r)
		one.Stored = &stored
		out.Records = append(out.Records, one)
		if login := loginOf(r); login != "" {
			names[login] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Names = slices.Sorted(maps.Keys(names))
	if err := out.beside(ctx, s, mine); err != nil {
		return nil, err
	}
	return out, s.StoredRecords(ctx, engine.Query{}, func(r engine.Record, stored journal.Stored) error {
		if r.Person != key && anyOf(stored.Personal, out.Names) {
			out.Elsewhere = append(out.Elsewhere, mine.in(key, &r))
		}
		return nil
	})
}

// beside adds what facts of others say, and what is not there any more.
func (out *personJSON) beside(ctx context.Context, s *journal.Store, mine accountsOf) error {
	named, err := s.Naming(ctx, out.Names, func(k engine.FactKey) bool { return mine.about(out.Person, k) })
	out.Named = append([]engine.Fact{}, named...)
	if err != nil {
		return err
	}
	p, err := s.Pruned(ctx)
	if err == nil && p != nil {
		out.Pruned = p.String()
	}
	return err
}

// anyOf says whether one of the names stands in a stored text.
func anyOf(stored string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return journal.HasName(stored, name) })
}

// accountsOf are somebody's accounts, program and account.
type accountsOf map[[2]string]bool

func (mine accountsOf) about(key string, k engine.FactKey) bool {
	return k.Person == key || k.Account != "" && mine[[2]string{k.Program, k.Account}]
}

func (mine accountsOf) in(key string, r *engine.Record) elsewhereJSON {
	e := elsewhereJSON{Seq: r.Seq, Time: r.Time.UTC(), Kind: r.Kind}
	about := func(k engine.FactKey) bool { return mine.about(key, k) }
	for _, f := range r.Set {
		if about(f.FactKey) {
			e.Facts = append(e.Facts, f)
		}
	}
	for _, k := range r.Clear {
		if about(k) {
			e.Ended = append(e.Ended, k)
		}
	}
	var seen engine.Seen
	if r.Kind == engine.KindSeen && json.Unmarshal(r.Data, &seen) == nil {
		for _, pair := range slices.Concat(seen.Appeared, seen.Disappeared, seen.Vanished) {
			if mine[[2]string{r.Program, pair[0]}] {
				e.Holdings = append(e.Holdings, pair)
			}
		}
	}
	return e
}
