//go:build gate

package engine_test

import "testing"

// Ten thousand sessions at once, all used, then closed. An idle one costs at most 9 KiB, also when
// it had large records before.
func TestGateTLSSessions(t *testing.T) {
	fresh, used := manyTLSSessions(t, 10_000, 15_000)
	t.Logf("after the handshake %+v, after requests %+v", fresh, used)
	const most = 9 << 10
	if fresh.heap > most || used.heap > most {
		t.Errorf("%d and %d bytes of heap, want at most %d", fresh.heap, used.heap, most)
	}
}
