package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// mostRefused is how many letters in a row a server may refuse before it is left until the next run.
const mostRefused = 10

// mostWrong is of how many letters it is said what was wrong.
const mostWrong = 50

// tries is in which order letters were tried in vain, by receiver, since the daemon was started.
type tries struct {
	last map[string]int
	n    int
}

func (t *tries) note(key string) {
	if t.last == nil {
		t.last = map[string]int{}
	}
	t.n++
	t.last[key] = t.n
}

// unfilledError says that a template can't be filled for one letter; others may be well.
type unfilledError struct{ error }

func (e *unfilledError) Unwrap() error { return e.error }

// send sends what is due, each letter with its record. Between the two the machine may die: then it comes once more, with the same id.
// What is left when the time is over, or the server takes no more, is sent after the next run.
func (p *post) send(ctx context.Context) (sent int, err error) {
	var open notify.Letters
	defer func() {
		if open != nil {
			open.Close()
		}
	}()
	var wrong []error
	refused := 0
	for _, l := range p.due() {
		address, ok := p.addressOf(l)
		if !ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return sent, errors.Join(append(wrong, err)...)
		}
		if address != nil && open == nil {
			if open, err = p.channels.people(ctx); err != nil {
				return sent, fmt.Errorf("notices: people: %w", err)
			}
		}
		if address != nil {
			p.tried.note(l.key)
		}
		taken, err := p.deliver(ctx, open, l, address)
		if taken {
			sent, refused = sent+1, 0
			delete(p.tried.last, l.key)
		}
		if err == nil {
			continue
		}
		if len(wrong) < mostWrong {
			wrong = append(wrong, fmt.Errorf("notices: people: the letter to the person %s: %w", l.key, err))
		}
		if errors.As(err, new(*unfilledError)) { // which the server knows nothing of
			continue
		}
		if refused++; !errors.As(err, new(*notify.RefusedLetterError)) || refused == mostRefused {
			break
		}
	}
	return sent, errors.Join(wrong...)
}

// due are the letters whose receivers were not told anything for some time: first those that were not tried, sorted by receiver, then as
// they were tried. So those that a server refuses keep nobody back for good. What a clock that was ahead told keeps nobody from being told.
func (p *post) due() (out []*letter) {
	maps.DeleteFunc(p.tried.last, func(key string, _ int) bool { return p.to[key] == nil })
	for _, key := range slices.Sorted(maps.Keys(p.to)) {
		l := p.to[key]
		last, was := p.told[toPeople+digest(l.key)]
		if l.to == nil || !was || last.Since.After(p.now.Add(engine.LongestLease)) || p.now.Sub(last.Since) >= p.cfg.Notices.People.Every {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b *letter) int { return cmp.Compare(p.tried.last[a.key], p.tried.last[b.key]) })
	return out
}

// addressOf is where a letter goes, nil if there is nobody to send it to, which is noted. What could not be seen now may be seen later:
// then it is not ok.
func (p *post) addressOf(l *letter) (to *mail.Address, ok bool) {
	if l.to == nil {
		return nil, true
	}
	given := l.to.Attributes.Get("mail")
	except := slices.ContainsFunc(p.cfg.Notices.People.Except, func(name string) bool {
		return slices.ContainsFunc(l.to.Names(), func(n string) bool { return n != "" && strings.EqualFold(n, name) })
	})
	switch {
	case except:
		l.nobody = "notices: people: except: names this person"
	case given.Unknown:
		return nil, false
	case len(given.Values) == 0 || given.Values[0] == "":
		l.nobody = "the directory has no mail address of this person"
	default:
		if to = notify.AddressOf(given.Values[0], l.to.Name()); to == nil {
			l.nobody = "what the directory has is no address that mail can be sent to"
		}
	}
	return to, true
}

// deliver sends a letter and remembers it; taken says that the server has it.
func (p *post) deliver(ctx context.Context, by notify.Letters, l *letter, to *mail.Address) (taken bool, err error) {
	why, facts := "nobody was told: "+l.nobody, p.remembered(l)
	if to != nil {
		l.short()
		m := notify.Message{Version: 1, ID: idOf(l.key, facts), About: notify.PeopleWord, Time: l.Now}
		if m.Subject, m.Text, err = p.channels.texts.RenderLetter(l.Letter, p.languageOf(l.to)); err != nil {
			return false, &unfilledError{err}
		}
		err = by.Send(to, m)
		var refused *notify.RefusedLetterError
		switch {
		case errors.As(err, &refused) && refused.Nobody:
			why = "nobody was told: the mail server takes nothing for this person's address"
		case err != nil:
			return false, err
		default:
			taken, why = true, p.cfg.Notices.People.Through+" told this person what is new" // not by the subject: a text of one's own may name others in it
		}
	}
	var records []engine.Record
	for part := range slices.Chunk(facts, 1000) {
		records = append(records, engine.Record{Kind: engine.KindNotice, Actor: actorDaemon, Person: l.key, Why: []string{why}, Set: part})
	}
	return taken, p.store.Append(context.WithoutCancel(ctx), engine.Free, records)
}

// languageOf is what the directory says of which language somebody reads, "" if nothing.
func (p *post) languageOf(who *engine.Person) string {
	name := p.cfg.Notices.People.Language
	if name == "" {
		return ""
	}
	values := slices.Clone(who.Attributes.Get(name).Values)
	for i := range who.Jobs {
		values = append(values, who.Jobs[i].Attributes.Get(name).Values...)
	}
	return strings.Join(values, ",")
}

// remembered are the facts of a letter, with when its receiver was told last, and of gains up to which record.
func (p *post) remembered(l *letter) []engine.Fact {
	if l.to == nil {
		return l.facts
	}
	last := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Person: l.key, Key: toPeople + digest(l.key)}, Since: p.now.UTC()}
	was := p.told[last.Key]
	last.Count = max(l.upTo, was.Count)
	last.Until = laterOf(was.Until, p.now.Add(newsFor+p.cfg.Notices.People.Every+24*time.Hour)).UTC()
	return append(slices.Clone(l.facts), last)
}

// idOf is the same if the same comes once more, whatever the clock says.
func idOf(to string, facts []engine.Fact) string {
	keys := []string{to}
	for _, f := range facts {
		keys = append(keys, fmt.Sprint(f.Key, " ", f.Count))
	}
	slices.Sort(keys[1:])
	return digest(strings.Join(keys, "\n"))
}
