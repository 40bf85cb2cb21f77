package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// gap is what the journal lacks, on its way to being accepted.
type gap struct {
	engine.Gap
	app        *app
	system     *system
	there      bool
	sealed     bool // there is a checkpoint outside
	checkpoint audit.Checkpoint
	control    int64
	memory     *engine.Memory  // as it will be after the events
	records    []engine.Record // to be written after the statement
	doubts     []engine.Fact
	replayed   int
	incomplete []string // sources that were not read completely
}

// find tells whether there is a gap, and how large it is as far as the checkpoint tells.
func (g *gap) find(ctx context.Context) (err error) {
	store, cfg := g.system.store, g.system.cfg
	if g.checkpoint, g.sealed, err = g.app.outside(ctx, cfg, store); err != nil {
		return err
	}
	if g.sealed {
		err := store.Continues(ctx, g.checkpoint)
		if err != nil && !errors.Is(err, journal.ErrRolledBack) {
			return err
		}
		g.there = err != nil
	}
	f, restored, err := store.Fact(ctx, engine.FactKey{Kind: engine.FactRestored})
	if err != nil {
		return err
	}
	if g.there = g.there || restored; !g.there {
		return nil
	}
	if restored {
		g.Restored = &engine.Restored{}
		if err := json.Unmarshal(f.Data, g.Restored); err != nil {
			return fmt.Errorf("what the journal says of its restoration can't be read: %w", err)
		}
		g.Base, g.From = g.Restored.Records, g.Restored.Last
	}
	return g.measure(ctx)
}

// measure reads the journal whole: one that is wrong in itself can't be accepted.
func (g *gap) measure(ctx context.Context) error {
	v, err := g.system.store.Verify(ctx)
	if err != nil {
		return err
	}
	if !v.OK() {
		return failed("see `rolecall audit verify`, and restore a backup", "the journal is wrong in itself, not only older; that can't be accepted")
	}
	if g.memory, err = g.system.store.Memory(ctx, g.app.Now().Add(-g.system.engine.Settings.Window())); err != nil {
		return err
	}
	g.Records, g.control = v.Records, g.memory.Control
	if g.Base == 0 {
		g.From = g.memory.Time
	}
	if !g.sealed {
		return nil
	}
	g.Sealed, g.SealedAt = g.checkpoint.Size, g.checkpoint.Time
	note, err := os.ReadFile(g.system.cfg.In(g.system.cfg.Audit.Checkpoints))
	g.Note = string(note)
	g.Missing = max(0, g.Sealed-max(g.Base, 0))
	if g.Base == 0 {
		g.Missing = max(0, g.Sealed-g.Records)
	}
	return err
}

// evidence takes the lost records from an export, as far as they fit the journal and the checkpoint.
func (g *gap) evidence(ctx context.Context, file string) error {
	events, sum, err := readEvents(file)
	if err != nil {
		return err
	}
	var head *audit.Head
	if g.sealed {
		head = &g.checkpoint.Head
	}
	store, first := g.system.store, events[0].Record.Seq
	base, proven, err := store.Follow(ctx, events, head)
	if err != nil {
		return err
	}
	if g.Restored != nil && base != g.Restored.Records {
		return fmt.Errorf("%w: they part from the journal after record %d, but the backup had %d", journal.ErrOtherHistory, base, g.Restored.Records)
	}
	lost := events[base+1-first:]
	if len(lost) == 0 {
		return fmt.Errorf("they end with record %d, which the journal has; they tell nothing of the gap", base)
	}
	upTo, now, since, err := store.Folded(ctx, base)
	if err != nil {
		return err
	}
	g.Base = base
	g.Events = &engine.Evidence{First: base + 1, Last: lost[len(lost)-1].Record.Seq, File: sum, Proven: proven}
	g.Missing = max(g.Sealed, g.Events.Last) - base
	return g.replay(upTo, now, since, lost)
}

// replay makes the records after which the journal says what the events say.
func (g *gap) replay(upTo, now *engine.Fold, since []engine.Record, lost []journal.Event) error {
	_, _, _, g.From = upTo.Head()
	why := fmt.Sprintf("known from exported records %d to %d", g.Events.First, g.Events.Last)
	window := g.app.Now().Add(-g.system.engine.Settings.Window())
	var again []engine.Record
	for i := range lost {
		r := lost[i].Record
		if err := upTo.Apply(r); err != nil {
			return err
		}
		if text := decision(r); text != "" {
			g.Decisions = append(g.Decisions, text)
		}
		if one, ok := madeAgain(r, why); ok {
			again = append(again, one)
		}
		if one, ok := engine.ChargeAgain(&r, why); ok && r.Time.After(window) {
			again = append(again, one)
		}
	}
	g.records = append(again, engine.Replay(now, upTo, since, why)...)
	g.replayed = len(g.records)
	seq, _, _, at := now.Head()
	for _, r := range g.records {
		seq++
		r.Seq, r.Time = seq, at
		if err := now.Apply(r); err != nil {
			return err
		}
	}
	g.memory = now.Memory(window)
	return nil
}

// madeAgain is the record by which the journal knows again what no view tells.
func madeAgain(r engine.Record, why string) (engine.Record, bool) {
	one := engine.Record{Kind: r.Kind, Actor: r.Actor, Why: slices.Concat(r.Why, []string{why})}
	switch r.Kind {
	case engine.KindPolicy: // it is asked for by its hash, and who made it by its time
		one.Data = dated(&r)
	case engine.KindKey:
		one.Data = unsigned(r.Data)
	case engine.KindRun: // so that no later run takes its number
		one.Run, one.Why = r.Run, []string{why}
	default:
		return one, false
	}
	return one, true
}

// dated is a version of the policy that says itself when it was recorded: who changed what when decides who may approve.
func dated(r *engine.Record) json.RawMessage {
	fields := map[string]json.RawMessage{} // a later Rolecall's too
	if json.Unmarshal(r.Data, &fields) != nil || fields["time"] != nil {
		return r.Data
	}
	at, err := json.Marshal(r.Time)
	if err == nil {
		fields["time"] = at
		at, err = json.Marshal(fields)
	}
	if err != nil {
		panic("times and JSON can't fail to marshal: " + err.Error())
	}
	return at
}

// unsigned is a change of key whose checkpoint, signed by both keys, is lost.
func unsigned(data json.RawMessage) json.RawMessage {
	var c keyChange
	if json.Unmarshal(data, &c) != nil {
		return data
	}
	c.Lost = true
	text, err := json.Marshal(c)
	if err != nil {
		panic("strings can't fail to marshal: " + err.Error())
	}
	return text
}

// remembered is a journal whose memory is as it will be.
type remembered struct {
	engine.Journal
	memory *engine.Memory
}

// Memory implements engine.Journal.
func (r remembered) Memory(context.Context, time.Time) (*engine.Memory, error) { return r.memory, nil }

// plan reads everything, to see what policy grants and is there, and what nobody knows.
func (g *gap) plan(ctx context.Context) error {
	e := *g.system.engine
	e.Journal = remembered{e.Journal, g.memory}
	snapshot, err := e.Snapshot(ctx)
	if err != nil {
		return err
	}
	p := e.MakePlan(snapshot)
	for i := range p.Proofs {
		if !p.Proofs[i].Complete() {
			g.incomplete = append(g.incomplete, p.Proofs[i].Source)
		}
	}
	adopted := engine.Readopted(p, g.app.Actor)
	now := g.app.Now().UTC()
	g.records = append(g.records, adopted...)
	g.doubts = append(engine.Doubts(snapshot, p, now), g.Questions(now)...)
	g.Adopted, g.Open, g.Doubts = len(adopted), engine.OpenEnds(p), len(g.doubts)
	return nil
}

// readEvents reads an export: JSON Lines, each a record with its stored form, none left out.
func readEvents(file string) (events []journal.Event, sum string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	h := sha256.New()
	d := json.NewDecoder(bufio.NewReader(io.TeeReader(f, h)))
	for {
		var line struct {
			Seq    int64          `json:"seq"`
			Hash   string         `json:"hash"`
			Stored journal.Stored `json:"stored"`
		}
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, "", fmt.Errorf("after record %d: it is no export of `rolecall audit export`: %w", lastSeq(events), err)
		}
		e, err := journal.ReadEvent(line.Hash, line.Stored)
		if err == nil && e.Record.Seq != line.Seq {
			err = errors.New("its number was changed")
		}
		if err == nil && len(events) > 0 && e.Record.Seq != lastSeq(events)+1 {
			err = fmt.Errorf("it follows record %d; export without filters, so that none is left out", lastSeq(events))
		}
		if err != nil {
			return nil, "", fmt.Errorf("record %d: %w", line.Seq, err)
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		return nil, "", errors.New("there are no records in it")
	}
	return events, hex.EncodeToString(h.Sum(nil)), nil
}

func lastSeq(events []journal.Event) int64 {
	if len(events) == 0 {
		return 0
	}
	return events[len(events)-1].Record.Seq
}

// openEnds lists what an old journal says is still to be taken from leavers and people cut off. It may have been done since.
func openEnds(ctx context.Context, store *journal.Store, now time.Time) (out []string, err error) {
	m, err := store.Memory(ctx, now)
	if err != nil {
		return nil, err
	}
	for i := range m.Open {
		if c := &m.Open[i].Change; m.Open[i].Class == engine.ChargeLeaver || c.Cause == engine.CauseCut {
			out = append(out, fmt.Sprintf("person %s: %s %s of account %s", c.Person, c.Op, c.Entitlement, c.Account))
		}
	}
	return out, nil
}
