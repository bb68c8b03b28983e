//go:build canary_early

package journal

const releasesEarly = true
