package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/rolecall/rolecall/cmd/rolecall/export"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// cursor is how far an export went: the file of --cursor. Fields are only ever added.
type cursor struct {
	Version int    `json:"version"`
	Format  string `json:"format,omitempty"`
	Seq     int64  `json:"seq"`
	Hash    string `json:"hash"`           // of that record: another journal has another one
	Size    int64  `json:"size,omitempty"` // of the file of --out; what is behind it was not acknowledged
}

// position is where an export begins and how far it came. Without a file it remembers nothing.
type position struct {
	file, out, format string
	output            *os.File
	collector         *export.Collector // instead of a file
	at                cursor
	last              engine.Record // that was written
}

// open finds where to go on, and takes away from the output what an interrupted export had written beyond.
func (p *position) open(ctx context.Context, s *journal.Store, f *queryFlags) error {
	if p.file == "" {
		return nil
	}
	text, err := os.ReadFile(p.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.at = cursor{Version: 1, Format: p.format}
	case err != nil:
		return failed("", "%w", err)
	default:
		d := json.NewDecoder(bytes.NewReader(text))
		if err := d.Decode(&p.at); err != nil || p.at.Version != 1 || p.at.Seq < 1 {
			return failed("remove it to export everything anew", "%s is no cursor of an export", p.file)
		}
		if p.at.Format != p.format {
			return usage("use another file", "%s is the cursor of an export in the form %q", p.file, p.at.Format)
		}
		if err := p.at.same(ctx, s); err != nil {
			return err
		}
	}
	f.after = p.at.Seq
	return p.openOutput()
}

// same refuses to go on in a journal that was rolled back, or is another one.
func (at *cursor) same(ctx context.Context, s *journal.Store) error {
	if at.Seq == 0 {
		return nil
	}
	p, err := s.Pruned(ctx)
	if err != nil {
		return err
	}
	if p != nil && at.Seq < p.UpTo {
		return failed("begin another export for what is left: with another cursor and another output, or under another name in the configuration", "this export had the records up to %d, and those up to %d are gone for it: %w", at.Seq, p.UpTo, p)
	}
	hash, err := s.HashAt(ctx, at.Seq)
	if err == nil && hash != at.Hash {
		err = failed("see what the journal lacks with `rolecall audit accept`; then use another cursor and another output", "record %d is not the one that was exported last: the journal was restored or rolled back", at.Seq)
	}
	return err
}

func (p *position) openOutput() (err error) {
	if p.out == "" {
		return nil
	}
	if p.output, err = p.at.output(p.out); err != nil {
		return failed("", "%w", err)
	}
	return nil
}

// output opens a file to be appended to, and takes away what was written behind the cursor and not acknowledged.
func (at *cursor) output(path string) (*os.File, error) {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := out.Stat()
	switch {
	case err != nil:
	case info.Size() == 0: // new, or rotated
		at.Size = 0
	case info.Size() < at.Size:
		err = fmt.Errorf("%s is shorter than what was written to it; move it away to begin a new one", path)
	case at.Seq == 0:
		err = fmt.Errorf("%s is there already, but no cursor; move it away, or name its cursor", path)
	default:
		err = out.Truncate(at.Size)
	}
	if err == nil {
		_, err = out.Seek(at.Size, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

func (p *position) writer(stdout io.Writer) io.Writer {
	if p.output != nil {
		return p.output
	}
	if p.collector != nil {
		return p.collector
	}
	return stdout
}

// reached moves the cursor behind a record, once all up to it is written.
func (p *position) reached(out *bufio.Writer, r engine.Record) error {
	if err := out.Flush(); err != nil || p.file == "" {
		return err
	}
	if p.collector != nil {
		if err := p.collector.Received(); err != nil {
			return err
		}
	}
	p.at.Seq, p.at.Hash = r.Seq, r.Hash
	if p.output != nil {
		if err := p.output.Sync(); err != nil {
			return err
		}
		size, err := p.output.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		p.at.Size = size
	}
	text, err := json.Marshal(p.at)
	if err != nil {
		return err
	}
	return journal.WriteCheckpoint(p.file, append(text, '\n'))
}

// ended is reached for the last record; what failed stays where the cursor was.
func (p *position) ended(out *bufio.Writer, failure error) error {
	if failure != nil || p.last.Seq == 0 {
		return out.Flush()
	}
	return p.reached(out, p.last)
}

func (p *position) close() {
	if p.output != nil {
		p.output.Close()
	}
	if p.collector != nil {
		p.collector.Close()
	}
}
