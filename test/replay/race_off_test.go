//go:build !race

package replay_test

// raced says that the race detector slows everything down.
const raced = false
