package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// blankAfter is how long nothing may have been recorded of somebody who is blanked, unless another time is said.
const blankAfter = 90 * 24 * time.Hour

func (a *app) personBlank() *cobra.Command {
	var reason string
	after, force := config.FormatDuration(blankAfter), false
	c := &cobra.Command{
		Use: "blank PERSON", Short: "Delete what the journal's records hold of somebody who is gone; can't be undone", Args: args(cobra.ExactArgs(1)),
		Long: "Deletes names, reasons and data of all records about the person and of the person's accounts, and the names by which they are known. What is\n" +
			"left is that somebody, under a number, had what when, and every proof. Only who has left is blanked: nobody whom the directory shows, who has\n" +
			"an account anywhere, who is cut off or under a legal hold, or about whom anything was recorded within --after. Records of many people, such as\n" +
			"what a read found, stay whole, and so do exports, bundles and backups; see the documentation of audit.",
		Example: "  rolecall person blank 4711 --reason \"request 12/27\"",
		RunE: func(c *cobra.Command, given []string) error {
			age, err := config.ParseDuration(after)
			if err != nil {
				return usage("--after 90d", "--after: %w", err)
			}
			if force {
				age = 0
			}
			return a.blank(c.Context(), engine.BlankOrder{Actor: a.Actor, Person: given[0], Reason: reason, After: age})
		},
	}
	reasonFlag(c, &reason)
	c.Flags().StringVar(&after, "after", after, "nothing may be recorded of them for this `SPAN`")
	c.Flags().BoolVar(&force, "force", false, "whenever something was recorded last")
	return c
}

func (a *app) blank(ctx context.Context, o engine.BlankOrder) (err error) {
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	key, err := keyOf(ctx, s.store, o.Person)
	if err != nil {
		return err
	}
	o.Person = key
	mem, err := s.store.Memory(ctx, a.Now())
	if err != nil {
		return err
	}
	names, err := namesOf(ctx, s.store, mem.KeysOf(key))
	if err != nil {
		return err
	}
	b, done, err := s.engine.Blank(ctx, s.store, o)
	if err != nil {
		return refused(err)
	}
	out := a.out()
	out.Line("Blanked: %s, now called %s.", plural(done.Records, "record"), b.Person)
	for _, remains := range done.Remains {
		out.Line("Not gone: %s.", remains)
	}
	whole, public, err := mentionedElsewhere(ctx, s.store, names)
	if err != nil {
		out.Line("In which other records the names occur can't be told: %v", err)
		return nil
	}
	if whole > 0 {
		out.Line("A key, login, name or account of theirs still occurs in %s of something else or of many people.", plural(whole, "record"))
	}
	if public > 0 {
		out.Line("It also occurs in the names of rules in %s of older versions, which can't be deleted without breaking the proofs.", plural(public, "record"))
	}
	out.Line("Exports, bundles and backups made before hold what they held; keep them no longer than you must.")
	return nil
}

// namesOf are key, logins, names and accounts by which the records know somebody.
func namesOf(ctx context.Context, s *journal.Store, keys []string) ([]string, error) {
	names := map[string]bool{}
	for _, key := range keys {
		names[key] = true
		known, err := s.Known(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, l := range known.Links {
			names[l.Account] = true
		}
		for _, login := range known.Logins {
			names[login] = true
		}
		err = s.Records(ctx, engine.Query{Person: key}, func(r engine.Record) error {
			names[r.Account] = true
			if i, _, err := engine.IntentOf(r); r.Kind == engine.KindIntent && err == nil {
				names[i.Change.Login], names[i.Change.Name] = true, true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names)), nil
}

// mentionedElsewhere counts the records in which one of the names still occurs as a word: in what could be blanked, and in what stays for ever.
func mentionedElsewhere(ctx context.Context, s *journal.Store, names []string) (whole, public int, err error) {
	err = s.StoredRecords(ctx, engine.Query{}, func(r engine.Record, stored journal.Stored) error {
		if anyOf(stored.Personal, names) {
			whole++
		}
		if anyOf(strings.Join(r.Rules, "\n"), names) {
			public++
		}
		return nil
	})
	return whole, public, err
}

// blankedJSON says whose records were blanked, when, by whom and why.
type blankedJSON struct {
	Person string `json:"person"` // as the records show it, #12
	Time   string `json:"time"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	Record int64  `json:"record"`

	at time.Time
}

func (a *app) personBlanked() *cobra.Command {
	return &cobra.Command{
		Use: "blanked", Short: "Whose records were blanked, by their numbers", Args: args(cobra.NoArgs), Example: "  rolecall person blanked",
		RunE: func(c *cobra.Command, _ []string) (err error) {
			s, err := a.journalOnly(c.Context())
			if err != nil {
				return err
			}
			defer settle(&err, s.Close)
			list, err := blankings(c.Context(), s)
			if err != nil {
				return err
			}
			if len(list) == 0 && a.out().Format == render.TableFormat {
				a.out().Line("Nobody was blanked.")
				return nil
			}
			t := render.Table{Header: []string{"person", "time", "by", "reason", "record"}}
			for _, b := range list {
				t.Add(render.Plain, b.Person, b.Time, b.By, b.Reason, fmt.Sprint(b.Record))
			}
			return a.out().Data(t, list)
		},
	}
}

// blankings are all there were, in order.
func blankings(ctx context.Context, log engine.Log) ([]blankedJSON, error) {
	out := []blankedJSON{}
	err := log.Records(ctx, engine.Query{Kind: engine.KindBlank}, func(r engine.Record) error {
		var b engine.Blanking
		if err := json.Unmarshal(r.Data, &b); err != nil {
			return fmt.Errorf("record %d can't be read: %w", r.Seq, err)
		}
		out = append(out, blankedJSON{b.Person, stamp(r.Time), r.Actor, strings.Join(r.Why, "; "), r.Seq, r.Time})
		return nil
	})
	return out, err
}

// blankingOf is that of somebody by the number that the records show, nil for everybody else.
func blankingOf(ctx context.Context, log engine.Log, person string) (*blankedJSON, error) {
	list, err := blankings(ctx, log)
	for i := range list {
		if list[i].Person == person {
			return &list[i], err
		}
	}
	return nil, err
}
