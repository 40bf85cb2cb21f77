// Package coverage measures which branches of what keeps people's access safe are taken by its tests, whichever package the
// tests are in. Go counts blocks of statements, not conditions: a branch is the body of an if, an else or a case, and whether
// a condition was ever false is not seen here, but by the mutants.
//
// It has tests only; `make coverage` runs them.
package coverage
