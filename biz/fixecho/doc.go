// Package fixecho is the echo acceptor that scenarios of the FIX session level assume: its CompID is
// ISLD, its peers are TW44 and TW, and both numbers start at 1 at each Logon. It sends orders (D) and
// security definitions (d) back, each with a new header, and refuses any other application
// message. An order with PossResend whose ClOrdID was there before is ignored.
//
// It has no accounts and stores nothing on disk: it shows what biz/fix and the engine do with a
// session, and nothing else.
//
// Goroutine: any; an Acceptor has one lock, which each message takes. Limits: it can resend the last
// 10,000 messages of a session; what is older is a gap fill. It remembers as many ClOrdIDs.
package fixecho
