// Package process starts the child processes of a measurement and reads their CPU time,
// memory and open files from Linux. It pins processes to cores and creates control groups
// with a memory limit.
//
// A child is in a new process group, so that it does not receive signals from the
// terminal. The system kills it when this process dies.
//
// Goroutine: any. Other systems than Linux have only ReadMetrics.
package process
