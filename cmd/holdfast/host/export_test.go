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

// NewAdminConns returns the listener of the admin port with another limit.
var NewAdminConns = newAdminConns

// Changed is the ConnState of its server.
func (a *adminConns) Changed(conn net.Conn, state http.ConnState) { a.changed(conn, state) }

// Parts returns the parts that readiness asks.
func (s *Server) Parts() []engine.Part { return s.asked() }

// Ready is what readiness asks.
func (s *Server) Ready(ctx context.Context, h *engine.Health) error { return s.ready(ctx, h) }

// Simulation returns what the day simulates.
func (d *Day) Simulation() simulation.Config { return d.simulation }
