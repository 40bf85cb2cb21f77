package main

import (
	"os"
	"runtime"
	"runtime/debug"
	heap "runtime/metrics"
)

const (
	heapLeast = 40        // percent by which the heap may grow between collections
	heapRoom  = 116 << 20 // bytes by which a small one may grow
	heapFree  = 300 << 20 // or up to so many,
	heapMost  = 1500      // but not by more percent: it grows on before the next setting takes effect
)

// spareMemory lets the heap grow by two fifths between collections rather than to its double: the people, holdings and lines
// of a run are mostly there until its end, so the room would be waste. A small heap may grow more: to collect it again and
// again would take a quarter of a run's processor time. GOGC says otherwise.
func spareMemory() {
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []heap.Sample{{Name: "/gc/heap/live:bytes"}}
	afterEachCollection(func() {
		heap.Read(live)
		debug.SetGCPercent(growth(live[0].Value.Uint64()))
	})
}

// growth is by how many percent a heap may grow of which so many bytes were live.
func growth(live uint64) int {
	return int(min(heapMost, max(heapLeast, 100*max(heapRoom, heapFree-min(live, heapFree))/max(live, 1))))
}

// afterEachCollection calls do now and after each garbage collection, one call at a time.
func afterEachCollection(do func()) {
	var again func(*[1]*int)
	again = func(o *[1]*int) {
		do()
		runtime.SetFinalizer(o, again)
	}
	again(new([1]*int)) // pointers inside keep it from sharing its memory, and its end, with others
}
