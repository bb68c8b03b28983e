package engine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// DescriptorReserve is how many descriptors are kept from clients where there
	// are many: for the journal, the database, logs, the admin listener and the
	// event loops. Of fewer than twice as many, half are kept.
	DescriptorReserve = 512
	// spareDescriptors stay free when clients have all they may have: for files
	// that come and go and for the admin port. For want of one more, gnet would end
	// its loops at the next connection.
	spareDescriptors = 24
	// leastClients is for how many a server is worth starting.
	leastClients = 4
)

// RoomForClients returns how many connections an open-file limit leaves at most.
// NewReactor lowers that where other files are open than the reserve is meant for.
func RoomForClients(openFiles uint64) int {
	soft := int(min(openFiles, 1<<30))
	return max(1, soft-max(min(DescriptorReserve, soft/2), spare(soft)))
}

// spare returns how many descriptors stay free when clients have all they may have.
func spare(soft int) int { return max(spareDescriptors, min(soft/8, DescriptorReserve/2)) }

// lastClientFile returns the highest descriptor that a client may have, and how
// many of those up to it are free for clients now. The system gives out the
// lowest free one: when a client gets a higher one, the others are all in use,
// whatever for.
func lastClientFile(loops, listeners int) (last, room int, err error) {
	soft := int(min(OpenFiles().Soft, 1<<30))
	last = soft - 1 - spare(soft)
	probe, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return 0, 0, fmt.Errorf("%w (%d): %w", ErrFewDescriptors, soft, err)
	}
	_ = unix.Close(probe)
	perLoop := listeners + 2 // epoll, eventfd
	own := probe + perLoop*loops
	if room = last + 1 - own; room < leastClients {
		return 0, 0, fmt.Errorf("%w: it is %d, the server itself needs %d and keeps %d free; raise it, with \"ulimit -n 1024\" or the service's LimitNOFILE",
			ErrFewDescriptors, soft, own, soft-1-last)
	}
	return last, room, nil
}
