package period

import (
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// source is what the newest complete read of a directory or program showed.
type source struct {
	Count
	run        string // that read it
	unread     int    // runs of the period that did not read it completely
	lastUnread int64
	reasons    string
}

func (b *Builder) read(r *engine.Record, p *engine.Proof, kind string) {
	if onPurpose(p) {
		return
	}
	key := kind + " " + p.Source
	s := b.sources[key]
	if s == nil {
		s = &source{Count: Count{Source: p.Source, Kind: kind}}
		b.sources[key] = s
		b.order = append(b.order, key)
	}
	if p.Complete() {
		s.Read, s.Record, s.Complete, s.Shown, s.Since, s.run = p.Finished.UTC(), r.Seq, true, p.Count, 0, r.Run
		return
	}
	if b.began {
		s.unread++
		s.lastUnread, s.reasons = r.Seq, p.Reasons[0].Detail
	}
}

// onPurpose: a cut waits for no read.
func onPurpose(p *engine.Proof) bool { return len(p.Reasons) == 1 && p.Reasons[0].Code == "not-read" }

// held counts what is known to exist. What a read found is part of that read.
func (b *Builder) held(r *engine.Record, more int) {
	if more == 0 {
		return
	}
	b.live[r.Program] += more
	if s := b.sources["program "+r.Program]; s != nil && (r.Kind != engine.KindSeen || s.run != r.Run) {
		s.Since += more
	}
}

// reconcile holds the newest complete reads against what the records come to.
func (b *Builder) reconcile() {
	linked := map[string]bool{}
	for key := range b.fold.Links() {
		linked[key.Person] = true
	}
	for _, key := range b.order {
		s := b.sources[key]
		c := s.Count
		if c.Kind == "program" {
			c.Here = b.live[c.Source]
			c.Difference = c.Here - c.Shown - c.Since
			c.Why = programDifference(c.Difference)
		} else {
			c.Here = len(linked)
			c.Difference = c.Here - c.Shown
			c.Why = "people with an account, against people in the directory: the journal names nobody who has none; those who left keep their suspended account until it is deleted"
		}
		if !c.Complete {
			c.Shown, c.Difference, c.Why = 0, 0, "it was never read completely, so there is nothing to compare with"
		}
		b.out.Counts = append(b.out.Counts, c)
		if s.unread > 0 {
			b.gaps.add(Gap{Code: "unread", N: s.unread, Record: s.lastUnread,
				What: fmt.Sprintf("%s %s was not read completely in %d runs of the period, at last because: %s; what changed there meanwhile shows only in the next complete read", c.Kind, c.Source, s.unread, s.reasons)})
		}
		if !c.Complete || c.Read.Before(b.out.To.Add(-24*time.Hour)) {
			b.gaps.add(Gap{Code: "stale", N: 1, Record: c.Record, What: fmt.Sprintf("the last complete read of %s %s before the end of the period: %s", c.Kind, c.Source, day(c.Read))})
		}
	}
}

func programDifference(n int) string {
	switch {
	case n == 0:
		return "the list, and what was made after it, is what is here"
	case n > 0:
		return "more than the program showed: results after the list was begun, or holdings that it did not show within its lag"
	}
	return "fewer than the program showed: some of its list could not be recorded, or was blanked"
}

func day(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
