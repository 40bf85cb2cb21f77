// Package bundle writes all that an auditor needs of a period into one folder, and checks such a folder with nothing else at
// hand.
//
// A bundle holds evidence and what is derived from it. Evidence is the records in the form that their hashes are of, the signed
// checkpoints, the key, and the proofs that join them. Everything else (tables, pages, policies) is a pure function of the
// evidence and the manifest, so a check derives it anew and compares byte by byte: nothing in a bundle is believed because it
// stands there.
//
// The rule for changing what is derived: a bundle must be found right years later, by a later version. So whatever changes one
// byte of a derived file raises Format and FormatPruned, and the way of the former one is kept; TestFormer holds a bundle of each.
package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine/journal"
)

// Format is the version of the layout, and FormatPruned that of a bundle which goes on from a snapshot, as records were pruned.
const (
	Format       = 1
	FormatPruned = 2
)

// The files of evidence; Records and Snapshot are read as streams, the others are small.
const (
	ManifestFile = "manifest.json"
	RecordsFile  = "records.jsonl"
	SnapshotFile = "snapshot.jsonl" // of FormatPruned
	ProofFile    = "proof.json"
	SealFile     = "checkpoint.txt"
	FormerFile   = "checkpoint-before.txt"
	KeyFile      = "verifier.txt"
)

// Bounds of what is read from a bundle, which may come from anybody.
const (
	maxSmall = 16 << 20 // bytes of a small file
	maxLine  = 64 << 20 // bytes of a record
	maxFiles = 20_000
)

// Manifest lists the files, and says what the bundle is about.
type Manifest struct {
	Format  int       `json:"format"`
	From    time.Time `json:"from"` // in
	To      time.Time `json:"to"`   // not in
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	Records int64     `json:"records"` // 1 to this one are in the bundle
	Files   []File    `json:"files"`   // sorted by name; all but the manifest
}

// File is one file of a bundle.
type File struct {
	Name   string `json:"name"` // with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex
}

// Proof joins the records with the checkpoint. Hashes are base64.
type Proof struct {
	Next        *journal.Stored `json:"next,omitempty"`        // the record after the last one, without its personal part: it shows that none is missing before the end
	Consistency []string        `json:"consistency,omitempty"` // RFC 6962, 2.1.2: from the records with that one to the checkpoint
	Continues   []string        `json:"continues,omitempty"`   // from the checkpoint before the period to the checkpoint
	Pruning     *journal.Stored `json:"pruning,omitempty"`     // the record that says what was pruned, as the key signed it: without its salt
	Pruned      []string        `json:"pruned,omitempty"`      // from the records to the checkpoint in that record
}

// Line is one record of RecordsFile; of one that was pruned nothing but the hash is there.
type Line struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
	journal.Stored
}

// encode is the one form that a value of the bundle has: whoever reads another one knows that it was changed.
func encode(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(render.Visible(&b))
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return b.Bytes(), err
}

// decode is the inverse of encode, and refuses every other form of the same value.
func decode(data []byte, into any, indent string) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("it can't be read: %w", err)
	}
	again, err := encode(into, indent)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return errors.New("it is not in the form in which it was written")
	}
	return nil
}

// local says whether a name can only mean a file in the bundle's own folder, on every system.
func local(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\\:\x00")
}
