package engine

import "testing"

// What a connection to a socket file takes before its loop can refuse it is kept free.
func TestAcceptorsHaveDescriptors(t *testing.T) {
	const loops = 4
	tcp := []*boundListener{{addr: "127.0.0.1:1"}, {addr: "127.0.0.1:2"}}
	last, _, err := lastClientFile(loops, tcp)
	if err != nil {
		t.Fatal(err)
	}
	tcp[1].addr = "unix:/run/a"
	with, _, err := lastClientFile(loops, tcp)
	if err != nil || with != last-loops*descriptorsPerAcceptor {
		t.Errorf("last is %d with a socket file, %d without, %v", with, last, err)
	}
}
