package link

import (
	"encoding/json"
	"net"
	"strings"

	"holdfast/biz/ledger"
)

// Open says which client a session is of.
type Open struct {
	// FIX sessions speak FIX, the others the packet dialect.
	FIX bool `json:"fix,omitempty"`
	// Remote is the client's address.
	Remote string `json:"remote"`
	// Encrypted says that the client speaks TLS; Certificate is the common name in its verified
	// certificate, "" without one.
	Encrypted   bool   `json:"encrypted,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	// Admission, if set, logs the session in: a client that has logged in before.
	Admission *Admission `json:"admission,omitempty"`
}

// Admission is a login without the client's secret. Its reply is that of a Login with request id 0.
type Admission struct {
	Customer ledger.Customer `json:"customer"`
	// Credential is what KindCredential had.
	Credential []byte `json:"credential"`
	// ResumeFrom and History are those of a LoginRequest.
	ResumeFrom uint64 `json:"resumeFrom,omitempty"`
	History    []byte `json:"history,omitempty"`
}

// Body encodes the body of KindOpen.
func (o *Open) Body() []byte {
	b, _ := json.Marshal(o) // these types can't fail
	return b
}

func parseOpen(b []byte) (o Open, err error) {
	err = json.Unmarshal(b, &o)
	return o, err
}

// RemoteText returns the address of a client for Open.Remote.
func RemoteText(a net.Addr) string {
	if a == nil {
		return ""
	}
	if _, unix := a.(*net.UnixAddr); unix {
		return "unix:" + a.String()
	}
	return a.String()
}

// remoteAddr is the reverse of RemoteText.
func remoteAddr(text string) net.Addr {
	if path, unix := strings.CutPrefix(text, "unix:"); unix {
		return &net.UnixAddr{Name: path, Net: "unix"}
	}
	if a, err := net.ResolveTCPAddr("tcp", text); err == nil {
		return a
	}
	return &net.TCPAddr{}
}
