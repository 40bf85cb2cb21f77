//go:build !testclock

package main

// onTestClock does nothing outside of tests; see clock_fast.go.
func onTestClock(*process) {}
