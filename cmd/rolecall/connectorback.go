package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
)

// held is what the scratch accounts, and those that checks create, hold now: by account, sorted.
func (t *tester) held(ctx context.Context, c engine.Connector) (map[string][]string, error) {
	out := map[string][]string{}
	proof, err := c.Holdings(ctx, func(h engine.Holding) error {
		known := len(out[h.Account]) > 0 || slices.Contains(t.scratch.Accounts, h.Account)
		if known || h.Info != nil && slices.Contains(t.scratch.Names, h.Info.Name) {
			out[h.Account] = append(out[h.Account], h.Entitlement)
		}
		return nil
	})
	if err == nil && !proof.Complete() {
		err = fmt.Errorf("its list is not complete: %s", proof.Reasons[0].Detail)
	}
	for _, rights := range out {
		slices.Sort(rights)
	}
	return out, err
}

// restore puts back what a check changed, ends its connector, and tells what that did besides answering.
func (t *tester) restore(to conformance.T) {
	c := t.swap(nil)
	if c == nil {
		return // there was none, or it was given up on
	}
	t.putBackWith(c, to)
}

// swap gives the connector of the check that runs, and puts another one in its place.
func (t *tester) swap(by engine.Connector) engine.Connector {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.connector
	t.connector = by
	return c
}

// giveUp ends the connector of a check that does not end, and puts back with another one what that changed.
func (t *tester) giveUp(to conformance.T) {
	c := t.swap(nil)
	if c == nil {
		return
	}
	if err := closeConnector(c); err != nil {
		to.Errorf("closing it: %v", err)
	}
	another, err := t.open(between{})
	if err != nil {
		to.Errorf("what the check changed is not put back: %v", err)
		return
	}
	t.putBackWith(another, to)
}

func (t *tester) putBackWith(c engine.Connector, to conformance.T) {
	ctx, cancel := context.WithTimeout(context.Background(), t.most+t.description.Lag)
	defer cancel()
	if t.before != nil {
		if err := t.putBack(ctx, c); err != nil {
			to.Errorf("what the check changed could not be put back: %v", err)
		}
	}
	if err := closeConnector(c); err != nil {
		to.Errorf("closing it: %v", err)
	}
	if watcher, ok := c.(conformance.Complainer); ok {
		for _, text := range watcher.Complaints() {
			to.Errorf("%s", text)
		}
	}
}

// putBack touches the scratch accounts and what checks created, and nothing else.
func (t *tester) putBack(ctx context.Context, c engine.Connector) error {
	if err := wait(ctx, t.description.Lag); err != nil {
		return err
	}
	now, err := t.held(ctx, c)
	if err != nil {
		return err
	}
	var wrong []error
	for _, account := range slices.Sorted(maps.Keys(now)) {
		if _, ok := t.before[account]; !ok {
			wrong = append(wrong, t.remove(ctx, c, account))
		}
	}
	for _, account := range slices.Sorted(maps.Keys(t.before)) {
		for _, right := range now[account] {
			if !slices.Contains(t.before[account], right) {
				wrong = append(wrong, made(c.Revoke(ctx, account, right)))
			}
		}
		for _, right := range t.before[account] {
			if !slices.Contains(now[account], right) {
				wrong = append(wrong, made(c.Grant(ctx, account, right)))
			}
		}
	}
	return errors.Join(wrong...)
}

// remove deletes an account that was made by the test, and no other, whatever its name is by now.
func (t *tester) remove(ctx context.Context, c engine.Connector, account string) error {
	if t.there[account] {
		return fmt.Errorf("the account %q was there before the test, and has a name now that the test gives; it is left alone, look at it", account)
	}
	if !t.description.Lifecycle {
		return nil
	}
	var suspended error
	if t.description.Accounts {
		suspended = made(c.Revoke(ctx, account, engine.Active))
	}
	return errors.Join(suspended, made(c.Revoke(ctx, account, engine.Exists)))
}

func made(outcome engine.Outcome, err error) error {
	if err == nil && outcome != engine.Done && outcome != engine.Already {
		err = fmt.Errorf("the outcome is %s", outcome)
	}
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// clear deletes the accounts that were made to try things on.
func (t *tester) clear(ctx context.Context) {
	if len(t.created) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, t.most)
	defer cancel()
	c, err := t.open(between{})
	if err == nil {
		for _, account := range t.created {
			err = errors.Join(err, t.remove(ctx, c, account))
		}
		err = errors.Join(err, closeConnector(c))
	}
	if err != nil {
		t.notes = append(t.notes, fmt.Sprintf("accounts that were made for the test are still there (%q): %s", t.created, sentence(err)))
	}
}
