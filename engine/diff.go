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

// Diff is the set algebra of design section 2: pure, and linear in the number of holdings. Nearly everything is as it
// should be, so the large sets are subtracted from each other first: what is left is small.
func Diff(s *Sets) Difference {
	var d Difference
	given := s.Actual.Or(&s.Giving)
	d.Expected = given.Minus(&s.Taking)
	unmanaged := s.Actual.Minus(&s.Managed)
	d.Adopt = unmanaged.And(&s.Desired)
	missing := s.Desired.Minus(&d.Expected)
	d.Grant = missing.Minus(&s.Withheld)
	undesired := d.Expected.Minus(&s.Desired)
	ours := undesired.And(&s.Managed)
	d.Revoke = ours.Minus(&s.Keep)
	return d
}
