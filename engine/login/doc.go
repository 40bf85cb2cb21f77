// Package login tells who asks: it signs people in with an OpenID Connect provider or with a token, and remembers them in
// sessions that end by themselves. What somebody may do is not its affair.
//
//	identity   who somebody is, as the provider or the token says
//	provider   the OpenID Connect side: code flow with PKCE, state and nonce
//	attempt    the cookie that ties the way to the provider to the way back
//	gate       the ways in and out, and who is signed in now
//	store      sessions, in memory: a restart signs everybody out
//	limiter    how often one address may fail
package login
