// Package doctor looks at the machine that a server is to run on and says what
// would bite it under many connections, and how to mend each.
//
// [Gather] reads the facts, each check is a pure function of them, and [Examine]
// gives what the checks found. A fact that the system does not tell is Unknown
// and never fails a check. Nothing is changed: the probe of the disk writes a file
// of its own and removes it, and the probes of the ports close them again.
//
// Goroutine: any; Gather takes well under ten seconds and ends with its context.
package doctor
