// Package bench compares holdfast with other designs and libraries: rates, response
// times, and where a server spends its time.
//
// [Compare], [Response] and [Flame] start one server after the other, each in a new
// process on one core with GOMAXPROCS=1, and load it from another core. [All] does all
// three. Results are printed, and saved in a folder after every round, so that a stopped
// run loses little.
//
// Goroutine: any, one at a time for a folder. All other files are in a temporary folder
// that is removed at the end.
package bench
