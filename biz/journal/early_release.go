//go:build !canary_early

package journal

// releasesEarly lets go what waits for a commit before the commit is on the disk.
// The build tag canary_early switches this fault on, so that it can be seen that
// the tests notice.
const releasesEarly = false
