package enginetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// leaf hashes a record and the hash before it. It is written by hand, since histories append millions of records and JSON
// would take more time than all the rest of that; a test sees to it that no field is left out.
func leaf(before string, r *engine.Record) string { return new(parts).leaf(before, r) }

// leaf uses the space again that it took the time before.
func (h *parts) leaf(before string, r *engine.Record) string {
	*h = (*h)[:0]
	h.texts(before, string(r.Kind), r.Run, r.Actor, r.Person, r.Program, r.Account, r.Entitlement, string(r.Op), string(r.Outcome), string(r.Cause), string(r.Class), string(r.Data))
	h.number(r.Seq)
	h.number(r.Of)
	h.number(int64(r.Claim))
	h.time(r.Time)
	if r.Approved {
		h.texts("approved")
	} else {
		h.texts("")
	}
	h.list(r.Rules)
	h.list(r.Why)
	h.number(int64(len(r.Set)))
	for i := range r.Set {
		f := &r.Set[i]
		h.key(&f.FactKey)
		h.time(f.Since)
		h.time(f.Until)
		h.number(int64(f.Count))
		h.texts(f.Text, string(f.Data))
	}
	h.number(int64(len(r.Clear)))
	for i := range r.Clear {
		h.key(&r.Clear[i])
	}
	sum := sha256.Sum256(*h)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// parts is what is hashed; each text stands behind its length, so that no two records look alike.
type parts []byte

func (h *parts) number(n int64) { *h = binary.AppendVarint(*h, n) }

func (h *parts) time(t time.Time) {
	h.number(t.Unix())
	h.number(int64(t.Nanosecond()))
}

func (h *parts) texts(all ...string) {
	for _, s := range all {
		h.number(int64(len(s)))
		*h = append(*h, s...)
	}
}

func (h *parts) list(all []string) {
	h.number(int64(len(all)))
	h.texts(all...)
}

func (h *parts) key(k *engine.FactKey) {
	h.texts(k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key)
}
