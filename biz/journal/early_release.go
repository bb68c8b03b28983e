//go:build !canary_early

package journal

// releasesEarly releases what waits for a commit before the commit is on the disk. The
// build tag canary_early turns this fault on, to show that the tests notice it.
const releasesEarly = false
