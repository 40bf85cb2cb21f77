package journal

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// blanks is what blankings leave of the fold. The public part of a blanked record says what it did, with a number for whom; what reads
// showed, and facts that other records set, have the names. So when the record of a blanking comes, what is known under names that only the
// blanked ones can have had is taken out, and everything else must be in the tables as ever. Who can write the tables, but no records, can't
// have anybody else taken for blanked: the numbers are in the record of it.
type blanks struct {
	any      bool            // there are some
	people   map[string]bool // names that the tables have for them now
	accounts map[name]bool
	ids      map[name]int64              // of all accounts, as the tables have them
	open     map[[2]int64]int64          // person and account of blanked records that no blanking has named yet → the first
	set      map[engine.FactKey][2]int64 // the record that set a fact, and the place in it
	unknown  map[name]bool               // names that were taken out and that no blanking record has
	listed   int                         // as many as there may be
	all      []blankingAt
	links    int // rows that are not compared
	tenures  int
}

func (w *walk) readBlanks() error {
	b := &w.blanks
	*b = blanks{people: map[string]bool{}, accounts: map[name]bool{}, open: map[[2]int64]int64{}, unknown: map[name]bool{}}
	err := w.looks[0].use(func(t *sqlx.Tx) error {
		return t.GetContext(w.ctx, &b.any, "SELECT EXISTS (SELECT 1 FROM journal j WHERE kind = 'blank' AND "+rare()+")")
	})
	if err != nil || !b.any {
		return err
	}
	if b.all, err = w.readBlankings(); err != nil {
		return err
	}
	b.ids, b.set = make(map[name]int64, len(w.names.accounts)), map[engine.FactKey][2]int64{}
	for id, account := range w.names.accounts {
		b.ids[account] = id
	}
	return nil
}

// take follows one record that was folded.
func (b *blanks) take(w *walk, row *row) {
	if row.record.Personal == nil {
		who := [2]int64{row.Person, row.Account}
		if _, noted := b.open[who]; !noted {
			b.open[who] = row.Seq
		}
		return
	}
	if !b.any || row.told.Kind == engine.KindLate {
		return
	}
	for _, k := range row.told.Clear {
		delete(b.set, k)
	}
	for i, f := range row.told.Set {
		b.set[f.FactKey] = [2]int64{row.Seq, int64(i)}
	}
	if row.told.Kind == engine.KindBlank {
		b.blank(w, &row.told)
	}
}

// blank takes out what a blanking leaves.
func (b *blanks) blank(w *walk, r *engine.Record) {
	var said engine.Blanking
	if err := json.Unmarshal(r.Data, &said); err != nil {
		w.wrong("record %d says what was blanked, and can't be read: %v", r.Seq, err)
		return
	}
	people, accounts := map[int64]bool{}, map[int64]bool{}
	for _, id := range said.People {
		if w.names.people[id] != engine.BlankedName(id) {
			w.wrong("record %d says that person %d was blanked, and the tables have a name", r.Seq, id)
		}
		people[id], b.people[w.names.people[id]] = true, true
	}
	for _, a := range said.Accounts {
		if engine.ShownName(w.names.accounts[a.Number].name) == w.names.accounts[a.Number].name {
			w.wrong("record %d says that account %d was blanked, and the tables have a name", r.Seq, a.Number)
		}
		accounts[a.Number], b.accounts[w.names.accounts[a.Number]] = true, true
		if a.Listed {
			b.listed++
		}
	}
	w.v.People, w.v.Accounts = w.v.People+len(people), w.v.Accounts+len(accounts)
	maps.DeleteFunc(b.open, func(who [2]int64, _ int64) bool { return people[who[0]] || accounts[who[1]] })
	b.takeOut(w, &said)
}

// takeOut takes what is of those who were blanked out of the fold.
func (b *blanks) takeOut(w *walk, said *engine.Blanking) {
	accounts := map[int64]bool{}
	for _, a := range said.Accounts {
		accounts[a.Number] = true
	}
	b.facts(w, said.Ended)
	b.held(w, func(n name) bool {
		id, known := b.ids[n]
		switch {
		case known && accounts[id]:
			return true
		case known && id <= said.Known:
			return false
		}
		b.unknown[n] = true // if anybody has that name now, it was given after this
		return true
	})
}

func (b *blanks) facts(w *walk, ended [][2]int64) {
	gone := make(map[[2]int64]bool, len(ended))
	for _, at := range ended {
		gone[at] = true
	}
	for key, at := range b.set {
		if gone[at] {
			w.fold.DropFact(key)
			delete(b.set, key)
		}
	}
}

// held takes out holdings and tenures, all of which have ended.
func (b *blanks) held(w *walk, gone func(name) bool) {
	for key := range w.fold.Holdings() {
		if gone(name{key.Program, key.Account}) {
			w.fold.TakeHolding(key)
		}
	}
	maps.DeleteFunc(w.tenures.Open, func(key engine.Held3, _ engine.Tenure) bool { return gone(name{key.Program, key.Account}) })
	w.tenures.Closed = slices.DeleteFunc(w.tenures.Closed, func(t engine.Tenure) bool { return gone(name{t.Program, t.Account}) })
}

// done says what no blanking explains.
func (b *blanks) done(w *walk, h *head) {
	for _, seq := range slices.Sorted(maps.Values(b.open)) {
		w.wrong("record %d is blanked, and no record says that it was", seq)
	}
	if !b.any {
		return
	}
	if len(b.unknown) > b.listed {
		w.wrong("reads showed %d accounts that the tables do not know, and %d of these were blanked", len(b.unknown), b.listed)
	}
	if int64(len(w.names.people)) != h.People || int64(len(w.names.accounts)) != h.Accounts {
		w.wrong("the head says that %d people and %d accounts have numbers, the tables have %d and %d", h.People, h.Accounts, len(w.names.people), len(w.names.accounts))
	}
	maps.DeleteFunc(w.linked, func(key linkBegun, _ linkView) bool { return b.people[key.Person] })
}
