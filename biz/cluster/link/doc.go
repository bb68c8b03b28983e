// Package link carries client sessions between the nodes of a cluster.
//
// A front accepts clients and has no accounts. A venue has accounts and no clients: it is the
// gateway, desk and core on one stream, at the node that leads the stream. For a venue, a session
// of a front is an ordinary session on a Carrier.
//
// A Lane is one front and one venue: entries of many sessions in both directions, in order, in few
// messages of core NATS, which may lose messages but does not change their order. Each message has
// a number, so that a lost one is noticed; each end sends one at least every keepTime. An end that
// notices a gap or silence ends the lane. The venue then closes the lane's sessions; the front opens
// another lane and lets its sessions resume. So nothing is ever sent twice by a lane, and nothing
// that was lost stays unnoticed.
//
// Subjects:
//
//	hf.v.STREAM.EPOCH        to a venue; its Reply is the subject of the front
//	hf.f.NODE.INCARNATION    to a front; its Reply is the subject of the venue
//	hf.owner, hf.owner.ask   who owns which stream (Owner), and the request to say so
package link
