package learn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/learn"
	"github.com/laban-io/laban/pkg/choreography"
)

func TestLines(t *testing.T) {
	log := learn.NewLog()
	lines, err := log.ReadLines(strings.NewReader(`
{"specversion":"1.0","type":"order.placed","source":"order","subject":"1042","id":"e1","time":"2026-01-02T15:04:05.5Z","data":{"any":"thing"}}

{"type":"order.shipped","key":"1042","time":1767366246000,"triggertime":"0001-01-01T00:00:00Z","logtime":null}
{"type":"order.placed","source":"order","subject":"1042","id":"e1"}
{"type":"order.placed"}
{"type":"order.placed","subject":1042}
{"type":"order.placed","subject":"7","time":"yesterday"}
{"type":"order.placed","subject":"7","time":-5}
{"subject":"7"}
not json
`))
	require.NoError(t, err)
	require.Equal(t, 9, lines.Read)
	require.Equal(t, 6, lines.Bad)
	require.EqualError(t, lines.First, `line 6: it has neither "flowid", "subject" nor "key"`)
	require.Equal(t, learn.Counts{Records: 3, Duplicates: 1}, log.Counts())
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, []string{"order.placed"}, d.Starts)
	require.Equal(t, 1, d.Learned)
}

func TestALineThatIsTooLong(t *testing.T) {
	log := learn.NewLog()
	long := `{"type":"a","subject":"1","data":"` + strings.Repeat("x", learn.MaxLine) + `"}`
	lines, err := log.ReadLines(strings.NewReader(long + "\n" + `{"type":"a","subject":"1"}`))
	require.NoError(t, err)
	require.Equal(t, 2, lines.Read)
	require.Equal(t, 1, lines.Bad)
	require.EqualError(t, lines.First, fmt.Sprintf("line 1: it has more than %d bytes", learn.MaxLine))
	require.Equal(t, 1, log.Counts().Records)
}

func TestNamesThatCouldEndALineAreNone(t *testing.T) {
	log := learn.NewLog()
	for _, bad := range []string{"a\nb", "a\u2028b", "\x00", "a\xffb", strings.Repeat("a", 300)} {
		log.Add(&learn.Record{Type: bad, Key: "1"})
		log.Add(&learn.Record{Type: "a", Source: bad, Key: "1"})
		log.Add(&learn.Record{Type: "a", FlowName: bad, Key: "1"})
	}
	require.Equal(t, learn.Counts{Records: 15, Unplaced: 15}, log.Counts())
	_, err := log.Draft(learn.Answers{})
	require.ErrorIs(t, err, learn.ErrNothing)
}

// Whatever is read, the draft is a contract that can be read, or there is a
// reason why there is none.
func FuzzLines(f *testing.F) {
	f.Add(`{"type":"order.placed","source":"order","subject":"1","id":"1"}
{"type":"order.shipped","source":"delivery","subject":"1","id":"2","causationid":"1"}`)
	f.Add(`{"type":"a","flowid":"1","flowname":"x","time":1,"triggertime":"2026-01-02T15:04:05Z"}
{"type":"b","flowid":"1","flowname":"x","id":"1","causationid":"1"}
{"type":"# yes: no","source":": {","flowid":"1","flowname":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		log := learn.NewLog()
		lines, err := log.ReadLines(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, lines.Read-lines.Bad, log.Counts().Records)
		d, err := log.Draft(learn.Answers{})
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		_, err = choreography.Parse("draft", d.YAML)
		require.NoError(t, err, "%s", d.YAML)
	})
}
