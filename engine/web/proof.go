package web

import "context"

// Proof shows that a record is in the journal: from its leaf the path leads to the root of the first Size records (RFC 6962).
type Proof struct {
	Size       int64     `json:"size"`       // records whose root it is
	Root       string    `json:"root"`       // base64
	Path       []string  `json:"path"`       // base64, from the leaf upwards
	Checkpoint string    `json:"checkpoint"` // the signed note that has this root; empty while none covers the record
	Leads      bool      `json:"leads"`      // the path leads from the hash of what is stored to the root: false means that the record was changed
	Stored     HashedAll `json:"stored"`     // what the hash is of
}

// HashedAll is what the hash of a record is of: H(public ‖ H(salt ‖ personal)).
type HashedAll struct {
	Public     string `json:"public"`
	Personal   string `json:"personal,omitempty"`   // absent: it was blanked
	Salt       string `json:"salt,omitempty"`       // base64
	Commitment string `json:"commitment,omitempty"` // base64, of what was blanked
}

// prove is for a page: a record is shown also where its proof can't be made.
func (s *Site) prove(ctx context.Context, path string, seq int64) *Proof {
	if s.Prove == nil {
		return nil
	}
	p, err := s.Prove(ctx, seq)
	if err != nil {
		s.Failed(path, err)
		return nil
	}
	return &p
}
