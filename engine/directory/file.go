package directory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// File says where a file is and how it shows that it is whole. A file looks the same whether its writer finished or was
// stopped half-way, so that one of Count, End, Done and Whole must be chosen; without any, or when one that was chosen
// does not hold, the read is incomplete and nobody's absence follows from it.
type File struct {
	Path string
	// Count is the word before the declared number of records: "rows" finds the CSV row `rows,120` and the LDIF comment
	// `# rows: 120`. The number that ldapsearch writes (numEntries) is no such declaration: it is written after a partial
	// answer, too.
	Count string
	// End is the mark that stands last: the first cell of the last CSV row, the text of the last LDIF comment.
	End string
	// Done is a second file that is written when the first is finished. It must not be older than the first. If it starts
	// with the first's SHA-256 (as sha256sum writes it) or with a number of records, they must agree.
	Done string
	// Whole (LDIF) takes a file for whole that ends with the blank line behind its last entry, as slapcat and ldapsearch
	// write it. A writer that stops exactly between two entries is not noticed; only the baseline can then help.
	Whole bool
	// MaxAge is how old the file may be; 0 means any age.
	MaxAge time.Duration
}

// clockSkew is how far ahead of ours the clock of a file server may be.
const clockSkew = 5 * time.Minute

// source is a file being read, with what its content said about its end.
type source struct {
	File
	name     string // without folders, for places such as hr.csv:12
	f        *os.File
	before   fs.FileInfo
	sum      hash.Hash
	in       io.Reader
	records  int
	declared []int
	ended    bool   // the end mark was last
	blank    bool   // LDIF: a blank line was last
	broken   string // why the rest could not be read
}

// open starts reading. The error says what to do.
func (c File) open(directory string) (*source, error) {
	f, err := os.OpenFile(c.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe that nobody writes to is not waited for
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w; look at its path and rights", directory, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file; name a file", c.Path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("directory %s: %w", directory, err)
	}
	s := &source{File: c, name: info.Name(), f: f, before: info, sum: sha256.New()}
	s.in = io.TeeReader(f, s.sum)
	return s, nil
}

// mark takes what stands where a declaration or an end mark may stand, and says whether it is one.
func (s *source) mark(text string) bool {
	if s.End != "" && text == s.End {
		s.ended = true
		return true
	}
	rest, ok := strings.CutPrefix(text, s.Count)
	if s.Count == "" || !ok {
		return false
	}
	n, err := strconv.Atoi(strings.Trim(rest, " \t:=#"))
	if err != nil || n < 0 {
		return false
	}
	s.declared = append(s.declared, n)
	return true
}

// record counts one record; an end mark before it was not the end.
func (s *source) record() { s.records++; s.ended = false }

// finish writes into the proof what the file said about itself, and closes it.
func (s *source) finish(b *builder) {
	defer s.f.Close()
	if s.broken == "" {
		if _, err := io.Copy(io.Discard, s.in); err != nil { // what follows the last record counts for the digest
			s.broken = err.Error()
		}
	}
	b.proof.Digest = hex.EncodeToString(s.sum.Sum(nil))
	b.proof.Mark = engine.TimeMark(s.before.ModTime())
	if s.broken != "" {
		b.against(engine.ReasonPartial, s.Path+" could not be read to its end: "+s.broken)
	}
	if after, err := os.Stat(s.Path); err != nil || !after.ModTime().Equal(s.before.ModTime()) || after.Size() != s.before.Size() || !os.SameFile(after, s.before) {
		b.against(engine.ReasonPartial, s.Path+" changed while it was read; have it written under another name and renamed")
	}
	for _, problem := range s.evidence(b.proof.Digest) {
		b.against(engine.ReasonNoEnd, s.Path+" "+problem)
	}
	s.age(b)
}

// evidence gives what speaks against the file's being whole.
func (s *source) evidence(digest string) []string {
	var bad []string
	if s.Count == "" && s.End == "" && s.Done == "" && !s.Whole {
		bad = append(bad, "says nothing about where it ends; declare a count, an end mark or a done-file")
	}
	if s.Count != "" {
		switch {
		case len(s.declared) == 0:
			bad = append(bad, "lacks its declared number of records, "+quote(s.Count))
		case len(s.declared) > 1:
			bad = append(bad, "declares its number of records more than once")
		case s.declared[0] != s.records:
			bad = append(bad, fmt.Sprintf("declares %s and has %d", plural(s.declared[0], "record", "records"), s.records))
		}
	}
	if s.End != "" && !s.ended {
		bad = append(bad, "does not end with its end mark "+quote(s.End))
	}
	if s.Whole && !s.blank {
		bad = append(bad, "does not end with a blank line behind its last entry")
	}
	if s.Done != "" {
		bad = append(bad, s.done(digest)...)
	}
	return bad
}

// done compares the done-file with what was read.
func (s *source) done(digest string) []string {
	f, err := os.OpenFile(s.Done, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return []string{"has no done-file yet: " + err.Error()}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return []string{"has no readable done-file: " + err.Error()}
	}
	if !info.Mode().IsRegular() {
		return []string{"has a done-file that is not a regular file"}
	}
	if info.ModTime().Before(s.before.ModTime()) {
		return []string{"is newer than its done-file " + s.Done}
	}
	head, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return []string{"has no readable done-file: " + err.Error()}
	}
	return s.doneContent(head, digest)
}

func (s *source) doneContent(head []byte, digest string) []string {
	words := bytes.Fields(head)
	if len(words) == 0 {
		return nil
	}
	first := strings.ToLower(string(words[0]))
	if _, err := hex.DecodeString(first); err == nil && len(first) == len(digest) && first != digest {
		return []string{"is not what its done-file has the SHA-256 of"}
	}
	if n, err := strconv.Atoi(first); err == nil && len(first) != len(digest) && n != s.records {
		return []string{fmt.Sprintf("has %s, its done-file says %d", plural(s.records, "record", "records"), n)}
	}
	return nil
}

func (s *source) age(b *builder) {
	written := s.before.ModTime()
	switch age := b.now.Sub(written); {
	case s.MaxAge > 0 && age > s.MaxAge:
		b.against(engine.ReasonStale, fmt.Sprintf("%s is from %s, older than max_age %s; look whether the export still runs", s.Path, written.UTC().Format(time.RFC3339), s.MaxAge))
	case s.MaxAge > 0 && age < -clockSkew:
		b.against(engine.ReasonStale, fmt.Sprintf("%s is from %s, which is yet to come; set the clocks", s.Path, written.UTC().Format(time.RFC3339)))
	}
}
