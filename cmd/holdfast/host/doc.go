// Package host runs a complete server in this process: it translates the settings for
// the server's parts, divides the memory, and opens the admin port with metrics and
// pprof.
//
// Goroutine: any may stop a server. Limits: those of the settings, and 16 connections on
// the admin port.
package host
