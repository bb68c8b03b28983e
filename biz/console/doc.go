// Package console serves the console: a web page for trading and operating, and the few HTTP
// endpoints that the page needs beside its WebSocket. It owns the sessions of browsers: a cookie, and
// the gateway.Pass that the customer has logged in with. Orders and operators' commands do not come
// here: the page sends them over the WebSocket, where the gateway checks them.
//
// All answers have a content security policy without inline code. A POST needs the page's origin and
// JSON; nothing that a GET does changes anything.
//
// Limits: Config.MaxSessions sessions, maxPerCustomer of one customer, each for SessionTime; bodies of
// maxBody bytes. The caller limits connections and their times.
//
// Goroutine: any.
package console
