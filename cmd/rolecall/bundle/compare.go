package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// errDiffers ends the writing of a file that is known to be another one.
var errDiffers = errors.New("differs")

// compareSink holds what would be written against the files of a folder.
type compareSink struct {
	root   *os.Root
	report *Report
	files  []File
}

func (s *compareSink) file(name string, write func(io.Writer) error) error {
	f, err := s.root.Open(name) // the folder's files are known to be regular, and no links
	if errors.Is(err, fs.ErrNotExist) {
		s.report.wrong(name, 0, "it is missing")
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	c := &comparer{found: bufio.NewReaderSize(f, 64<<10), line: 1, sum: newSummed()}
	out := bufio.NewWriterSize(c, 64<<10)
	if err = write(out); err == nil {
		err = out.Flush()
	}
	if err == nil {
		c.ended()
	}
	if c.wrong != "" {
		s.report.wrong(name, c.line, "%s", c.wrong)
		return nil
	}
	s.files = append(s.files, c.sum.file(name))
	return err
}

// comparer stops at the first difference.
type comparer struct {
	found   *bufio.Reader
	line    int
	current []byte // of the line, as far as both agree
	sum     *summed
	wrong   string
}

// Write implements io.Writer.
func (c *comparer) Write(p []byte) (int, error) {
	buf := make([]byte, len(p))
	n, err := io.ReadFull(c.found, buf)
	same := 0
	for same < n && buf[same] == p[same] {
		same++
	}
	c.walk(p[:same])
	if same < len(p) {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		c.wrong = fmt.Sprintf("it says %q, the records give %q", c.shown(buf[same:n], true), c.shown(p[same:], false))
		return 0, errDiffers
	}
	c.sum.Write(p) //nolint:errcheck // a hash takes everything
	return len(p), nil
}

func (c *comparer) walk(agreed []byte) {
	c.line += bytes.Count(agreed, []byte("\n"))
	if i := bytes.LastIndexByte(agreed, '\n'); i >= 0 {
		c.current, agreed = c.current[:0], agreed[i+1:]
	}
	c.current = append(c.current, agreed...)
	if len(c.current) > mostShown {
		c.current = append(c.current[:0], c.current[len(c.current)-mostShown:]...)
	}
}

const mostShown = 60

// shown is what there is around a difference: what came before on the line, and what follows.
func (c *comparer) shown(rest []byte, more bool) string {
	if more && len(rest) < mostShown {
		next, _ := c.found.Peek(mostShown - len(rest))
		rest = append(bytes.Clone(rest), next...)
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return string(c.current) + string(line[:min(mostShown, len(line))])
}

// ended looks for what is there too much.
func (c *comparer) ended() {
	if _, err := c.found.ReadByte(); err == nil {
		c.wrong = "it goes on where the records give no more"
	}
}
