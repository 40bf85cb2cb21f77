// Package httpconn makes the calls of connectors whose programs have an HTTP interface: it signs in, tries again when told
// to wait, bounds what is read, keeps secrets out of messages, sends credentials to no other host, and tells what certainly
// did not happen from what nobody knows.
//
//	Client.Do     one call, with its tries; any answer that was not expected is a *StatusError
//	OutcomeOf     what an error of a write means for the write
//	Before        marks an error of what precedes a write
package httpconn
