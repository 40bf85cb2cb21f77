package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/policies"
)

// policyVersion is the Data of a KindPolicy record: the policy as it was, so that later runs can ask what it would have
// said. Fields are only ever added.
type policyVersion struct {
	Hash  string            `json:"hash"`
	Files []byte            `json:"files"`           // a zip archive
	Rules map[string]string `json:"rules,omitempty"` // hash by name
	Time  time.Time         `json:"time,omitzero"`   // of a record that was lost and made again: its own
	authorship
}

func policyVersionOf(r *engine.Record) (v policyVersion, err error) {
	if err = json.Unmarshal(r.Data, &v); err != nil {
		return v, fmt.Errorf("record %d: %w", r.Seq, err)
	}
	if v.Time.IsZero() {
		v.Time = r.Time
	}
	if !isCommit(v.Commit) { // it comes from the journal's database, and goes to Git
		v.Commit = ""
	}
	if !isCommit(v.Since) {
		v.Since = ""
	}
	return v, nil
}

// policyRecord is the version of the policy that is in force, if it is not the one recorded last, or if who made that could
// not be told and can be now.
func (s *system) policyRecord(ctx context.Context, actor string) (r engine.Record, fresh bool, err error) {
	var before []policyVersion // newest first, down to one that says where its authors are counted from
	err = s.store.Records(ctx, engine.Query{Kind: engine.KindPolicy, Newest: true}, func(r engine.Record) error {
		v, _ := policyVersionOf(&r) // one that can't be read is another one
		v.Files, v.Rules = nil, nil
		before = append(before, v)
		if v.Commit != "" || v.Since != "" || len(before) == 1 && s.recorded(v) {
			return errFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return r, false, err
	}
	if len(before) > 0 && s.recorded(before[0]) {
		return r, false, nil
	}
	again := len(before) > 0 && before[0].Hash == s.policy.Hash()
	who := loaded{folder: s.cfg.In(s.cfg.Policies), files: s.contents(), since: since(before, again), first: len(before) == 0}.authors(ctx)
	if again && who.Unknown != "" {
		return r, false, nil
	}
	r = versionRecord(engine.KindPolicy, actor, "policy "+s.policy.Hash(), policyVersion{Hash: s.policy.Hash(), Files: s.packed, Rules: ruleHashes(s.policy), authorship: who})
	r.Why = append(r.Why, who.String())
	return r, true, nil
}

// recorded says that a version is the one in force, and all is said about it.
func (s *system) recorded(v policyVersion) bool { return v.Hash == s.policy.Hash() && v.Unknown == "" }

// since is the commit from which the authors of a version count, given those before. What is asked for again is counted from
// where it was before: its own commit is not what came before it.
func since(before []policyVersion, again bool) string {
	for i, v := range before {
		if again && i == 0 {
			v.Commit = ""
		}
		if from := cmp.Or(v.Commit, v.Since); from != "" {
			return from
		}
	}
	return ""
}

func ruleHashes(p engine.Policy) map[string]string {
	out := map[string]string{}
	for _, r := range p.Rules() {
		out[r.Name] = r.Hash
	}
	return out
}

// contents are the policy's files as they were loaded, by name.
func (s *system) contents() map[string]string {
	out := map[string]string{}
	packed, err := zip.NewReader(bytes.NewReader(s.packed), int64(len(s.packed)))
	if err != nil {
		panic("what we packed can be unpacked: " + err.Error())
	}
	for _, f := range packed.File {
		if !policyName(f.Name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			panic("what we packed can be unpacked: " + err.Error())
		}
		text, err := io.ReadAll(r)
		if err != nil {
			panic("what we packed can be unpacked: " + err.Error())
		}
		out[f.Name] = string(text)
	}
	return out
}

// changes are the recorded versions of the policy with their authors.
func (s *system) changes(ctx context.Context) (out []engine.PolicyChange, err error) {
	var records []engine.Record
	err = s.store.Records(ctx, engine.Query{Kind: engine.KindPolicy}, func(r engine.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return versionsOf(records, func(v *policyVersion) (*policies.Policy, error) { return v.load(s.schema) })
}

// versionsOf are the versions by time. One that was recorded again, since Git could not tell at first, counts with what it told
// at last. load is for those from before rules were recorded.
func versionsOf(records []engine.Record, load func(*policyVersion) (*policies.Policy, error)) (out []engine.PolicyChange, err error) {
	for i := range records {
		v, err := policyVersionOf(&records[i])
		if err != nil {
			return nil, err
		}
		if v.Rules == nil {
			if p, err := load(&v); err == nil {
				v.Rules = ruleHashes(p)
			}
		}
		out = append(out, engine.PolicyChange{Time: v.Time, Hash: v.Hash, Authors: v.hands(), Unknown: v.Unknown, Rules: v.Rules})
	}
	slices.SortStableFunc(out, func(a, b engine.PolicyChange) int { return a.Time.Compare(b.Time) })
	return lastOfEach(out), nil
}

// lastOfEach keeps the last of versions that follow each other and are the same, with the time of the first.
func lastOfEach(all []engine.PolicyChange) (out []engine.PolicyChange) {
	for _, c := range all {
		if n := len(out); n > 0 && out[n-1].Hash == c.Hash {
			c.Time, out = out[n-1].Time, out[:n-1]
		}
		out = append(out, c)
	}
	return out
}

func (v *policyVersion) load(schema policies.Schema) (*policies.Policy, error) {
	files, err := zip.NewReader(bytes.NewReader(v.Files), int64(len(v.Files)))
	if err != nil {
		return nil, err
	}
	return policies.Load(files, schema)
}

// reviewed tells whether the four eyes of an approval can be told apart.
func (s *system) reviewed(ctx context.Context) []finding {
	who := loaded{folder: s.cfg.In(s.cfg.Policies), files: s.contents(), first: true}.authors(ctx)
	switch {
	case !s.cfg.Approvals.FourEyes:
		return []finding{{Part: "approvals", Name: s.cfg.Path, OK: true, Note: true, Text: "four_eyes is off: whoever changed the policy may approve what it takes"}}
	case who.Unknown != "":
		return []finding{{Part: "approvals", Name: s.cfg.Policies, OK: true, Note: true, Text: who.Unknown + ": nobody can approve what this change of the policy takes"}}
	case who.Commit == "":
		return []finding{{Part: "approvals", Name: s.cfg.Policies, OK: true, Note: true, Text: "not in Git, so whoever changed the policy can't be kept from approving what it takes"}}
	}
	return nil
}
