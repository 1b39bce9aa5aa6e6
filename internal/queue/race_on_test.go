//go:build race

package queue_test

// racing says that the race detector watches.
const racing = true
