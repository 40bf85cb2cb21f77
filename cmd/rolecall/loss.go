package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// loss is what a restore would lose.
type loss struct {
	something bool
	what      string // in short
	lines     []string
	restored  engine.Restored
}

// loss compares the backup with the journal that it would replace; a backup of an older schema is copied into the folder for it.
func (a *app) loss(ctx context.Context, address, folder, file string) (l loss, err error) {
	backup, done, err := journal.OpenBackup(ctx, file, filepath.Join(folder, "rolecall-compare.half"))
	if err != nil {
		return l, err
	}
	defer settle(&err, done)
	head, err := backup.Head(ctx)
	if err != nil {
		return l, err
	}
	if head.Size == 0 {
		return l, fmt.Errorf("%s holds no journal", file)
	}
	l.restored = engine.Restored{Records: head.Size, Root: head.Root.String()}
	present, err := journal.Open(ctx, address, journal.Options{ReadOnly: true})
	switch {
	case errors.Is(err, journal.ErrVanished):
		return l, l.last(ctx, backup)
	case err != nil:
		l.something, l.what = true, "all that the journal has and the backup lacks"
		l.lines = []string{fmt.Sprintf("The journal can't be read, so nobody can tell what it has and the backup lacks: %s.", sentence(err))}
		return l, l.last(ctx, backup)
	}
	defer settle(&err, present.Close)
	return l, l.compare(ctx, backup, present)
}

func (l *loss) last(ctx context.Context, backup *journal.Store) error {
	m, err := backup.Memory(ctx, time.Time{})
	if err == nil {
		l.restored.Last = m.Time
	}
	return err
}

func (l *loss) compare(ctx context.Context, backup, present *journal.Store) error {
	c, err := journal.Compare(ctx, backup, present)
	if err != nil {
		return err
	}
	l.restored.Last, l.restored.Replaced, l.restored.Same = c.Last, c.Present.Size, c.Same
	if c.Same == c.Present.Size {
		return nil
	}
	l.something, l.what = true, fmt.Sprintf("records %d to %d", c.Same+1, c.Present.Size)
	if c.Same < c.Backup.Size {
		l.lines = append(l.lines, fmt.Sprintf("The backup is of another history: only the first %s are the same.", plural(int(c.Same), "record")))
	}
	if err := l.list(ctx, present, c.Same); err != nil {
		return err
	}
	p, err := present.Pruned(ctx)
	if err == nil && p != nil && c.Same < p.UpTo {
		l.lines = append(l.lines, fmt.Sprintf("Records %d to %d are not among these but for those that stayed, and can't be told: %s.", c.Same+1, p.UpTo, p.String()))
	}
	return err
}

// list says what the records after the last common one are.
func (l *loss) list(ctx context.Context, present *journal.Store, same int64) error {
	var from, to time.Time
	kinds, runs, decisions := map[engine.Kind]int{}, map[string]bool{}, []string{}
	err := present.Records(ctx, engine.Query{After: same}, func(r engine.Record) error {
		if from.IsZero() {
			from = r.Time
		}
		to = r.Time
		kinds[r.Kind]++
		if r.Kind == engine.KindRun {
			runs[r.Run] = true
		}
		if text := decision(r); text != "" {
			decisions = append(decisions, text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		parts = append(parts, fmt.Sprintf("%d %s", kinds[k], k))
	}
	l.lines = append(l.lines, fmt.Sprintf("The backup lacks %s of the journal, from %s to %s: %s.", l.what, stamp(from), stamp(to), strings.Join(parts, ", ")))
	if len(runs) > 0 {
		l.lines = append(l.lines, "Runs that would be lost: "+strings.Join(slices.SortedFunc(maps.Keys(runs), shortFirst), ", ")+".")
	}
	l.lines = append(l.lines, decisions...)
	return l.open(ctx, present, same)
}

func shortFirst(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) }

// open lists changes that were begun and of which nobody knows how they end.
func (l *loss) open(ctx context.Context, present *journal.Store, same int64) error {
	m, err := present.Memory(ctx, time.Time{})
	if err != nil {
		return err
	}
	for _, i := range m.Open {
		if i.Seq > same {
			l.lines = append(l.lines, fmt.Sprintf("Open, and lost: %s %s of account %s (record %d).", i.Change.Op, i.Change.Entitlement, i.Change.Account, i.Seq))
		}
	}
	return nil
}

// decision is what somebody decided, which no read brings back; "" for all else.
func decision(r engine.Record) string {
	switch r.Kind {
	case engine.KindCut, engine.KindLift, engine.KindPause, engine.KindResume, engine.KindApprove, engine.KindReject, engine.KindExtra, engine.KindUndo, engine.KindFree, engine.KindReKey, engine.KindHold, engine.KindEndHold, engine.KindBlank,
		engine.KindReview, engine.KindLine, engine.KindUnblock, engine.KindDelegate:
		what := strings.Join(slices.DeleteFunc([]string{r.Person, r.Program, r.Entitlement}, func(s string) bool { return s == "" }), " ")
		return fmt.Sprintf("%s: %s %s by %s (%s).", stamp(r.Time), r.Kind, what, r.Actor, strings.Join(r.Why, "; "))
	}
	return ""
}
