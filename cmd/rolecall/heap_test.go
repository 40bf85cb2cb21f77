package main

import (
	"runtime"
	"testing"
)

func TestAHeapGrowsByTwoFifthsOrByItsRoom(t *testing.T) {
	for live, want := range map[uint64]int{0: 1500, 1 << 20: 1500, 16 << 20: 1500, 64 << 20: 368, 116 << 20: 158, 160 << 20: 87, 200 << 20: 58, 320 << 20: 40, 1 << 30: 40} {
		if got := growth(live); got != want {
			t.Errorf("%d MiB: %d percent", live>>20, got)
		}
	}
}

func TestEachCollectionIsTold(t *testing.T) {
	told := make(chan struct{}, 100)
	afterEachCollection(func() { told <- struct{}{} })
	<-told // at once
	for range 3 {
		runtime.GC()
		<-told
	}
}
