//go:build !failpoint

package engine

import "io"

// Failpoint marks a step at which the process may die; it does nothing in the program as it is shipped. Built with the tag
// failpoint, the process is killed or stopped there when a test asks for it, see failpoint_on.go. A name is STEP.WHEN or
// STEP.WHEN.WHAT; WHEN is before, torn (in the middle: something was sent, but not all) or after. A test lists all points from
// the source and wants every one of them to be tried.
func Failpoint(string) {}

// FailpointTorn is a Failpoint at which half of the data was written when the process dies.
func FailpointTorn(string, io.Writer, []byte) {}
