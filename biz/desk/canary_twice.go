//go:build canary_twice

package desk

const applyTwice = true
