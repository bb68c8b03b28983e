package typescript_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"holdfast/codec/typescript"
)

//go:generate go test -run ^TestMessagesAreCurrent$ -update .

var update = flag.Bool("update", false, "write messages.ts anew")

func TestMessagesAreCurrent(t *testing.T) {
	const name = "../../web/client/src/messages.ts"
	proto, err := os.ReadFile("../pb/holdfast.proto")
	if err != nil {
		t.Fatal(err)
	}
	made := typescript.Messages(proto)
	if *update {
		if err := os.WriteFile(name, made, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, committed) {
		t.Errorf("%s is not what holdfast.proto says: go generate ./codec/typescript", name)
	}
}
