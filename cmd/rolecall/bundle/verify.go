package bundle

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/audit/period"
)

// Given is what an auditor has from elsewhere. All of it is optional.
type Given struct {
	Verifier    string
	Checkpoints map[string][]byte // own copies, by the name of the file
}

// Report is what Verify found.
type Report struct {
	Wrong    []string // each begins with the file, and the line where there is one
	Manifest Manifest
	Seals    Seals
	Found    *period.Findings // nil if the evidence itself is wrong
	SHA256   string           // of the manifest
}

// OK says that nothing is wrong.
func (r *Report) OK() bool { return len(r.Wrong) == 0 }

const mostWrong = 20

func (r *Report) wrong(file string, line int, format string, args ...any) {
	place := file
	if line > 0 {
		place = fmt.Sprintf("%s:%d", file, line)
	}
	if len(r.Wrong) < mostWrong {
		r.Wrong = append(r.Wrong, place+": "+fmt.Sprintf(format, args...))
	}
}

// Verify checks a folder. It reads nothing outside of it, follows no links, and takes memory for the findings, not for the
// files. The error is for a folder that can't be read.
func Verify(folder string, given Given) (*Report, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	v := &verifier{report: &Report{}, given: given, known: keys{}, sink: &compareSink{root: root}}
	v.sink.report = v.report
	err = v.all()
	if errors.Is(err, errStop) {
		err = nil
	}
	return v.report, err
}

// errStop: the report says what is wrong, and the rest would only follow from that.
var errStop = errors.New("stop")

type verifier struct {
	report *Report
	given  Given
	sink   *compareSink
	sizes  map[string]int64 // of the files that are there
	known  keys
	proof  Proof
	tree   *tree
	own    []ownCheckpoint
	build  *period.Builder
	ground *ground // nil: nothing was pruned
}

type ownCheckpoint struct {
	former bool // the bundle's own, from before the period
	file   string
	note   []byte
	size   int64
}

func (v *verifier) all() error {
	for _, step := range []func() error{v.list, v.manifest, v.evidence, v.snapshot, v.records, v.proven, v.derived, v.complete} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// list finds the files. Links, pipes and devices are no evidence, and reading some of them would never end.
func (v *verifier) list() error {
	v.sizes = map[string]int64{}
	return fs.WalkDir(v.sink.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || !local(name) {
			v.report.wrong(name, 0, "it is no plain file")
			return errStop
		}
		if v.sizes[name] = info.Size(); len(v.sizes) > maxFiles {
			v.report.wrong(name, 0, "there are more than %d files; this is no bundle", maxFiles)
			return errStop
		}
		return nil
	})
}

func (v *verifier) manifest() error {
	text, ok, err := v.small(ManifestFile)
	if err != nil {
		return err
	}
	m := &v.report.Manifest
	if !ok {
		v.report.wrong(ManifestFile, 0, "it is missing: this is no bundle, or one that was not finished")
		return errStop
	}
	if err := decode(text, m, "  "); err != nil {
		v.report.wrong(ManifestFile, 0, "%v", err)
		return errStop
	}
	if m.Format != Format && m.Format != FormatPruned {
		v.report.wrong(ManifestFile, 0, "format %d is not known to this version, which knows %d and %d", m.Format, Format, FormatPruned)
		return errStop
	}
	for _, f := range m.Files {
		if !local(f.Name) {
			v.report.wrong(ManifestFile, lineOf(text, f.Name), "%q is no name for a file of a bundle", f.Name)
			return errStop
		}
		if _, ok := v.sizes[f.Name]; !ok {
			v.report.wrong(f.Name, 0, "it is missing")
		}
	}
	if !v.report.OK() {
		return errStop
	}
	sum := newSummed()
	sum.Write(text) //nolint:errcheck // a hash takes everything
	v.report.SHA256 = sum.file("").SHA256
	return nil
}

// lineOf is where the manifest names something, 0 if it does not.
func lineOf(text []byte, name string) int {
	quoted, err := encode(name, "")
	if err != nil {
		return 0
	}
	before, _, found := bytes.Cut(text, append([]byte(`"name": `), bytes.TrimSpace(quoted)...))
	if !found {
		return 0
	}
	return bytes.Count(before, []byte("\n")) + 1
}

func (v *verifier) records() error {
	m := &v.report.Manifest
	v.build = period.New(m.From, m.To)
	n, err := v.each(RecordsFile, "record", v.record)
	if err != nil {
		return err
	}
	v.tree.flush()
	if v.ground.before(int64(n) + 1) {
		v.report.wrong(RecordsFile, n+1, "it ends before the last record that was pruned")
		return errStop
	}
	if int64(n) != m.Records {
		v.report.wrong(RecordsFile, n+1, "it has %d records, the manifest says %d", n, m.Records)
		return errStop
	}
	return nil
}

// readLine reads one line with its end; io.EOF with text is a line without an end.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, errors.New("the line is longer than any record")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (v *verifier) record(text []byte, seq int64) error {
	var l Line
	if err := decode(text, &l, ""); err != nil {
		return err
	}
	if l.Public == "" && v.ground.before(seq) {
		return v.emptied(&l, seq)
	}
	d, err := l.Decode()
	if err != nil {
		return err
	}
	if l.Seq != seq || d.Record.Seq != seq {
		return fmt.Errorf("record %d stands here: one was taken out, put in or moved", l.Seq)
	}
	leaf, err := d.Proven.LeafOf()
	if err != nil {
		return err
	}
	if leaf.String() != l.Hash {
		return errors.New("it is not what its hash says: one of them was changed")
	}
	v.tree.add(leaf)
	d.Record.Hash = l.Hash
	if s := v.report.Seals.Seal; s != nil && d.Record.Seq <= s.Size { // what nobody sealed names no keys
		v.known.learn(&d.Record)
	}
	if g := v.ground; g != nil && seq == g.pruned.Record && (l.Public != g.record.Public || l.Personal != g.record.Personal) {
		return fmt.Errorf("it is another one than %s has", ProofFile)
	}
	return v.ground.add(v.build, d.Record, &l.Stored)
}

// proven holds the records against the checkpoints.
func (v *verifier) proven() error {
	r, m := v.report, &v.report.Manifest
	seal := r.Seals.Seal
	if seal != nil && seal.Size <= m.Records {
		if err := v.tree.holds(seal); err != nil {
			r.wrong(SealFile, 0, "%v", err)
		}
	}
	switch {
	case v.given.Verifier == "":
	case seal == nil:
		r.wrong(SealFile, 0, "there is no checkpoint, so the key given says nothing of these records")
	case seal.Size < m.Records:
		r.wrong(SealFile, 0, "it covers %d of %d records, and those after it could be anything; have the bundle made again after the journal was sealed (any command that writes does)", seal.Size, m.Records)
	}
	if err := v.tree.reaches(m, &v.proof, seal); err != nil {
		r.wrong(ProofFile, 0, "%v", err)
	}
	if err := v.holdsPruning(); err != nil {
		r.wrong(ProofFile, 0, "%v", err)
	}
	for i := range v.own {
		v.holdsOwn(&v.own[i])
	}
	if len(v.proof.Continues) > 0 && r.Seals.Former == nil {
		r.wrong(ProofFile, 0, "it proves more than there is a checkpoint for")
	}
	if !r.OK() {
		return errStop
	}
	r.Found = v.build.Done()
	return nil
}

func (v *verifier) holdsOwn(own *ownCheckpoint) {
	r := v.report
	c, err := v.known.open(own.note)
	if err == nil && r.Seals.Seal != nil && c.Size == r.Seals.Seal.Size && c.Head == r.Seals.Seal.Head && !own.former {
		return // it may reach beyond the records
	}
	if err == nil {
		err = v.tree.holds(&c)
	}
	if err == nil && own.former {
		r.Seals.Former = &c
		if wrong := v.continues(&c); wrong != nil {
			r.wrong(ProofFile, 0, "%v", wrong)
		}
	}
	if err != nil {
		r.wrong(own.file, 0, "%v", err)
	}
}

// continues checks the proof that joins the two checkpoints, for those who have nothing else.
func (v *verifier) continues(former *audit.Checkpoint) error {
	proof, err := hashes(v.proof.Continues)
	if err != nil {
		return err
	}
	if v.report.Seals.Seal == nil {
		return errors.New("there is a checkpoint before the period, but none after it")
	}
	return audit.CheckConsistency(proof, v.report.Seals.Seal.Head, former.Head)
}

func (v *verifier) derived() error {
	m := v.report.Manifest
	m.Files = nil
	c := &content{manifest: m, seals: v.report.Seals, found: v.report.Found, before: v.ground}
	if err := c.derive(v.sink); err != nil {
		v.report.wrong(RecordsFile, 0, "nothing can be derived from it: %v", err)
		return errStop
	}
	return nil
}

// complete holds the files that are there, and what they are, against the manifest.
func (v *verifier) complete() error {
	r := v.report
	files := v.sink.files
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	text, err := encode(r.Manifest, "  ")
	if err != nil {
		return err
	}
	listed := map[string]File{}
	for _, f := range r.Manifest.Files {
		if _, twice := listed[f.Name]; twice {
			r.wrong(ManifestFile, lineOf(text, f.Name), "%s is named twice", f.Name)
		}
		listed[f.Name] = f
	}
	read := map[string]bool{}
	for _, f := range files {
		read[f.Name] = true
		if was, ok := listed[f.Name]; !ok {
			r.wrong(ManifestFile, 0, "it does not name %s", f.Name)
		} else if was != f {
			r.wrong(ManifestFile, lineOf(text, f.Name), "%s is another file than it says", f.Name)
		}
	}
	for _, name := range sortedKeys(v.sizes) {
		if name != ManifestFile && !read[name] && !v.blamed(name) {
			r.wrong(name, 0, "it is no part of the bundle: put there later")
		}
	}
	if r.OK() && !slices.Equal(files, r.Manifest.Files) {
		r.wrong(ManifestFile, 0, "its files are not in order")
	}
	return nil
}

func (v *verifier) blamed(name string) bool {
	return slices.ContainsFunc(v.report.Wrong, func(w string) bool { return strings.HasPrefix(w, name+":") })
}
