package main

import "context"

// filtering makes the filters for words beside all else, now and whenever records were written; the function that it gives ends that.
func (s *server) filtering(ctx context.Context, cancel context.CancelFunc) (end func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s.plans && ctx.Err() == nil { // where several serve, they do the same work, and one has it done
			s.filter(ctx)
			select {
			case <-ctx.Done():
			case <-s.wrote:
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// filter makes those that are missing. Without them a search reads more, so that it failed is no reason to stop.
func (s *server) filter(ctx context.Context) {
	made, err := s.system().store.MakeFilters(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.log.Warn("searches for words will take longer", "error", err)
	case made > 0:
		s.log.Info("filters for words were made", "filters", made)
	}
}

// written says that there may be more to filter; nobody waits for it.
func (s *server) written() {
	select {
	case s.wrote <- struct{}{}:
	default:
	}
}
