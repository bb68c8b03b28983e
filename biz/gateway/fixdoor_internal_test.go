package gateway

import (
	"testing"

	"holdfast/engine"
)

// TestFIXEndsOfConnections: the end of an old connection does not hide that of the next one of its session.
func TestFIXEndsOfConnections(t *testing.T) {
	var d fixDoor
	d.start()
	id, old, next := new(fixIdentity), new(engine.Session), new(engine.Session)
	d.end(id, next)
	d.end(id, old)
	if _, ended := d.due(nil, 0); ended[next] != id || ended[old] != id {
		t.Errorf("%d connections have ended, want 2", len(ended))
	}
	if _, ended := d.due(nil, 0); len(ended) != 0 {
		t.Errorf("%d connections have ended again", len(ended))
	}
}
