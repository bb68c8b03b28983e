// Package front accepts the clients of a cluster and forwards what they ask to the venues that own
// their accounts, in this process or another (package link).
//
// The front has no accounts. It answers Conn, Submit and Heartbeat itself. For everything else a
// client session has a shadow: a session at the venue of its customer, to which the front is an
// ordinary client. Requests get numbers of the shadow and are kept until they are answered. Replies
// and pushes are passed on with their bodies as they are.
//
// When a venue moves, or the link to it breaks, the front opens the shadow again at the owner: it is
// admitted without the client's secret, resumes after the last push that the client has got, and
// then the unanswered requests are sent again. So the client sees a pause, every push once and every
// reply once. An order without a client order id gets one from the front, so that sending it again
// does no harm. A session ends with ReasonUnavailable if that can't be done: the venue has not enough
// pushes in memory, a request is not safe to send again, or no venue is ready for readyTime.
//
// Operators ask for other customers, too. Such a request goes over another shadow of the session, at
// the venue of that customer. Requests for everyone go to all venues; their replies are merged.
//
// FIX messages pass as they are, both ways. When the venue moves, the connection of a FIX client is
// closed: it logs on again, with the numbers that the venue has.
//
// Goroutines: the engine's lanes run the handlers. One goroutine takes all messages of venues, so
// that what clients get stays in order. Locks, in this order: client.mu, venue.mu, lane.mu.
package front
