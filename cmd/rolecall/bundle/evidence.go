package bundle

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine/audit"
)

// small reads a small file whole; ok is false if it is not there.
func (v *verifier) small(name string) (text []byte, ok bool, err error) {
	size, ok := v.sizes[name]
	if !ok {
		return nil, false, nil
	}
	if size > maxSmall {
		v.report.wrong(name, 0, "it is too large to be what it should be")
		return nil, true, errStop
	}
	f, err := v.sink.root.Open(name)
	if err != nil {
		return nil, true, err
	}
	defer f.Close()
	text, err = io.ReadAll(io.LimitReader(f, maxSmall))
	if err == nil && name != ManifestFile {
		err = v.named(name, text)
	}
	return text, true, err
}

// named holds a small file against the manifest, before anything that it says is used: what follows from a wrong one would be
// said of others.
func (v *verifier) named(name string, text []byte) error {
	sum := newSummed()
	sum.Write(text) //nolint:errcheck // a hash takes everything
	is := sum.file(name)
	v.sink.files = append(v.sink.files, is)
	if i := slices.IndexFunc(v.report.Manifest.Files, func(f File) bool { return f.Name == name }); i < 0 || v.report.Manifest.Files[i] != is {
		v.report.wrong(name, 0, "it is not the file that %s names: one of the two was changed", ManifestFile)
		return errStop
	}
	return nil
}

// evidence reads the small files that are not derived.
func (v *verifier) evidence() error {
	key, sealed, err := v.small(KeyFile)
	if err != nil {
		return err
	}
	if sealed {
		v.report.Seals.Verifier = strings.TrimSuffix(string(key), "\n")
		if _, err := audit.NewKeys(v.report.Seals.Verifier); err != nil || v.report.Seals.Verifier+"\n" != string(key) {
			v.report.wrong(KeyFile, 1, "it is no verifier key")
			return errStop
		}
		v.known[v.report.Seals.Verifier] = true
	}
	if v.given.Verifier != "" && v.given.Verifier != v.report.Seals.Verifier {
		v.report.wrong(KeyFile, 1, "the bundle is sealed with %s, not with the key given; find out which is the journal's", cmp.Or(v.report.Seals.Verifier, "no key"))
		return errStop
	}
	text, ok, err := v.small(ProofFile)
	if err != nil {
		return err
	}
	if !ok {
		v.report.wrong(ProofFile, 0, "it is missing")
		return errStop
	}
	if err := decode(text, &v.proof, "  "); err != nil {
		v.report.wrong(ProofFile, 0, "%v", err)
		return errStop
	}
	if err := v.pruning(); err != nil {
		return err
	}
	return v.checkpoints()
}

// checkpoints opens the newest one, and finds the sizes at which the records must be compared with others. Those may be sealed
// with keys that only the records name.
func (v *verifier) checkpoints() error {
	text, ok, err := v.small(SealFile)
	if err != nil {
		return err
	}
	var sizes []int64
	if ok {
		c, err := v.known.open(text)
		if err != nil {
			v.report.wrong(SealFile, 0, "%v", err)
			return errStop
		}
		v.report.Seals.Seal = &c
		sizes = append(sizes, c.Size)
	}
	former, ok, err := v.small(FormerFile)
	if err != nil {
		return err
	}
	if ok {
		v.own = append(v.own, ownCheckpoint{former: true, file: FormerFile, note: former})
	}
	for _, name := range sortedKeys(v.given.Checkpoints) {
		v.own = append(v.own, ownCheckpoint{file: name, note: v.given.Checkpoints[name]})
	}
	if v.ground != nil {
		sizes = append(sizes, v.ground.pruned.Record-1)
	}
	for i := range v.own {
		if v.own[i].size, err = claimedSize(v.own[i].note); err != nil {
			v.report.wrong(v.own[i].file, 0, "%v", err)
			return errStop
		}
		sizes = append(sizes, v.own[i].size)
	}
	v.tree = newTree(sizes...)
	return nil
}

// claimedSize is what a signed checkpoint says, before anybody has looked at its signatures.
func claimedSize(signed []byte) (int64, error) {
	text, _, found := strings.Cut(string(signed), "\n\n")
	if !found {
		return 0, errors.New("it is no signed checkpoint")
	}
	c, err := audit.ParseCheckpoint(text + "\n")
	return c.Size, err
}
