//go:build canary_nochain

package journal

const checksChain = false
