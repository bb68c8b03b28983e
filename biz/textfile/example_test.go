package textfile_test

import (
	"fmt"

	"holdfast/biz/textfile"
)

func ExampleTrim() {
	text, err := textfile.Trim([]byte("\xef\xbb\xbf{}"))
	fmt.Printf("%s %v\n", text, err)
	_, err = textfile.Trim([]byte("\xff\xfe{\x00}\x00"))
	fmt.Println("serve.json", err)
	// Output:
	// {} <nil>
	// serve.json is UTF-16; save it as UTF-8
}
