package engine

// Sets are the inputs of Diff for one program; all use the same numbers.
type Sets struct {
	Actual   Set // what the program says exists; what was last known where its list is incomplete
	Giving   Set // pending grants: claimed, outcome not known yet
	Taking   Set // pending revokes
	Desired  Set
	Managed  Set
	Withheld Set // desired, but not to be granted; the caller knows why
	Keep     Set // not desired, but not to be revoked; the caller knows why
}

// Difference is what would have to change in one program.
type Difference struct {
	Expected Set // (actual ∪ giving) − taking
	Adopt    Set // actual ∩ desired − managed
	Grant    Set // desired − expected − withheld
	Revoke   Set // (expected ∩ managed) − desired − keep
}

// Diff is the set algebra of design section 2: pure, and linear in the number of holdings.
func Diff(s *Sets) Difference {
	var d Difference
	given := s.Actual.Or(&s.Giving)
	d.Expected = given.Minus(&s.Taking)
	both := s.Actual.And(&s.Desired)
	d.Adopt = both.Minus(&s.Managed)
	missing := s.Desired.Minus(&d.Expected)
	d.Grant = missing.Minus(&s.Withheld)
	ours := d.Expected.And(&s.Managed)
	undesired := ours.Minus(&s.Desired)
	d.Revoke = undesired.Minus(&s.Keep)
	return d
}
