//go:build !canary_nochain

package journal

// checksChain turns the checks of checksums and of the chain on. The build tag
// canary_nochain turns them off, to show that the tests notice it.
const checksChain = true
