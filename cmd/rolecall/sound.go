package main

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
	"github.com/rolecall/rolecall/policies"
)

// openSound puts together what of the configuration is right: a cut needs the journal and the programs, neither policy nor
// directory. without names the programs that it can't reach.
func (a *app) openSound(ctx context.Context) (s *system, without []string, err error) {
	cfg, without, wrong := config.LoadSound(a.Dir, a.configFile)
	if cfg == nil {
		return nil, nil, wrong
	}
	schema := schema(cfg)
	programs, wrong1 := a.programs(ctx, cfg)
	for name := range cfg.Programs {
		if !slices.ContainsFunc(programs, func(p engine.Program) bool { return p.Name == name }) {
			without = append(without, name)
		}
	}
	slices.Sort(without)
	people, wrong2 := a.directory(cfg, schema)
	if people == nil {
		people = noDirectory{}
	}
	policy, _, wrong3 := a.archived(cfg, schema)
	if policy == nil {
		policy = policies.Empty()
	}
	a.notSound(wrong, wrong1, wrong2, wrong3)
	s = &system{cfg: cfg, schema: schema, policy: policy, engine: &engine.Engine{
		Directory: people, Policy: policy, Programs: programs, Settings: settings(cfg, policies.Protected{}, a.Now()), Now: a.Now, Log: a.logger(),
		Timing: a.timed(), Progress: a.progress.step,
	}}
	var store *journal.Store
	if store, err = a.store(ctx, cfg, cutting, nil); err != nil {
		for _, name := range slices.Sorted(maps.Keys(cfg.Programs)) { // which accounts, only the journal knows
			render.Out{W: a.Stderr}.Line("to do by hand: suspend whatever account the person has in %s", name)
		}
		return nil, nil, err
	}
	if err := a.join(ctx, s, store, cutting); err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return s, without, nil
}

// notSound says loudly what is done without.
func (a *app) notSound(wrong ...error) {
	for _, err := range wrong {
		for _, line := range mistakes(err) {
			a.logger().Error("the cut goes on without this", "mistake", line)
		}
	}
}

// noDirectory stands for one whose settings are wrong: people are known by their keys and accounts.
type noDirectory struct{}

func (noDirectory) People(context.Context, func(engine.Person) error) (engine.Proof, error) {
	return engine.Proof{}, errors.New("its configuration is wrong")
}

// unreached lists what is to be done by hand in programs that are left out; the cut is then done in part.
func (a *app) unreached(ctx context.Context, s *system, person string, without []string) error {
	if len(without) == 0 {
		return nil
	}
	who, err := s.engine.Find(ctx, person)
	if err != nil {
		return err
	}
	memory, err := s.store.Memory(ctx, a.Now())
	if err != nil {
		return err
	}
	partly := exitDone
	for _, name := range without {
		for _, l := range memory.Program(name).Links {
			if l.Person == who.Key {
				render.Out{W: a.Stderr}.Line("to do by hand: suspend account %s in %s", l.Account, name)
				partly = exitPartly
			}
		}
	}
	return done(partly)
}
