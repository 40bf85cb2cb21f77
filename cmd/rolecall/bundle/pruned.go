package bundle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/audit/period"
	"github.com/rolecall/rolecall/engine/journal"
)

// ground is the snapshot that a bundle goes on from where records were pruned; nil: it begins with the first record.
type ground struct {
	record journal.Stored // of the pruning
	pruned *engine.Pruned
	lines  *journal.Snapshot
	stayed map[int64]engine.Record // changes, of which some were open
}

func newGround(record journal.Stored) (*ground, error) {
	p, err := journal.PruningOf(record)
	if err != nil {
		return nil, fmt.Errorf("the record of what was pruned: %w", err)
	}
	return &ground{record, p, journal.NewSnapshot(p), map[int64]engine.Record{}}, nil
}

// before says whether a record is one of those that were pruned, or stayed among them.
func (g *ground) before(seq int64) bool { return g != nil && seq <= g.pruned.UpTo }

// add gives a record to the builder, which begins behind the last one that was pruned.
func (g *ground) add(b *period.Builder, r engine.Record, s *journal.Stored) error {
	if !g.before(r.Seq) {
		return b.Add(r, s.Salt == "")
	}
	switch whole, stays := s.Public != "", g.pruned.Keeps(r.Seq); {
	case whole && !stays:
		return errors.New("it was emptied when records were pruned, and is here")
	case !whole && stays:
		return errors.New("it stayed when records were pruned, and is not here")
	case whole:
		if err := g.stay(b, r, s.Salt == ""); err != nil {
			return err
		}
	}
	if r.Seq < g.pruned.UpTo {
		return nil
	}
	return g.begin(b)
}

func (g *ground) stay(b *period.Builder, r engine.Record, blanked bool) error {
	if r.Kind == engine.KindIntent && !blanked {
		g.stayed[r.Seq] = r
	}
	return b.Stayed(r, blanked)
}

func (g *ground) begin(b *period.Builder) error {
	at, err := g.lines.Position(func(seq int64) (engine.Record, bool) { r, ok := g.stayed[seq]; return r, ok })
	if err != nil {
		return err
	}
	return b.Begin(&period.Start{Position: at, Tenures: g.lines.Tenures(), People: g.lines.People(), Blanked: g.lines.Blanked(), Pruned: *g.pruned})
}

// says is what stands on the first page.
func (g *ground) says() string {
	if g == nil {
		return ""
	}
	return render.Clean(g.pruned.String())
}

// ground writes the snapshot, if the journal has one.
func (c *content) ground(w *folderSink, from Source) (*ground, error) {
	record, ok, err := from.Pruning()
	if err != nil || !ok {
		return nil, err
	}
	g, err := newGround(journal.Stored{Public: record.Public, Personal: record.Personal}) // what the key signed
	if err != nil {
		return nil, err
	}
	err = w.file(SnapshotFile, func(out io.Writer) error {
		return from.Snapshot(g.pruned, func(s journal.Stored) error {
			line, err := encode(s, "")
			if err == nil {
				_, err = out.Write(line)
			}
			if err == nil {
				err = g.lines.Add(s)
			}
			return err
		})
	})
	if err == nil {
		err = g.lines.Is(g.pruned)
	}
	c.manifest.Format, c.before = FormatPruned, g
	return g, err
}

// join proves that what the key signed of the pruning is of these records.
func (g *ground) join(p *Proof, records int64, from Source) error {
	p.Pruning = &g.record
	if size := g.pruned.Record - 1; size > records {
		proof, err := from.Prove(size, records)
		p.Pruned = texts(proof)
		return err
	}
	return nil
}

// pruning finds out whether the bundle goes on from a snapshot.
func (v *verifier) pruning() error {
	f := v.report.Manifest.Format
	if (f == FormatPruned) != (v.proof.Pruning != nil) || v.proof.Pruning == nil && len(v.proof.Pruned) > 0 {
		v.report.wrong(ProofFile, 0, "it has to say what was pruned in format %d, and nowhere else", FormatPruned)
		return errStop
	}
	if v.proof.Pruning == nil {
		return nil
	}
	g, err := newGround(*v.proof.Pruning)
	if err == nil && (g.record.Salt != "" || g.record.Commitment != "") {
		err = errors.New("it says more of the record of the pruning than was signed")
	}
	if err != nil {
		v.report.wrong(ProofFile, 0, "%v", err)
		return errStop
	}
	v.ground = g
	return nil
}

// snapshot reads the lines, and holds them against what the record of the pruning says of them.
func (v *verifier) snapshot() error {
	if v.ground == nil {
		return nil
	}
	n, err := v.each(SnapshotFile, "line", func(text []byte, _ int64) error {
		var l journal.Stored
		if err := decode(text, &l, ""); err != nil {
			return err
		}
		return v.ground.lines.Add(l)
	})
	if err != nil {
		return err
	}
	if err := v.ground.lines.Is(v.ground.pruned); err != nil {
		v.report.wrong(SnapshotFile, n, "%v", err)
		return errStop
	}
	return nil
}

// emptied takes in a record of which nothing but the hash is left.
func (v *verifier) emptied(l *Line, seq int64) error {
	if l.Seq != seq || l.Stored != (journal.Stored{}) {
		return fmt.Errorf("record %d stands here, or is neither whole nor emptied", l.Seq)
	}
	leaf, err := hashes([]string{l.Hash})
	if err != nil {
		return err
	}
	v.tree.add(leaf[0])
	return v.ground.add(v.build, engine.Record{Seq: seq}, &l.Stored)
}

// holdsPruning wants the key to say what was pruned, of these records.
func (v *verifier) holdsPruning() error {
	g := v.ground
	if g == nil {
		return nil
	}
	c, err := v.known.trusted(g.pruned)
	if err != nil {
		return err
	}
	if c.Size <= v.tree.frontier.Size() {
		if len(v.proof.Pruned) > 0 {
			return errors.New("it proves more than there is a checkpoint for")
		}
		return v.tree.holds(&c)
	}
	proof, err := hashes(v.proof.Pruned)
	if err != nil {
		return err
	}
	return audit.CheckConsistency(proof, c.Head, v.tree.frontier.Head())
}

// trusted is what one of the keys says of the record of a pruning.
func (k keys) trusted(p *engine.Pruned) (c audit.Checkpoint, err error) {
	err = errors.New("no key is known to check with what was pruned")
	for _, verifier := range sortedKeys(k) {
		one, wrong := audit.NewKeys(verifier)
		if wrong == nil {
			c, wrong = journal.Trusted(one, p)
		}
		if err = wrong; err == nil {
			return c, nil
		}
	}
	return c, fmt.Errorf("%w (the keys that count are the bundle's, and those that its records name: take a later end of the period if the key was replaced)", err)
}

// each reads a file of lines, and remembers what it was.
func (v *verifier) each(name, what string, take func(text []byte, n int64) error) (n int, err error) {
	if _, ok := v.sizes[name]; !ok {
		v.report.wrong(name, 0, "it is missing")
		return 0, errStop
	}
	f, err := v.sink.root.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	sum := newSummed()
	in := bufio.NewReaderSize(io.TeeReader(f, sum), 64<<10)
	for {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		}
		n++
		if err == nil {
			err = take(line, int64(n))
		}
		if err != nil {
			v.report.wrong(name, n, "%s %d: %v", what, n, err)
			return n, errStop
		}
	}
	is := sum.file(name)
	if v.ground != nil && !slices.Contains(v.report.Manifest.Files, is) { // which of the hashes of emptied records is another one nobody could say
		v.report.wrong(name, 0, "it is not the file that %s names: one of the two was changed", ManifestFile)
		return n, errStop
	}
	v.sink.files = append(v.sink.files, is)
	return n, nil
}
