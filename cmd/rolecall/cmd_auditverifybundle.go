package main

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/bundle"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
)

func (a *app) auditVerifyBundle() *cobra.Command {
	var key string
	var checkpoints []string
	c := &cobra.Command{
		Use: "verify-bundle DIR", Short: "Check a bundle with nothing else at hand", Args: args(cobra.ExactArgs(1)),
		Long: "Recomputes every record's hash and the tree, checks the signatures and proofs, and derives every table and page anew from the\n" +
			"records; any difference is named with file and line. Reads no configuration and no database, and nothing outside of the folder.\n" +
			"--key is the journal's verifier key and --checkpoint an own copy of a checkpoint, both from somebody other than whoever gave\n" +
			"the bundle: without them it is only shown that the bundle agrees with itself. Exits with 1 if anything is wrong.",
		Example: "  rolecall audit verify-bundle evidence-2026 --key rolecall.example.com/journal+2ab39b1c+AS2t66Y8…",
		RunE: func(_ *cobra.Command, given []string) error {
			own := bundle.Given{Verifier: strings.TrimSpace(key), Checkpoints: map[string][]byte{}}
			for _, file := range checkpoints {
				text, err := smallFile(a.path(file))
				if err != nil {
					return usage("", "%w", err)
				}
				own.Checkpoints[file] = text
			}
			return a.verifyBundle(given[0], own)
		},
	}
	c.Flags().StringVar(&key, "key", "", "the journal's `VERIFIER` key, name+hash+base64")
	c.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "an own copy of a checkpoint, in this `FILE`; may be repeated")
	return c
}

// smallFile reads what can only be small.
func smallFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

func (a *app) verifyBundle(name string, own bundle.Given) error {
	report, err := bundle.Verify(a.path(name), own)
	if err != nil {
		return usage("name a folder that `rolecall audit bundle` made", "%w", err)
	}
	if err := a.showBundle(name, report, own); err != nil || report.OK() {
		return err
	}
	return exit(exitFailed)
}

// bundleJSON is the documented form of what a check of a bundle found.
type bundleJSON struct {
	Version int            `json:"version"`
	OK      bool           `json:"ok"`
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"`
	Records int64          `json:"records"`
	Covered int64          `json:"covered"` // by the checkpoint in the bundle
	Key     string         `json:"key,omitempty"`
	SHA256  string         `json:"sha256,omitempty"` // of manifest.json
	Sizes   map[string]int `json:"sizes,omitempty"`
	Wrong   []string       `json:"wrong"`
}

func shownBundle(r *bundle.Report) bundleJSON {
	out := bundleJSON{Version: 1, OK: r.OK(), From: r.Manifest.From, To: r.Manifest.To, Records: r.Manifest.Records, Key: r.Seals.Verifier, SHA256: r.SHA256,
		Wrong: append([]string{}, r.Wrong...)}
	if r.Seals.Seal != nil {
		out.Covered = min(r.Manifest.Records, r.Seals.Seal.Size)
	}
	if r.Found != nil {
		out.Sizes = map[string]int{}
		for _, s := range sizes(r.Found) {
			out.Sizes[s.name] = s.n
		}
	}
	return out
}

func (a *app) showBundle(name string, r *bundle.Report, own bundle.Given) error {
	out := a.out()
	if out.Format == render.JSON {
		return out.JSON(shownBundle(r))
	}
	for _, w := range r.Wrong {
		out.Raw(out.Paint(render.Red, "wrong: ") + render.Clean(w))
	}
	if !r.OK() {
		out.Line("%s is NOT what was made. Nothing in it can be relied on.", name)
		return nil
	}
	s := shownBundle(r)
	out.Line("What the bundle says follows from its records, from %s up to but without %s.", stamp(s.From), stamp(s.To))
	switch {
	case s.Key == "":
		out.Line("Nothing is sealed: whoever made the bundle could have written all of it.")
	case r.Seals.Seal == nil:
		out.Line("There is a key, but no checkpoint: whoever made the bundle could have written all of it.")
	default:
		out.Line("%d of %d records are covered by the checkpoint that %s signed, made %s.", s.Covered, s.Records, s.Key, stamp(r.Seals.Seal.Time))
	}
	if own.Verifier == "" && s.Key != "" {
		out.Line("But the key is the bundle's own: compare it with the journal's, and give that as --key.")
	}
	for _, size := range sizes(r.Found) {
		out.Line("  %-10s %d", size.name, size.n)
	}
	out.Line("SHA-256 of manifest.json: %s", r.SHA256)
	return nil
}
