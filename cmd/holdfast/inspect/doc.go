// Package inspect checks, measures and prints the journal in the data folder of a server
// that is not running, and checks its checkpoints. It changes nothing, and also works on what a killed server left.
//
// Goroutine: any. It refuses a folder that a server has open.
package inspect
