package sim

import (
	"slices"

	"github.com/rolecall/rolecall/engine/audit"
)

// tampered is a copy of the journal that somebody with all rights in the database changed.
type tampered struct {
	treeLog
	draw
	sealed int64 // what is changed is among so many records
	at     int64 // the first place, counted from 0, at which it is not what it was
	exact  bool  // which record it is can be told
	beside bool  // only the hash beside a record is another one
}

// tamperings are the ways of it. Whoever does it numbers the records anew, and computes their hashes anew where that helps.
func tamperings() []struct {
	name string
	do   func(t *tampered)
} {
	return []struct {
		name string
		do   func(t *tampered)
	}{
		{"a bit is changed", (*tampered).flip},
		{"a record is rewritten with its hash", func(t *tampered) { t.rewrite(t.place()) }},
		{"a record is removed", func(t *tampered) { t.remove(t.place()) }},
		{"a record is removed, and no number is missing", func(t *tampered) { t.remove(t.place()); t.number() }},
		{"a record is put in", (*tampered).insert},
		{"two records are swapped", (*tampered).swap},
		{"the end is cut off", func(t *tampered) { t.cut(t.place()) }},
		{"an older copy goes on in another way", (*tampered).goOn},
	}
}

// place draws a record that was sealed.
func (t *tampered) place() int64 { return t.Int64N(t.sealed) }

// flip changes a bit of a record or of its hash, and nothing else.
func (t *tampered) flip() {
	t.at, t.exact = t.place(), true
	r := &t.records[t.at]
	r.Public, r.Personal, r.Salt = slices.Clone(r.Public), slices.Clone(r.Personal), slices.Clone(r.Salt)
	n := t.IntN(4)
	part := [][]byte{r.Leaf[:], r.Public, r.Personal, r.Salt}[n]
	part[t.IntN(len(part))] ^= 1 << t.IntN(8)
	t.beside = n == 0
}

func (t *tampered) rewrite(i int64) {
	t.at = i
	r := &t.records[i]
	r.Personal = append(slices.Clone(r.Personal), ' ')
	r.Leaf, _ = r.LeafOf() // it has its salt
}

func (t *tampered) remove(i int64) { t.at, t.records = i, slices.Delete(t.records, int(i), int(i)+1) }

// insert puts a record in, which looks like another one.
func (t *tampered) insert() {
	i := t.place()
	t.records = slices.Insert(t.records, int(i), t.records[t.place()])
	t.rewrite(i)
	t.number()
}

func (t *tampered) swap() {
	i := t.Int64N(t.sealed - 1)
	j := i + 1 + t.Int64N(t.sealed-i-1)
	t.at, t.records[i], t.records[j] = i, t.records[j], t.records[i]
	if t.IntN(2) == 0 {
		t.number()
	}
}

func (t *tampered) cut(i int64) { t.at, t.records = i, t.records[:i] }

// goOn: a backup was restored, and worked with until it has as many records again.
func (t *tampered) goOn() {
	from := t.place()
	for i := from; i < t.size(); i++ {
		t.rewrite(i)
	}
	t.at = from
}

// number lets no number be missing or come twice.
func (t *tampered) number() {
	for i := range t.records {
		t.records[i].Seq = int64(i) + 1
	}
}

// found [I11]: whatever somebody does to the records that were sealed is found by verification, and whoever only compares a few hashes
// with a checkpoint, as before each act, finds it too, where the hashes are of what there is.
func (k *checker) found(l *treeLog) {
	newest := k.sealed[len(k.sealed)-1]
	if newest.Size < 3 {
		return
	}
	all := tamperings()
	how := all[(int(k.m.seed/16)+k.tampered)%len(all)]
	k.tampered++
	t := &tampered{treeLog: treeLog{records: slices.Clone(l.records)}, draw: k.m.tries, sealed: newest.Size}
	how.do(t)
	k.m.count.fault("journal: " + how.name)
	k.m.say("in a copy of the journal of %d records %s, first at %d", l.size(), how.name, t.at+1)
	k.verified(how.name, t, k.headRow(l, t))
	k.rehash(t)
	k.notContinued(how.name, t)
	k.noProof(how.name, t)
}

// headRow is the tree in the head row: that of the records, or the true one, which nobody thought of.
func (k *checker) headRow(l *treeLog, t *tampered) audit.Frontier {
	if k.m.tries.IntN(2) == 0 {
		return l.tree()
	}
	return t.tree()
}

func (k *checker) verified(how string, t *tampered, stored audit.Frontier) {
	k.ok(I11)
	r, err := audit.Verify(t.all(), audit.Against{Heads: k.heads(), Stored: &stored})
	switch f := r.Fault; {
	case err != nil:
		k.m.fail(I11, "%s at %d, and the verification fails: %v", how, t.at+1, err)
	case f == nil:
		k.m.fail(I11, "%s at %d, and it is not found", how, t.at+1)
	case f.Last <= t.at, t.exact && (f.First != t.at+1 || f.Last != t.at+1):
		k.m.fail(I11, "%s at %d, and what is found is %v", how, t.at+1, f)
	case r.Covered > t.at:
		k.m.fail(I11, "%s at %d, and the first %d are said to be right", how, t.at+1, r.Covered)
	}
}

// rehash: all hashes are of what there is.
func (k *checker) rehash(t *tampered) {
	for i := range t.records {
		leaf, err := t.records[i].LeafOf()
		if err != nil {
			k.m.fail(I11, "record %d: %v", i+1, err)
		}
		t.records[i].Leaf = leaf
	}
}

// notContinued [I11]: the checkpoint shows it to whoever is about to act.
func (k *checker) notContinued(how string, t *tampered) {
	for _, c := range k.sealed {
		k.ok(I11)
		wrong, err := c.Continued(t.size(), t.runs())
		if touched := t.at < c.Size && !t.beside; err != nil || touched != (wrong != "") {
			k.m.fail(I11, "%s at %d, and of the checkpoint of %d records is said: %q %v", how, t.at+1, c.Size, wrong, err)
		}
	}
}

// noProof [I11]: no log gives a proof that it continues records which it does not have.
func (k *checker) noProof(how string, t *tampered) {
	newest := k.sealed[len(k.sealed)-1]
	if t.size() < newest.Size {
		return
	}
	f, err := audit.FrontierAt(newest.Size, t.runs())
	if err != nil {
		k.m.fail(I11, "%v", err)
		return
	}
	for _, c := range k.sealed {
		proof, err := t.proof(newest.Size, c.Size)
		if err != nil || c.Size == 0 || t.at >= c.Size || t.beside {
			continue
		}
		k.ok(I11)
		if audit.CheckConsistency(proof, f.Head(), c.Head) == nil {
			k.m.fail(I11, "%s at %d, and the log proves that it continues the checkpoint of %d records", how, t.at+1, c.Size)
		}
	}
}
