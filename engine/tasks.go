package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Task is something that a person must do by hand. It ends by itself when its reason does.
type Task struct {
	ID      string    `json:"id"`
	Program string    `json:"program,omitempty"`
	Person  string    `json:"person,omitempty"`
	Text    string    `json:"text"`
	Since   time.Time `json:"since"`
	Done    string    `json:"done,omitempty"` // who said so, and what they said

	Why    []string   `json:"why,omitempty"`    // of a change that is made by hand
	Due    *time.Time `json:"due,omitempty"`    // when it should be done
	Urgent bool       `json:"urgent,omitempty"` // somebody has left, or was cut off
	Link   string     `json:"link,omitempty"`   // where to do it
	How    string     `json:"how,omitempty"`    // what to do there
}

// ErrUnknownTask refuses to tick off what is not there.
var ErrUnknownTask = errors.New("no such task; see: rolecall tasks list")

// Tasks lists what is to be done by hand, those that were ticked off and whose reason is still there too.
func (m *Memory) Tasks() []Task {
	var out []Task
	for f := range m.each(FactTask) {
		out = append(out, TaskOf(f))
	}
	return out
}

// TaskOf is the task of a FactTask.
func TaskOf(f Fact) Task {
	t := Task{ID: f.Key, Program: f.Program, Person: f.Person, Text: f.Text, Since: f.Since}
	if len(f.Data) > 0 && json.Unmarshal(f.Data, &t.Done) != nil {
		t.Done = ""
	}
	return t
}

// TaskDone ticks a task off, with a note. It comes back as long as its reason lives only if the note is wrong: whoever
// reads the list sees both. Nobody ticks off what is to be done about their own access.
func (e *Engine) TaskDone(ctx context.Context, actor, id, note string) error {
	if strings.TrimSpace(note) == "" {
		return ErrNoReason
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return err
	}
	if made, err := e.handDone(ctx, mem, actor, id, note); made || err != nil {
		return err
	}
	for f := range mem.each(FactTask) {
		if f.Key != id {
			continue
		}
		if e.isTheirs(ctx, mem, actor, f.Person, "") {
			return e.refuse(ctx, actor, ErrOwnAccess, &Change{Person: f.Person, Program: f.Program}, id)
		}
		f.Data = mustJSON(actor + ": " + note)
		return e.Journal.Append(ctx, Free, []Record{{Kind: KindTask, Actor: actor, Person: f.Person, Program: f.Program, Why: []string{note}, Set: []Fact{f}}})
	}
	return fmt.Errorf("%w: %s", ErrUnknownTask, quote(id))
}

// task asks somebody to do what Rolecall may not or cannot do.
func (b *builder) task(code, program, person, text string) {
	key := FactKey{Kind: FactTask, Program: program, Person: person, Key: shortHash(code, program, person)}
	b.tasks[key] = true
	if _, ok := b.s.Memory.Fact(key); !ok {
		b.set(Fact{FactKey: key, Since: b.s.Now, Text: text})
	}
}

// taken remembers what a leaver loses that no rule can give back.
func (p *programPlan) taken(s *subject, right, account uint32) Fact {
	key := p.key(FactTaken, right, account)
	key.Person = s.key
	return Fact{FactKey: key, Since: p.b.s.Now}
}

// offerBack asks somebody to decide about the unmanaged access of people who have come back: it is offered, never given.
func (b *builder) offerBack() {
	for f := range b.s.Memory.each(FactTaken) {
		i, ok := b.index[f.Person]
		if !ok || b.subjects[i].standing != present || b.subjects[i].person.State != StateActive {
			continue
		}
		e := Entitlement{f.Program, f.Entitlement}
		b.task("returned "+f.Account+" "+f.Entitlement, f.Program, f.Person, fmt.Sprintf("%s has come back; %s of the account %s was taken away on leaving and is not given back by itself, since it was not managed: decide, and give it by hand or with rolecall give",
			b.subjects[i].person.Name(), e, quote(f.Account)))
	}
}

// endTasks forgets tasks whose reason is gone, as far as complete reads show it.
func (b *builder) endTasks() {
	if !b.whole() {
		return
	}
	for f := range b.s.Memory.each(FactTask) {
		p := b.programNamed(f.Program)
		if !b.tasks[f.FactKey] && (p == nil || p.complete) {
			b.clear(f.FactKey)
		}
	}
}
