package chassis_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheGuideIsWhatRuns: every piece of Go that docs/guides/write-a-service.md
// shows is in a file that is compiled and tested.
func TestTheGuideIsWhatRuns(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guides/write-a-service.md")
	require.NoError(t, err)
	var source strings.Builder
	for _, name := range []string{"example_test.go", "../../services/order/cmd/order/main.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		source.WriteString(squeeze(string(text)))
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		require.Contains(t, source.String(), squeeze(b[1]))
	}
}

// squeeze makes all white space one blank.
func squeeze(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
