package engine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// DescriptorReserve is how many descriptors clients can't have: they are for the
	// journal, the database, logs, the admin listener and the event loops. If the limit
	// is below twice that, half of it is reserved.
	DescriptorReserve = 512
	// spareDescriptors stay free when clients have all they may have, for temporary
	// files and the admin port. If none were left, gnet would stop its loops at the
	// next connection.
	spareDescriptors = 24
	// descriptorsPerAcceptor is how many a connection to a socket file takes, besides its
	// place, before its loop can refuse it.
	descriptorsPerAcceptor = 2
	// leastClients is the smallest number of clients that a server starts for.
	leastClients = 4
)

// MaxClients returns how many client connections an open-file limit allows. NewReactor
// allows fewer if more files are open than the reserve is meant for.
func MaxClients(openFiles uint64) int {
	soft := int(min(openFiles, 1<<30))
	return max(1, soft-max(min(DescriptorReserve, soft/2), spare(soft)))
}

// spare returns how many descriptors always stay free.
func spare(soft int) int { return max(spareDescriptors, min(soft/8, DescriptorReserve/2)) }

// lastClientFile returns the highest descriptor that a client may have, and how many
// clients there can be. The kernel always hands out the lowest free descriptor: if a
// client gets one above last, all others are in use.
func lastClientFile(loops int, listeners []*boundListener) (last, clients int, err error) {
	soft := int(min(OpenFiles().Soft, 1<<30))
	last = soft - 1 - spare(soft)
	for _, l := range listeners {
		if _, socket := SocketPath(l.addr); socket {
			last -= loops * descriptorsPerAcceptor
		}
	}
	probe, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return 0, 0, fmt.Errorf("%w (%d): %w", ErrFewDescriptors, soft, err)
	}
	_ = unix.Close(probe)
	perLoop := len(listeners) + 2 // epoll, eventfd
	own := probe + perLoop*loops
	if clients = last + 1 - own; clients < leastClients {
		return 0, 0, fmt.Errorf("%w: it is %d, the server itself needs %d and keeps %d free; raise it with \"ulimit -n 1024\" or LimitNOFILE of the service",
			ErrFewDescriptors, soft, own, soft-1-last)
	}
	return last, clients, nil
}
