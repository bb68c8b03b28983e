package history_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/history"
)

// TestChunkRoundTrip: a chunk returns any executions that were put into it.
func TestChunkRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		number := uint64(0)
		list := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) history.Fill {
			number += rapid.Uint64Range(1, 1<<20).Draw(r, "number")
			f := history.Fill{
				ID: number, OrderID: rapid.Uint64().Draw(r, "order"), Event: rapid.Uint64().Draw(r, "event"),
				Quantity: rapid.Int64Range(1, math.MaxInt64).Draw(r, "quantity"), Price: rapid.Int64().Draw(r, "price"),
				Cost: rapid.Int64().Draw(r, "cost"), Time: rapid.Int64().Draw(r, "time"), Fee: rapid.Int64().Draw(r, "fee"),
				Settlement: rapid.Int64().Draw(r, "settlement"), Corrects: rapid.Uint32().Draw(r, "corrects"),
				Place: rapid.Uint32().Draw(r, "place"), Instrument: rapid.Uint32().Draw(r, "instrument"),
				Side: rapid.Uint8Range(1, 2).Draw(r, "side"), FeeInCost: rapid.Bool().Draw(r, "in cost"), Simple: rapid.Bool().Draw(r, "simple"),
			}
			copy(f.ClientOrderID[:], rapid.SampledFrom([]string{
				"", "order-1", "0f8fad5b-d9cb-469f-a165-70867728950e", "0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5b-d9cb-469f-a165-70867728950",
				"0f8fad5bxd9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-7086772895g0", "a\x00b", "--------------------------------------",
			}).Draw(r, "client order id"))
			return f
		}), 1, 40).Draw(r, "executions")
		blob := history.EncodeChunk(list)
		got, again, err := history.DecodeChunk(blob, list[0].ID, list[len(list)-1].ID)
		if err != nil || !slices.Equal(got, list) || !bytes.Equal(again, blob) {
			r.Fatalf("%+v, %v\nwant %+v", got, err, list)
		}
	})
}

// FuzzChunk: no blob makes the decoder panic, and what it accepts has the ids of its chunk.
func FuzzChunk(f *testing.F) {
	list := []history.Fill{made(7, 1).Fill, madeTrade(7, 2).Fill, made(7, 3).Fill}
	f.Add(history.EncodeChunk(list), list[0].ID, list[2].ID)
	f.Add([]byte{}, uint64(1), uint64(2))
	f.Add([]byte{0xff, 0x80}, uint64(1), uint64(1))
	f.Fuzz(func(t *testing.T, blob []byte, first, last uint64) {
		got, _, err := history.DecodeChunk(blob, first, last)
		if err == nil && (got[0].ID != first || got[len(got)-1].ID != last) {
			t.Fatalf("executions %d to %d in the chunk %d to %d", got[0].ID, got[len(got)-1].ID, first, last)
		}
	})
}
