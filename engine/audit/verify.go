package audit

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Against is what the records are compared with. Everything is optional; what
// is not given is not checked, and the report says how far the checks reach.
type Against struct {
	// From is the trusted frontier to start from, so that records from
	// From.Size()+1 on are enough. The zero value starts with record 1.
	From Frontier
	// Heads are sizes and roots that come from outside the store: those of
	// opened checkpoints, in any order. None may be older than From.
	Heads []Head
	// Stored is the frontier in the store's own head row.
	Stored *Frontier
	// Nodes are the store's nodes (levels 8, 16, ...); leaves are not read
	// from it. It needs Stored, which tells how many nodes there must be.
	Nodes Runs
}

// Report is the outcome of a verification.
type Report struct {
	Fault   *Fault   // the first thing wrong; nil if nothing is
	Records int64    // records read and found to agree with their own hashes
	Blanked int64    // how many of these have their personal part blanked
	Emptied int64    // how many have nothing left but their hash, which the tree shows to be right
	Covered int64    // records 1 to Covered are shown by a root from outside to be unchanged
	Tree    Frontier // the tree of the records that were read
}

// Verify reads records in order and reports the first edit, removal, insertion,
// change of order, cut or roll-back. The report depends on the input alone.
// The error is for what could not be read or compared: then nothing is known
// about the rest, and the report holds what was found before it.
//
// Bytes of a yielded record must stay unchanged until Verify returns or 16,384
// further records have been yielded. Hashing uses all cores.
func Verify(records iter.Seq2[Record, error], against Against) (Report, error) {
	v, err := newVerifier(against)
	if err != nil {
		return Report{Tree: against.From}, err
	}
	err = inBatches(records, v.take)
	if v.err != nil {
		err = v.err // it came before any error of the records
	}
	switch {
	case err != nil:
		v.badNode(undecided)
	case v.report.Fault == nil:
		v.finish()
	}
	if v.report.Fault != nil {
		err = nil // found before whatever could not be read
	}
	v.report.Tree = v.tree.clone()
	return v.report, err
}

// verifier walks through checked records in order.
type verifier struct {
	against Against
	tree    Frontier
	heads   []Head // still ahead, by size
	passed  int64  // size up to which the records are known to be right
	nodes   nodeCheck
	suspect *Node // the first stored node that differs, until a root decides
	report  Report
	err     error
}

func newVerifier(a Against) (*verifier, error) {
	v := &verifier{against: a, tree: a.From.clone(), heads: slices.Clone(a.Heads), passed: a.From.size}
	slices.SortStableFunc(v.heads, func(x, y Head) int { return cmp.Compare(x.Size, y.Size) })
	if err := oneHistory(a.From.Head(), v.heads); err != nil {
		return nil, err
	}
	if a.Nodes != nil {
		if a.Stored == nil {
			return nil, errors.New("the stored tree nodes cannot be checked without the head row; give both")
		}
		v.nodes = nodeCheck{runs: a.Nodes, size: a.Stored.size}
	}
	v.checkHeads()
	return v, nil
}

// oneHistory refuses trusted roots that contradict each other; heads are sorted.
func oneHistory(start Head, heads []Head) error {
	before := start
	for _, h := range heads {
		if h.Size < start.Size {
			return fmt.Errorf("the checkpoint at size %d is older than the frontier of %d records to start from; verify from the beginning", h.Size, start.Size)
		}
		if h.Size == before.Size && h != before {
			return fmt.Errorf("two different roots are given for size %d, so the log has had two histories; find out which is the true one", h.Size)
		}
		before = h
	}
	return nil
}

// take handles one batch; it returns false when the first fault or error is found.
func (v *verifier) take(b *batch) bool {
	for i := range b.records {
		if !v.takeRecord(&b.records[i], b.leaves[i], b.wrong[i]) {
			return false
		}
	}
	return true
}

func (v *verifier) stopped() bool { return v.report.Fault != nil || v.err != nil }

func (v *verifier) takeRecord(r *Record, leaf Hash, wrong string) bool {
	want := v.tree.size + 1
	switch {
	case r.Seq > want:
		v.fault(want, r.Seq-1, "missing: removed, or numbered out of order")
	case r.Seq < want:
		v.fault(r.Seq, r.Seq, fmt.Sprintf("found again or out of order where record %d must stand: inserted or moved", want))
	case wrong != "":
		v.fault(r.Seq, r.Seq, wrong)
	default:
		v.push(leaf)
		v.report.Records++
		switch {
		case r.Emptied:
			v.report.Emptied++
		case len(r.Salt) == 0:
			v.report.Blanked++
		}
		v.checkHeads()
	}
	return !v.stopped()
}

func (v *verifier) push(leaf Hash) {
	v.tree.push(leaf, func(n Node) {
		if n.Level == 0 || n.Level%NodeStep != 0 || v.suspect != nil || v.err != nil {
			return
		}
		same, err := v.nodes.same(n)
		if v.err = err; err == nil && !same {
			v.suspect = &n
		}
	})
}

// checkHeads compares the tree with the roots from outside for its size.
func (v *verifier) checkHeads() {
	for len(v.heads) > 0 && v.heads[0].Size == v.tree.size && !v.stopped() {
		if v.tree.Head() != v.heads[0] {
			v.wrongRoot(fmt.Sprintf("do not give the root of the checkpoint at size %d", v.tree.size))
			return
		}
		v.passed, v.report.Covered = v.tree.size, v.tree.size
		v.heads = v.heads[1:]
		v.badNode("the stored tree node over them was changed, the records are right (a checkpoint shows it)")
	}
}

// wrongRoot reports that records after the last good root were changed together
// with their own hashes; a differing node says where among them.
func (v *verifier) wrongRoot(what string) {
	first, last := v.passed+1, v.tree.size
	if v.suspect != nil {
		first, last = max(first, v.suspect.first()), min(last, v.suspect.last())
		what += " (found by the stored tree nodes)"
	}
	v.report.Fault = &Fault{first, last, what + ": at least one was changed, put in or taken out together with its stored hash"}
}

// badNode reports a differing node, if there is one.
func (v *verifier) badNode(what string) {
	if v.suspect != nil {
		v.report.Fault = &Fault{v.suspect.first(), v.suspect.last(), what}
	}
}

// fault reports a fault of a single record, unless a node showed an earlier one.
func (v *verifier) fault(first, last int64, what string) {
	if v.badNode(undecided); v.report.Fault == nil {
		v.report.Fault = &Fault{first, last, what}
	}
}

const undecided = "they do not give the stored tree node over them: either was changed (a later checkpoint would tell which)"

// finish checks what only the end of the records can show.
func (v *verifier) finish() {
	stored := v.against.Stored
	switch {
	case len(v.heads) > 0:
		v.fault(v.tree.size+1, v.heads[0].Size, fmt.Sprintf("missing, though the checkpoint at size %d covers them: cut off, or restored from an older backup", v.heads[0].Size))
	case stored != nil && stored.size > v.tree.size:
		v.fault(v.tree.size+1, stored.size, fmt.Sprintf("missing, though the head row counts %d records: cut off", stored.size))
	case stored != nil && stored.size < v.tree.size:
		v.fault(stored.size+1, v.tree.size, fmt.Sprintf("beyond the %d records that the head row counts: added past it, or the head row was set back", stored.size))
	case v.suspect != nil:
		v.badNode(undecided)
	case stored != nil && stored.String() != v.tree.String() && v.passed == v.tree.size:
		v.report.Fault = &Fault{1, v.tree.size, "the head row has another tree than the records, which are right (a checkpoint shows it): the head row was changed"}
	case stored != nil && stored.String() != v.tree.String():
		v.report.Fault = &Fault{v.passed + 1, v.tree.size, "they do not give the tree in the head row: one of them, or the head row, was changed together with the hashes"}
	}
}

func (n Node) first() int64 { return n.Index<<n.Level + 1 }
func (n Node) last() int64  { return (n.Index + 1) << n.Level }
