package audit

import (
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ProveInclusion returns the RFC 6962 section 2.1.1 audit path that shows the
// record seq (1 to size) in the tree of the first size records: at most
// log2(size) hashes, rounded up, from the leaf to the root.
func ProveInclusion(size, seq int64, r tlog.HashReader) ([]Hash, error) {
	if size > MaxSize {
		return nil, outOfRange(size)
	}
	if seq < 1 || seq > size {
		return nil, fmt.Errorf("record %d is not among the first %d records; ask for a later checkpoint", seq, size)
	}
	return tlog.ProveRecord(size, seq-1, r)
}

// CheckInclusion tells whether the proof shows that record seq of the tree
// with this head has this leaf hash; nil is yes.
func CheckInclusion(proof []Hash, head Head, seq int64, leaf Hash) error {
	if head.Size > MaxSize {
		return outOfRange(head.Size)
	}
	if seq < 1 || seq > head.Size {
		return fmt.Errorf("record %d is not among the first %d records; ask for a later checkpoint", seq, head.Size)
	}
	if err := tlog.CheckRecord(proof, head.Size, head.Root, seq-1, leaf); err != nil {
		return fmt.Errorf("the proof does not show record %d in the log of %d records: record, proof or checkpoint was changed, or they belong to different logs", seq, head.Size)
	}
	return nil
}

// ProveConsistency returns the RFC 6962 section 2.1.2 proof that the first
// older records are a prefix of the first newer ones. For older 0 and for
// equal sizes it is empty.
func ProveConsistency(newer, older int64, r tlog.HashReader) ([]Hash, error) {
	if newer > MaxSize {
		return nil, outOfRange(newer)
	}
	if older < 0 || older > newer {
		return nil, fmt.Errorf("a log of %d records cannot contain one of %d; put the larger size first", newer, older)
	}
	if older == 0 {
		return nil, nil
	}
	return tlog.ProveTree(newer, older, r)
}

// CheckConsistency tells whether the proof shows that newer only adds records
// to older; nil is yes.
func CheckConsistency(proof []Hash, newer, older Head) error {
	if older.Size < 0 {
		return outOfRange(older.Size)
	}
	if newer.Size > MaxSize {
		return outOfRange(newer.Size)
	}
	if newer.Size < older.Size {
		return fmt.Errorf("the log went back from %d to %d records: it was cut off or restored from an older backup", older.Size, newer.Size)
	}
	if !consistent(proof, newer, older) {
		return fmt.Errorf("the log of %d records does not continue the one of %d records: a record among the first %d was changed, or the proof belongs to another log", newer.Size, older.Size, older.Size)
	}
	return nil
}

func consistent(proof []Hash, newer, older Head) bool {
	if older.Size == 0 { // RFC 6962 leaves this case out: every log continues the empty one
		return len(proof) == 0 && older.Root == sha256.Sum256(nil) && (newer.Size > 0 || newer == older)
	}
	return tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root) == nil
}

func outOfRange(size int64) error {
	return fmt.Errorf("tree size %d is out of range; sizes are 0 to 2^56", size)
}
