// Package mutants measures the tests of what keeps people's access safe: it changes one condition, comparison or statement
// of the source at a time, and sees whether a test dies. All changes are compiled in at once, into a copy that only the
// compiler sees, and one of them is chosen when the tests start, so that a mutant costs only the tests that reach it.
//
// It has tests only; `make mutants` runs them.
package mutants
