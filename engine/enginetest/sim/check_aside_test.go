package sim

import (
	"time"

	"github.com/rolecall/rolecall/engine"
)

// givenBack [I3]: only what nobody has tried is taken back, so that nothing is tried twice because of it.
func (k *checker) givenBack(intents []engine.Intent) {
	for n := range intents {
		k.ok(I3)
		i := k.open[intents[n].Seq]
		if i == nil || i.claims != intents[n].Attempts {
			continue
		}
		if i.now > 0 {
			k.m.fail(I3, "intent %d is given back, and was tried under that claim", i.Seq)
		}
		if i.lease, i.leased = k.m.now, k.m.now; i.claims == 1 && i.stand == k.stand { // else a run or a person left it to the claim
			i.lease, i.leased, i.claim, i.claims = time.Time{}, time.Time{}, 0, 0
		}
	}
}

// asideCall [I12]: a program that was set aside gets no call before the next run has planned, but for cuts, and for what was to be taken
// from somebody who is cut off now. A look at the journal is believed for a moment.
func (k *checker) asideCall(i *openIntent, began time.Time) {
	f, aside := k.aside[i.Program]
	if !aside {
		return
	}
	k.ok(I12)
	rest := k.m.cur.wrong == 0 && !k.asideWrong[i.Program] && began.Sub(k.asideAt[i.Program]) < 14*time.Minute // by the daemon's clock
	cut := i.Cause == engine.CauseCut || i.repeatable() && k.cut[i.Person]
	if !cut && f.Until.Equal(k.runAt) && rest && began.Sub(k.asideAt[i.Program]) > time.Second {
		k.m.fail(I12, "%s is called for intent %d, and was set aside %s before", i.Program, i.Seq, began.Sub(k.asideAt[i.Program]))
	}
}

// noteAside keeps which programs are set aside.
func (k *checker) noteAside(r *engine.Record) {
	for _, key := range r.Clear {
		if key.Kind == engine.FactAside {
			delete(k.aside, key.Program)
		}
	}
	for _, f := range r.Set {
		switch f.Kind {
		case engine.FactAside:
			k.m.count.fault("program: set aside")
			k.aside[f.Program], k.asideAt[f.Program], k.asideWrong[f.Program] = f, k.m.now, k.m.cur.wrong != 0
		case engine.FactBack:
			k.m.count.fault("program: works again")
		}
	}
}
