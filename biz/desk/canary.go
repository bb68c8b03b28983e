//go:build !canary_twice

package desk

// applyTwice is a fault that the tests must find; a build with the tag
// canary_twice has it.
const applyTwice = false
