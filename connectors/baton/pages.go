package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// page is one answer of a list.
type page[T any] interface {
	GetList() []T
	GetNextPageToken() string
	GetAnnotations() []*anypb.Any
}

// reader reads lists. wait waits before a page is asked for again.
type reader struct {
	c    *child
	sync string // the connector's key for what it keeps between the calls of one read
	wait func(ctx context.Context, d time.Duration) error
}

const tries = 4 // of one page: reading changes nothing

// pages gives all rows of a list, page after page. An error means that there may be more.
func pages[T any, P page[T]](ctx context.Context, r *reader, get func(token string) (P, error), yield func(rows []T, notes []*anypb.Any) error) error {
	tokens, seen := []string{""}, map[string]bool{}
	for n := 1; len(tokens) > 0; n++ {
		token := tokens[0]
		tokens = tokens[1:]
		p, err := patiently(ctx, r, func() (P, error) { return get(token) })
		if err != nil {
			return fmt.Errorf("page %d: %w", n, err)
		}
		more, err := follow(p.GetNextPageToken(), p.GetAnnotations())
		if err != nil {
			return fmt.Errorf("page %d: %w", n, err)
		}
		for _, t := range more {
			if seen[t] {
				return fmt.Errorf("page %d: the connector names the page %q twice", n, t)
			}
			seen[t] = true
		}
		tokens = append(tokens, more...)
		if err := yield(p.GetList(), p.GetAnnotations()); err != nil {
			return err
		}
	}
	return nil
}

// follow gives the pages that an answer points to. One that stands for rows of an earlier read is refused: there is none.
func follow(next string, notes []*anypb.Any) (tokens []string, err error) {
	if next != "" {
		tokens = append(tokens, next)
	}
	if has(notes, &v2.SourceCacheReplay{}) || has(notes, &v2.SourceCacheLookupAsk{}) {
		return nil, errors.New("the connector points to an earlier read instead of listing")
	}
	more := &v2.EnqueuePageTokens{}
	if pick(notes, more) {
		tokens = append(tokens, more.GetPageTokens()...)
	}
	return tokens, nil
}

// patiently asks again where the program is overloaded or away.
func patiently[P any](ctx context.Context, r *reader, get func() (P, error)) (p P, err error) {
	for n := range tries {
		p, err = get()
		code := status.Code(err)
		if err == nil || code != codes.Unavailable && code != codes.ResourceExhausted || n == tries-1 {
			break
		}
		select {
		case <-r.c.dead:
			return p, errors.New("the connector has ended")
		default:
		}
		if r.wait(ctx, pause(err, n)) != nil {
			break
		}
	}
	return p, err
}

// pause is how long the connector says that the program wants to be left alone, at most a minute, or 1, 2, 4 s.
func pause(err error, n int) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if limit, ok := d.(*v2.RateLimitDescription); ok && limit.HasResetAt() {
			return min(max(time.Until(limit.GetResetAt().AsTime()), time.Second), time.Minute)
		}
	}
	return time.Second << n
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// has says whether there is an annotation of this kind.
func has(notes []*anypb.Any, kind proto.Message) bool {
	for _, note := range notes {
		if note.MessageIs(kind) {
			return true
		}
	}
	return false
}

// pick reads the first annotation of this kind.
func pick(notes []*anypb.Any, into proto.Message) bool {
	for _, note := range notes {
		if note.MessageIs(into) {
			return note.UnmarshalTo(into) == nil
		}
	}
	return false
}

// each does something to all of many, n at once, and gives the errors in their order.
func each[T any](n int, all []T, do func(T) error) []error {
	errs := make([]error, len(all))
	free := make(chan struct{}, max(1, n))
	var wg sync.WaitGroup
	for i, one := range all {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			errs[i] = do(one)
		})
	}
	wg.Wait()
	return errs
}
