package engine

import (
	"cmp"
	"context"
	"slices"
)

// leap is how many changes a try to call a program that is set aside claims, of which it makes those of the last account: 1, then four
// times as many after each try in vain, as far as may be claimed at once. So broken accounts that come first, however many, keep a
// program that works again set aside for a few tries only.
func (w *worker) leap() int {
	b := &w.breaker
	b.mu.Lock()
	tries := failedOf(b.aside).Tries
	b.mu.Unlock()
	most := claimMost
	if w.p.Rate > 0 {
		most = w.most()
	}
	return min(most, 1<<min(2*tries, 20))
}

// leapt claims so many changes, and gives those of the last account.
func (c *claims) leapt(ctx context.Context, most int) ([]Intent, error) {
	intents, err := c.take(ctx, most, false)
	if err != nil || len(intents) == 0 {
		return nil, err
	}
	c.later = intents
	return c.farthest(), nil
}

// farthest takes the account that would come last, of those that are not known to fail, as far as there are any.
func (c *claims) farthest() []Intent {
	groups := byAccount(c.later)
	slices.SortStableFunc(groups, c.inTurn)
	last := groups[len(groups)-1]
	c.later = slices.Concat(groups[:len(groups)-1]...)
	return last
}

// inTurn has leavers and people cut off first, then the oldest; before all of them whoever is known to fail.
func (c *claims) inTurn(a, b []Intent) int {
	sound := func(group []Intent) int {
		if c.w.breaker.failedBefore(group[0].Change.Account) {
			return 0
		}
		return 1
	}
	return cmp.Or(sound(a)-sound(b), order(a)-order(b), cmp.Compare(a[0].Seq, b[0].Seq))
}

// left hands out what a try has left: account by account for as long as the program is not known to work again. A batch with somebody
// who is cut off goes whole, and would take others' changes with it.
func (c *claims) left(ctx context.Context) ([]Intent, error) {
	if err := c.w.settle(); err != nil {
		return nil, err
	}
	if state, err := c.w.standing(ctx); err != nil || state != breakerClosed {
		return c.farthest(), nil
	}
	if _, batches := c.w.p.Connector.(Batcher); batches { // what fails in one says nothing, as long as something else is answered
		all := c.later
		c.later = nil
		return all, nil
	}
	return c.mixed(), nil
}

// mixed takes fewer accounts from the front than would have the program set aside again, and one from the end: those in front may
// all be broken.
func (c *claims) mixed() []Intent {
	last := c.farthest()
	groups := byAccount(c.later)
	slices.SortStableFunc(groups, c.inTurn)
	n := min(len(groups), cmp.Or(c.w.e.BreakAfter, breakAfter)-1)
	c.later = slices.Concat(groups[n:]...)
	return append(slices.Concat(groups[:n]...), last...)
}
