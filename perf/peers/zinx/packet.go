package main

import (
	"encoding/binary"
	"errors"

	"github.com/aceld/zinx/ziface"

	"holdfast/perf/peers"
)

const (
	totalLen   = 4
	commandLen = 1
	idLen      = 8
)

// decoder tells zinx where frames end and where their message id is.
type decoder struct{}

// GetLengthField describes the length field: the first 4 bytes, which count themselves
// and are removed. (A length below 4 panics in zinx, which closes the connection.)
func (decoder) GetLengthField() *ziface.LengthField {
	return &ziface.LengthField{
		Order: binary.BigEndian, MaxFrameLength: peers.MaxFrame,
		LengthFieldLength: totalLen, LengthAdjustment: -totalLen, InitialBytesToStrip: totalLen,
	}
}

// Intercept uses the command as the message id; the data are id and body. Goroutine: the
// reader of the connection.
func (decoder) Intercept(chain ziface.IChain) ziface.IcResp {
	message := chain.GetIMessage()
	if message == nil {
		return chain.Proceed(chain.Request())
	}
	frame := message.GetData()
	if len(frame) < commandLen+idLen {
		if request, ok := chain.Request().(ziface.IRequest); ok {
			request.GetConnection().Stop()
		}
		return nil
	}
	message.SetMsgID(uint32(frame[0]))
	message.SetData(frame[commandLen:])
	message.SetDataLen(uint32(len(frame) - commandLen))
	return chain.Proceed(chain.Request())
}

// pack builds outgoing frames.
type pack struct{}

// GetHeadLen returns how many bytes Pack puts before the data.
func (pack) GetHeadLen() uint32 { return totalLen + commandLen }

// Pack builds a frame from a message whose data start with the id.
func (p pack) Pack(m ziface.IMessage) ([]byte, error) {
	total := p.GetHeadLen() + m.GetDataLen()
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, total), total)
	frame = append(frame, byte(m.GetMsgID()))
	return append(frame, m.GetData()...), nil
}

// Unpack is for servers without a decoder.
func (pack) Unpack([]byte) (ziface.IMessage, error) {
	return nil, errors.ErrUnsupported
}
