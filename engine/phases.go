package engine

import "time"

// Phases of a run, as Engine.Progress and Engine.Took name them.
const (
	PhaseMemory   = "memory"   // folding the journal
	PhaseRead     = "read"     // people and programs
	PhaseEvaluate = "evaluate" // policy, differences, limits: the plan
	PhaseJournal  = "journal"  // committing the intents
	PhaseApply    = "apply"    // calls to programs, with their outcomes
)

// MakePlan is the function MakePlan, timed.
func (e *Engine) MakePlan(s *Snapshot) *Plan {
	started := e.Now()
	defer e.took(PhaseEvaluate, started)
	return MakePlan(s)
}

// took tells how long a phase took; it ends now.
func (e *Engine) took(phase string, started time.Time) {
	if e.Took != nil {
		e.Took(phase, e.Now().Sub(started))
	}
}

func (e *Engine) progress(phase, what string, done, of int) {
	if e.Progress != nil {
		e.Progress(phase, what, done, of)
	}
}
