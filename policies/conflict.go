package policies

// sayConflict lets at most one of the listed entitlements stand. With keep: first the earliest listed wins; with existing
// what the person holds, before the earliest; record is existing, but a person who holds several keeps them and is
// reported. What could not be seen withholds what it could forbid.
func (p *Policy) sayConflict(s *scratch, c *compiledConflict, has func(int32) bool) {
	winner := int32(-1)
	if c.def.keep != keepFirst && has != nil {
		held := 0
		winner, held = s.holder(c.never, has)
		if held > 1 && c.def.keep == keepRecord {
			s.recordHeld(c.never, has)
			return
		}
	}
	taken, maybe := winner >= 0, false
	for _, e := range c.never {
		r := s.said[e].rank
		switch {
		case e == winner || r == denied || r <= observed:
		case r == undecided:
			maybe = true
		case taken:
			s.deny(e)
		case maybe: // it stands if what comes before it turns out not to be given
			s.said[e].rank = undecided
			taken = true
		default:
			taken = true
		}
	}
}

// holder is the one that the person holds: the first of those that stay anyhow, else the first; -1 if none.
func (s *scratch) holder(never []int32, has func(int32) bool) (winner int32, held int) {
	winner = -1
	stays := false
	for _, e := range never {
		if !has(e) {
			continue
		}
		held++
		r := s.said[e].rank
		if good := r > observed && r != denied; winner < 0 || good && !stays {
			winner, stays = e, good
		}
	}
	return winner, held
}

// recordHeld marks what is held; what is not is denied, so that the violation does not grow.
func (s *scratch) recordHeld(never []int32, has func(int32) bool) {
	for _, e := range never {
		r := s.said[e].rank
		switch {
		case has(e):
			s.said[e].record = true
			s.touched[e>>6] |= 1 << (e & 63)
		case r > undecided && r != denied:
			s.deny(e)
		}
	}
}

// standing says in words what a conflict does, for explanations.
func (c *conflict) standing() string {
	switch c.keep {
	case keepFirst:
		return "the earliest listed is kept"
	case keepExisting:
		return "what the person has is kept, else the earliest listed"
	}
	return "what the person has is kept and reported, nothing is added"
}
