// Package cluster runs one node of a cluster: several processes that share the accounts and of which
// any takes any client.
//
// Each node has a NATS server in its process, and all of them store the same JetStream streams,
// each on three nodes. A stream is the journal of a venue: the desk and gateway of some of the
// accounts. The node that leads a stream serves its venue; the others that store it have the venue as
// a standby, which follows the journal, so that a take-over costs no replay. There is no lease: the
// owner of a venue follows the leader of its stream, and a fence in the journal ends the batches of the
// owner before.
//
// Clients connect to the front of any node (package front), which sends their requests over the NATS
// servers (package link) to the venue of their customer.
//
// The NATS servers listen only for each other.
package cluster
