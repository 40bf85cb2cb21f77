package httpconn

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rolecall/rolecall/engine"
)

// Lanes gives the numbers from..to−1 that have the same key to one call of do, in order; several run at a time. A panic in one of
// them is the caller's, once all have ended: in a goroutine of its own it would end the whole process.
func Lanes(atOnce, from, to int, key func(i int) string, do func(all []int)) {
	var keys []string
	of := map[string][]int{}
	for i := from; i < to; i++ {
		k := key(i)
		if of[k] == nil {
			keys = append(keys, k)
		}
		of[k] = append(of[k], i)
	}
	var all sync.WaitGroup
	var panicked atomic.Pointer[any]
	free := make(chan struct{}, atOnce)
	for _, k := range keys {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			defer func() {
				if p := recover(); p != nil {
					panicked.CompareAndSwap(nil, &p)
				}
			}()
			do(of[k])
		})
	}
	all.Wait()
	if p := panicked.Load(); p != nil {
		panic(*p)
	}
}

// IsRight says whether a call is about a right, and not about the account itself.
func IsRight(c engine.Call) bool {
	return c.New == nil && c.Entitlement != engine.Active && c.Entitlement != engine.Exists
}

// Subject names what calls must keep their order about.
func Subject(c engine.Call) string {
	if c.New != nil {
		return "name " + strings.ToLower(c.New.Name)
	}
	return "id " + c.Account
}
