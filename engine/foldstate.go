package engine

// Position is all that the records up to one come to, charges apart: a Fold goes on from it where the records are not there any more.
type Position struct {
	Part      // Open has whole intents
	Links     map[LinkKey]Link
	Baselines []string
}

// FoldAt goes on from a whole state. Charges are only those that follow.
func FoldAt(s Position) *Fold {
	f := FoldFrom(s.Part)
	f.part = false
	f.stand(s)
	return f
}

// FoldOnlyAt is to FoldAt what FoldOnly is to NewFold.
func FoldOnlyAt(s Position) *Fold {
	f := FoldFrom(s.Part)
	f.only = true
	f.stand(s)
	return f
}

func (f *Fold) stand(s Position) {
	for key, l := range s.Links {
		f.links[key] = l
	}
	for _, program := range s.Baselines {
		f.baseline[program] = true
	}
}
