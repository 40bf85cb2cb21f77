// Package servers starts real servers for tests: OpenLDAP's slapd, PostgreSQL
// and a Samba Active Directory domain controller. Each has a directory of its
// own, listens on free loopback ports only, and ends by its process id when
// the test that started it is over.
//
// Starting costs roughly 0.2 s (slapd), 2 s (PostgreSQL) and 15 s (Samba), so
// a package starts a server once, in a top-level test with sub-tests.
//
// A missing program fails the test when CI=true or the user is root, so that
// CI cannot lose a server unseen; otherwise the test is skipped and says what
// to install.
package servers
