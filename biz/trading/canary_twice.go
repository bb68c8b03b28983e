//go:build canary_twice

package trading

const applyTwice = true
