// Package ldapconn dials LDAP servers, proves who they are, binds, and reads
// entries page by page so that a read is either whole or an error.
//
// A library that returns entries together with an error, or success on partial
// data, invites its caller to take "not seen" for "gone". Here every way in
// which a read can fall short ends in an *Incomplete with named reasons, and
// what was yielded before it must be discarded:
//
//	Client.Read   dials (several URLs), searches, starts again from page 1 on
//	              a lost connection, with a fresh sink each time
//	Conn.Search   one attempt on one connection
//	Conn.Get      one entry
//	Conn.Modify   adds and deletes values
//
// The protocol is RFC 4511, paging is RFC 2696. Answers are decoded by a
// scanner of our own: one allocation holds all strings of an entry, where
// go-ldap makes some 350. Filters and DNs are go-ldap's.
package ldapconn
