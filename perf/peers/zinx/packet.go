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

// decoder tells zinx how frames are bounded and where their message id stands.
type decoder struct{}

// GetLengthField says: the first 4 bytes, which count themselves and are taken
// off. (A length below them panics in zinx, which closes the connection.)
func (decoder) GetLengthField() *ziface.LengthField {
	return &ziface.LengthField{
		Order: binary.BigEndian, MaxFrameLength: peers.MaxFrame,
		LengthFieldLength: totalLen, LengthAdjustment: -totalLen, InitialBytesToStrip: totalLen,
	}
}

// Intercept takes the command as the message id; id and body are the data.
// Goroutine: the reader of the connection.
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

// pack makes the frames that are sent.
type pack struct{}

// GetHeadLen is the length of what Pack puts before the data, in bytes.
func (pack) GetHeadLen() uint32 { return totalLen + commandLen }

// Pack makes a frame of a message whose data begin with the id.
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
