package host

import (
	"context"
	"net"
	"net/http"

	"holdfast/biz/simulation"
	"holdfast/engine"
)

// Names that the tests use.
var (
	LimitsOf    = limitsOf
	OnLoopback  = onLoopback
	ForLoopback = forLoopback
	NewDay      = newDay
)

// NewClusterCollector returns what reads the counts of a node.
var NewClusterCollector = newClusterCollector

// NewAdminConns returns the listener of the admin port with another limit.
var NewAdminConns = newBoundedConns

// Changed is the ConnState of its server.
func (a *boundedConns) Changed(conn net.Conn, state http.ConnState) { a.changed(conn, state) }

// Parts returns the parts that readiness asks.
func (s *Server) Parts() []engine.Part { return s.asked() }

// Ready is what readiness asks.
func (s *Server) Ready(ctx context.Context, h *engine.Health) error { return s.ready(ctx, h) }

// Simulation returns what the day simulates.
func (d *Day) Simulation() simulation.Config { return d.simulation }

// PercentileOf returns a percentile of what came between two looks at the counts.
func PercentileOf(bounds []float64, since, now []uint64, share float64) float64 {
	p := newPercentiles(bounds, since, now)
	return p.at(share)
}
