// Package web is Rolecall's own page: whether everybody has what they should, what is about to change, what waits for
// approval and why, who has what since when, and the journal. All of it is made on the server and can be read without
// scripts; nothing is fetched from elsewhere.
//
// People sign in through a Door, and may do what their Permission says; every address stands with the permission it needs in one table
// (Site.routes), and is asked for in one place. Without a Door the page shows and changes nothing: it is for whoever sits at the
// machine. Requests that name another machine, or come from other pages, are refused; whoever serves it binds to loopback only.
package web
