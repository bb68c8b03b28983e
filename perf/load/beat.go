package load

import (
	"math"

	"holdfast/codec"
)

// beatID is the id of a heartbeat that is no request of the load: no connection
// counts so far.
const beatID = math.MaxUint64

// isBeat says whether a frame answers a heartbeat of beat.
func isBeat(command codec.Command, id uint64) bool {
	return id == beatID && command == codec.CommandHeartbeat.Reply()
}
