package conformance

// Fault is how a call to a program goes wrong.
type Fault int

// The faults. Those of reading and of writing are told apart by the call they are given to.
const (
	NoFault     Fault = iota
	FailBefore        // a write certainly did not happen: Failed
	LoseBefore        // a write did not happen and nobody can tell: Uncertain
	LoseAfter         // a write happened and its answer is lost: Uncertain
	Lie               // a write answers Done and nothing happened
	Refuse            // a write is refused
	Unreachable       // reading or writing: no answer, nothing happened
	BreakList         // reading all: an error after half of the list
	PartialList       // reading all: half of the list, and a proof that says so
	HidePart          // reading all: half of the list, and a proof that claims completeness
)

// String is the fault in one word.
func (f Fault) String() string {
	return []string{"none", "fail-before", "lose-before", "lose-after", "lie", "refuse", "unreachable", "break-list", "partial-list", "hide-part"}[f]
}
