// Package doctor checks the machine before a server runs on it. It reports what would
// cause trouble under many connections, and how to fix it.
//
// [Gather] reads the facts, each check is a pure function of them, and [Examine]
// returns the findings. A fact that the system does not report is Unknown and never
// fails a check. Nothing is changed: the probe of the disk removes the file that it
// writes, and the probes of the ports close them again.
//
// Goroutine: any; Gather takes well under ten seconds and ends with its context.
package doctor
