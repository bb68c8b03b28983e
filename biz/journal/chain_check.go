//go:build !canary_nochain

package journal

// checksChain switches the checks of checksums and of the chain on. The build
// tag canary_nochain switches them off, so that it can be seen that the tests
// notice.
const checksChain = true
