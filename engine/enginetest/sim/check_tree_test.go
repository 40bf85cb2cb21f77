package sim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"iter"
	"sync"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// sealKeys sign checkpoints, and open them elsewhere.
type sealKeys struct {
	audit.Signer
	audit.Keys
}

var keysOnce = sync.OnceValues(func() (k sealKeys, err error) {
	secret, public, err := audit.GenerateKey(rand.Reader, "sim.example.com/journal")
	if err != nil {
		return k, err
	}
	if k.Signer, err = audit.NewSigner(secret); err != nil {
		return k, err
	}
	k.Keys, err = audit.NewKeys(public)
	return k, err
})

// tampering [I11]: now and then the journal is sealed as a daemon seals it, and verified against what was sealed before. Somebody
// changes a copy of it, which must be found, and restores an older one, on which nothing may be done. In one of sixteen histories:
// all records are hashed anew each time.
func (k *checker) tampering() {
	if k.m.seed%16 != 5 || !k.m.tries.chance(8) || k.m.failed != "" {
		return
	}
	log := k.copied()
	k.intact(log)
	if len(k.sealed) == 0 || k.m.tries.IntN(2) == 0 {
		k.seal(log)
	}
	if log.size() < 3 {
		return
	}
	k.found(log)
	if k.m.tries.IntN(3) == 0 {
		k.restored(log)
	}
}

// copied is the journal as its store would have it.
func (k *checker) copied() *treeLog {
	l := &treeLog{}
	err := k.m.store.Journal.Records(k.m.context(), engine.Query{}, func(r engine.Record) error {
		stored, err := storedForm(&r)
		l.records, l.plain = append(l.records, stored), append(l.plain, r)
		return err
	})
	if err != nil {
		k.m.fail(I11, "the journal can't be copied: %v", err)
	}
	return l
}

// storedForm parts a record into what may be blanked and the rest, as the store does.
func storedForm(r *engine.Record) (stored audit.Record, err error) {
	public := *r
	public.Actor, public.Person, public.Account, public.Why, public.Data, public.Set, public.Clear, public.Hash = "", "", "", nil, nil, nil, nil, ""
	if stored.Public, err = json.Marshal(&public); err != nil {
		return stored, err
	}
	personal := engine.Record{Actor: r.Actor, Person: r.Person, Account: r.Account, Why: r.Why, Data: r.Data, Set: r.Set, Clear: r.Clear}
	if stored.Personal, err = json.Marshal(&personal); err != nil {
		return stored, err
	}
	salt := sha256.Sum256([]byte(r.Hash))
	stored.Seq, stored.Salt = r.Seq, salt[:]
	stored.Leaf, err = stored.LeafOf()
	return stored, err
}

// treeLog is a copy of the journal.
type treeLog struct {
	records []audit.Record
	plain   []engine.Record // as they were
}

func (l *treeLog) size() int64 { return int64(len(l.records)) }

func (l *treeLog) all() iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for _, r := range l.records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// runs are the hashes that the store keeps.
func (l *treeLog) runs() audit.Runs {
	return audit.LeafRuns(func(i int64) (audit.Hash, error) {
		if i >= l.size() {
			return audit.Hash{}, errors.New("there is no such record")
		}
		return l.records[i].Leaf, nil
	})
}

func (l *treeLog) tree() (f audit.Frontier) {
	leaves := make([]audit.Hash, len(l.records))
	for i := range l.records {
		leaves[i] = l.records[i].Leaf
	}
	f, _ = f.Append(leaves...)
	return f
}

// proof that the records of one checkpoint are a prefix of those of another, as the log itself would give it.
func (l *treeLog) proof(newer, older int64) ([]audit.Hash, error) {
	return audit.ProveConsistency(newer, older, audit.NewReader(l.size(), l.runs()))
}

// heads are those of what was sealed.
func (k *checker) heads() (out []audit.Head) {
	for _, c := range k.sealed {
		out = append(out, c.Head)
	}
	return out
}

// seal signs size and root. Kept is what whoever has the other key reads of it.
func (k *checker) seal(l *treeLog) {
	keys, err := keysOnce()
	if err != nil {
		k.m.fail(I11, "no key: %v", err)
		return
	}
	signed, err := audit.Sign(audit.Checkpoint{Origin: keys.Name(), Head: l.tree().Head(), Time: k.m.now}, keys.Signer)
	if err != nil {
		k.m.fail(I11, "the journal can't be sealed: %v", err)
		return
	}
	c, err := keys.Open(signed)
	if err != nil {
		k.m.fail(I11, "the checkpoint can't be opened: %v", err)
	}
	k.m.count.fault("journal: sealed")
	k.sealed = append(k.sealed, c)
}

// intact [I11]: the journal is what was sealed and what came after it: the records of each checkpoint are a prefix of those of the next.
func (k *checker) intact(l *treeLog) {
	k.ok(I11)
	stored := l.tree()
	r, err := audit.Verify(l.all(), audit.Against{Heads: k.heads(), Stored: &stored})
	if err != nil || r.Fault != nil || r.Records != l.size() {
		k.m.fail(I11, "nobody touched the journal, and its verification says: %v %v", r.Fault, err)
	}
	for i, c := range k.sealed {
		if wrong, err := c.Continued(l.size(), l.runs()); wrong != "" || err != nil {
			k.m.fail(I11, "nobody touched the journal, and it does not continue the checkpoint of %d records: %s %v", c.Size, wrong, err)
		}
		if i > 0 {
			k.follows(l, k.sealed[i-1], c)
		}
	}
}

// follows [I11]: the log proves that it was only added to between two checkpoints.
func (k *checker) follows(l *treeLog, older, newer audit.Checkpoint) {
	k.ok(I11)
	proof, err := l.proof(newer.Size, older.Size)
	if err == nil {
		err = audit.CheckConsistency(proof, newer.Head, older.Head)
	}
	if err != nil {
		k.m.fail(I11, "the records of checkpoint %d are no prefix of those of %d: %v", older.Size, newer.Size, err)
	}
}
