package bundle

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/audit/period"
	"github.com/rolecall/rolecall/engine/journal"
)

// Source is what a bundle is made from.
type Source interface {
	// Each yields all records from before a time, from the first on; of those that were pruned number and hash.
	Each(to time.Time, yield func(engine.Record, journal.Stored) error) error
	// Next is the record with the number, ok is false if there is none.
	Next(seq int64) (s journal.Stored, ok bool, err error)
	Prove(newer, older int64) ([]audit.Hash, error)
	// Pruning is the record of what was pruned last, ok is false if nothing was.
	Pruning() (s journal.Stored, ok bool, err error)
	// Snapshot yields the lines that the journal goes on from since.
	Snapshot(p *engine.Pruned, yield func(journal.Stored) error) error
}

// Order says what to bundle.
type Order struct {
	From, To, Made time.Time
	By             string
	Verifier       string   // "": the journal is not sealed
	Seal           []byte   // the newest checkpoint from outside; nil: none
	Formers        [][]byte // those that the store keeps, by size
}

// Write makes the folder, which must not be there. Only the manifest, which comes last, makes it a bundle.
func Write(folder string, o Order, from Source) (_ *period.Findings, err error) {
	w := &folderSink{folder: folder}
	c := &content{manifest: Manifest{Format: Format, From: o.From.UTC(), To: o.To.UTC(), Made: o.Made.UTC(), By: o.By}, seals: Seals{Verifier: o.Verifier}}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	known := keys{o.Verifier: true}
	b := period.New(o.From, o.To)
	g, err := c.ground(w, from)
	if err != nil {
		return nil, err
	}
	err = w.file(RecordsFile, func(out io.Writer) error {
		return from.Each(o.To, func(r engine.Record, s journal.Stored) error {
			known.learn(&r)
			c.manifest.Records = r.Seq
			line, err := encode(Line{r.Seq, r.Hash, s}, "")
			if err == nil {
				_, err = out.Write(line)
			}
			if err == nil {
				err = g.add(b, r, &s)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	c.found = b.Done()
	if err := c.seal(w, o, known, from); err != nil {
		return nil, err
	}
	if err := c.derive(w); err != nil {
		return nil, err
	}
	return c.found, w.manifest(c.manifest)
}

// seal writes the checkpoints, and the proofs that join them with the records.
func (c *content) seal(w *folderSink, o Order, known keys, from Source) error {
	var p Proof
	if o.Seal != nil {
		seal, err := known.open(o.Seal)
		if err != nil {
			return err
		}
		c.seals.Seal = &seal
		if err := c.join(&p, from); err != nil {
			return err
		}
		if err := c.former(w, &p, o, known, from); err != nil {
			return err
		}
		if err := w.text(SealFile, o.Seal); err != nil {
			return err
		}
	}
	if c.before != nil {
		if err := c.before.join(&p, c.manifest.Records, from); err != nil {
			return err
		}
	}
	if o.Verifier != "" {
		if err := w.text(KeyFile, []byte(o.Verifier+"\n")); err != nil {
			return err
		}
	}
	text, err := encode(p, "  ")
	if err != nil {
		return err
	}
	return w.text(ProofFile, text)
}

// join proves that the records, and the one after them, are the beginning of what is sealed.
func (c *content) join(p *Proof, from Source) error {
	n, size := c.manifest.Records, c.seals.Seal.Size
	if size <= n {
		return nil
	}
	next, ok, err := from.Next(n + 1)
	if err != nil || !ok {
		return cmp.Or(err, fmt.Errorf("the checkpoint speaks of record %d, which is not there", n+1))
	}
	d, err := next.Decode()
	if err != nil {
		return err
	}
	p.Next = &journal.Stored{Public: next.Public, Commitment: next.Commitment}
	if !d.Blanked {
		p.Next.Commitment = audit.Commitment([audit.SaltSize]byte(d.Proven.Salt), d.Proven.Personal).String()
	}
	proof, err := from.Prove(size, n+1)
	p.Consistency = texts(proof)
	return err
}

// former is the last checkpoint before the period that the store keeps.
func (c *content) former(w *folderSink, p *Proof, o Order, known keys, from Source) error {
	for _, signed := range slices.Backward(o.Formers) {
		one, err := known.open(signed)
		if err != nil || one.Size >= c.found.First || one.Size > c.seals.Seal.Size {
			continue
		}
		c.seals.Former = &one
		proof, err := from.Prove(c.seals.Seal.Size, one.Size)
		if err != nil {
			return err
		}
		p.Continues = texts(proof)
		return w.text(FormerFile, signed)
	}
	return nil
}

// folderSink writes files and remembers what they are.
type folderSink struct {
	folder string
	files  []File
}

func (s *folderSink) file(name string, write func(io.Writer) error) error {
	if !local(name) {
		return fmt.Errorf("%q is no name for a file of a bundle", name)
	}
	full := filepath.Join(s.folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(full, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := newSummed()
	out := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	for _, step := range []func() error{func() error { return write(out) }, out.Flush, f.Sync, f.Close} {
		if err := step(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	s.files = append(s.files, sum.file(name))
	return nil
}

func (s *folderSink) text(name string, text []byte) error {
	return s.file(name, func(w io.Writer) error { _, err := w.Write(text); return err })
}

func (s *folderSink) manifest(m Manifest) error {
	m.Files = s.files
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	text, err := encode(m, "  ")
	if err != nil {
		return err
	}
	return s.text(ManifestFile, text)
}

// summed is the size and hash of what is written to it.
type summed struct {
	size int64
	hash hash.Hash
}

func newSummed() *summed { return &summed{hash: sha256.New()} }

func (s *summed) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	return s.hash.Write(p)
}

func (s *summed) file(name string) File {
	return File{Name: name, Size: s.size, SHA256: hex.EncodeToString(s.hash.Sum(nil))}
}
