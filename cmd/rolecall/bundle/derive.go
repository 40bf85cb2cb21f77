package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine/audit/period"
)

// content is all that the derived files follow from.
type content struct {
	manifest Manifest // without files
	seals    Seals
	found    *period.Findings
	before   *ground // nil: nothing was pruned
}

// sink takes files, one after the other: into a folder, or against one.
type sink interface {
	file(name string, write func(io.Writer) error) error
}

// derive writes everything that follows from the evidence.
func (c *content) derive(s sink) error {
	for _, t := range c.tables() {
		if err := s.file(t.name, func(w io.Writer) error { return (render.Out{W: w, Format: render.CSV}).Data(t.Table, nil) }); err != nil {
			return err
		}
	}
	if err := s.file("cases.jsonl", c.caseLines); err != nil {
		return err
	}
	for _, page := range []string{"index", "not-covered"} {
		if err := s.file(page+".html", func(w io.Writer) error { return c.page(w, page) }); err != nil {
			return err
		}
	}
	return errors.Join(c.policyFiles(s), c.configFiles(s))
}

func (c *content) caseLines(w io.Writer) error {
	for i := range c.found.Cases {
		line, err := encode(&c.found.Cases[i], "")
		if err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// Bounds of what a recorded policy unpacks to.
const (
	maxPolicyFiles = 2_000
	maxPolicy      = 64 << 20
)

var errBomb = errors.New("it unpacks to more than a policy is")

// policyFiles unpacks each policy that was in force, once.
func (c *content) policyFiles(s sink) error {
	done := map[string]bool{}
	for _, v := range c.found.Policies {
		if done[v.Hash] {
			continue
		}
		done[v.Hash] = true
		files, err := unpack(v.Data)
		if err != nil {
			return fmt.Errorf("the policy of record %d: %w", v.Seq, err)
		}
		for _, name := range sortedKeys(files) {
			err := s.file("policies/"+plain(short(v.Hash))+"/"+plain(name), func(w io.Writer) error { _, err := w.Write(files[name]); return err })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func unpack(data []byte) (map[string][]byte, error) {
	var packed struct{ Files []byte }
	if err := json.Unmarshal(data, &packed); err != nil {
		return nil, err
	}
	if len(packed.Files) == 0 {
		return nil, nil
	}
	z, err := zip.NewReader(bytes.NewReader(packed.Files), int64(len(packed.Files)))
	if err != nil {
		return nil, err
	}
	if len(z.File) > maxPolicyFiles {
		return nil, errBomb
	}
	out, left := map[string][]byte{}, int64(maxPolicy)
	for _, f := range z.File {
		text, err := unpackOne(f, left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(text))
		if _, twice := out[f.Name]; twice {
			return nil, fmt.Errorf("it holds %q twice", f.Name)
		}
		out[f.Name] = text
	}
	return out, nil
}

func unpackOne(f *zip.File, most int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = errBomb
	}
	return text, err
}

func (c *content) configFiles(s sink) error {
	done := map[string]bool{}
	for _, v := range c.found.Configs {
		if done[v.Hash] {
			continue
		}
		done[v.Hash] = true
		var recorded struct{ Text string }
		if err := json.Unmarshal(v.Data, &recorded); err != nil {
			return fmt.Errorf("the configuration of record %d: %w", v.Seq, err)
		}
		err := s.file("configurations/"+plain(short(v.Hash))+".yaml", func(w io.Writer) error { _, err := io.WriteString(w, recorded.Text); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// plain is a text as a file's name, which can't lead anywhere else; different texts have different names.
func plain(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		ordinary := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_-.", c) >= 0
		if ordinary && (i > 0 || c != '.') {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02x", c)
		}
	}
	if b.Len() <= longestName {
		return b.String()
	}
	sum := sha256.Sum256([]byte(name))
	return b.String()[:longestName-17] + "-" + hex.EncodeToString(sum[:8])
}

// longestName keeps names of files within what file systems take, with what stands before and behind them.
const longestName = 120

// short is as much of a hash as people compare.
func short(hash string) string { return hash[:min(16, len(hash))] }

func sortedKeys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }
