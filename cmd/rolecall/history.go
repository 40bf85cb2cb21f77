package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/policies"
)

// configVersion is the Data of a KindConfig record. A configuration holds no secrets. Fields are only ever added.
type configVersion struct {
	Hash string `json:"hash"`
	Text string `json:"text"`
	authorship
}

var errFound = errors.New("found")

// remember records the policy and the configuration when they are not those recorded last.
func (s *system) remember(ctx context.Context, actor string) error {
	var records []engine.Record
	if r, fresh, err := s.policyRecord(ctx, actor); err != nil {
		return err
	} else if fresh {
		records = append(records, r)
	}
	if r, fresh, err := s.configRecord(ctx, actor); err != nil {
		return err
	} else if fresh {
		records = append(records, r)
	}
	if len(records) == 0 {
		return nil
	}
	return s.store.Append(ctx, engine.Free, records)
}

// rememberConfig records the configuration alone: under which settings somebody decided is part of the decision.
func (s *system) rememberConfig(ctx context.Context, actor string) error {
	r, fresh, err := s.configRecord(ctx, actor)
	if err != nil || !fresh {
		return err
	}
	return s.store.Append(ctx, engine.Free, []engine.Record{r})
}

// configRecord is the record of the configuration; not fresh where the last one says the same.
func (s *system) configRecord(ctx context.Context, actor string) (r engine.Record, fresh bool, err error) {
	last, err := s.last(ctx, engine.KindConfig)
	if err != nil || hashOf(last) == s.cfg.Hash {
		return r, false, err
	}
	who := s.configured(ctx, last)
	r = versionRecord(engine.KindConfig, actor, "configuration "+s.cfg.Hash, configVersion{s.cfg.Hash, s.cfg.Text, who})
	r.Why = append(r.Why, who.String())
	if !s.cfg.Approvals.FourEyes {
		r.Why = append(r.Why, "four eyes are off: whoever changed the policy may approve what follows from it")
	}
	for i := range s.engine.Settings.Expected {
		r.Why = append(r.Why, "announces "+announced(&s.engine.Settings.Expected[i]))
	}
	return r, true, nil
}

// configured asks Git who made the configuration what it is, since the version that was recorded last.
func (s *system) configured(ctx context.Context, last engine.Record) authorship {
	file := s.cfg.Source
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	var before configVersion
	if json.Unmarshal(last.Data, &before) != nil || !isCommit(before.Commit) { // it comes from the journal's database, and goes to Git
		before.Commit = ""
	}
	name := filepath.Base(file)
	return loaded{folder: filepath.Dir(file), only: name, files: map[string]string{name: s.cfg.Text}, since: before.Commit, first: last.Seq == 0}.authors(ctx)
}

func versionRecord(kind engine.Kind, actor, why string, data any) engine.Record {
	text, err := json.Marshal(data)
	if err != nil {
		panic("strings and bytes can't fail to marshal: " + err.Error())
	}
	return engine.Record{Kind: kind, Actor: actor, Why: []string{why}, Data: text}
}

// hashOf is the hash in the Data of a version record, "" if there is none.
func hashOf(r engine.Record) string {
	var v struct {
		Hash string `json:"hash"`
	}
	if json.Unmarshal(r.Data, &v) != nil {
		return ""
	}
	return v.Hash
}

// last is the newest record of a kind, a zero one if there is none.
func (s *system) last(ctx context.Context, kind engine.Kind) (last engine.Record, err error) {
	err = s.store.Records(ctx, engine.Query{Kind: kind, Newest: true, Limit: 1}, func(r engine.Record) error {
		last = r
		return nil
	})
	return last, err
}

// former gives the policy of an earlier run from the journal.
func (s *system) former(schema policies.Schema) func(context.Context, string) (engine.Policy, error) {
	return func(ctx context.Context, hash string) (engine.Policy, error) {
		var found policyVersion
		err := s.store.Records(ctx, engine.Query{Kind: engine.KindPolicy, Newest: true}, func(r engine.Record) error {
			if hashOf(r) != hash {
				return nil
			}
			if err := json.Unmarshal(r.Data, &found); err != nil {
				return err
			}
			return errFound
		})
		if err == nil {
			return nil, fmt.Errorf("the journal has no policy %s", hash)
		}
		if !errors.Is(err, errFound) {
			return nil, err
		}
		return found.load(schema)
	}
}

// archived loads the policy together with its files as they were then: they may be edited while it is in force.
func (a *app) archived(cfg *config.File, s policies.Schema) (*policies.Policy, []byte, error) {
	before, _ := archive(cfg.In(cfg.Policies)) // what can't be read is complained about below
	p, err := a.policy(cfg, s)
	if err != nil {
		return nil, nil, err
	}
	files, err := archive(cfg.In(cfg.Policies))
	if err != nil || !bytes.Equal(before, files) {
		return nil, nil, engine.Mistakes{{Place: cfg.PlaceOf(&cfg.Policies), Text: cfg.Policies + " was changed while it was read", Hint: "try again"}}
	}
	return p, files, nil
}

// archive packs the policy files, with no times and in the order of their names, so that equal files pack equally.
func archive(folder string) ([]byte, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".yaml" {
			continue
		}
		if info, err := os.Stat(filepath.Join(folder, e.Name())); err == nil && !info.Mode().IsRegular() {
			continue // a pipe would be waited for; loading refuses it by name
		}
		if err := pack(w, folder, e.Name()); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return b.Bytes(), err
}

func pack(w *zip.Writer, folder, name string) error {
	data, err := os.ReadFile(path.Join(folder, name))
	if err != nil {
		return err
	}
	f, err := w.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(data))
	return err
}
