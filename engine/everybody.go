package engine

import (
	"context"
	"fmt"
)

// Everybody reads the people alone, by the keys by which the journal knows them. It changes nothing.
func (e *Engine) Everybody(ctx context.Context) ([]Person, Proof, error) {
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return nil, Proof{}, fmt.Errorf("reading the journal: %w", err)
	}
	people, proof := e.readPeople(ctx)
	for i := range people {
		if known := mem.Known(people[i].Key); known != people[i].Key {
			people[i].Key, people[i].NewKey = known, people[i].Key
		}
	}
	return people, proof, nil
}
