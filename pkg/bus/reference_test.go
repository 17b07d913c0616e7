package bus_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// What is said of the envelope is what travels, and all of it.
func TestTheReferenceHasEveryHeader(t *testing.T) {
	now := time.Now()
	m, err := event.Marshal(event.Event{
		ID: "1", Source: "payment", Type: "payment.confirmed", Subject: "1042", Time: now, FlowName: "order", FlowID: "F1",
		CausationID: "0", TriggerTime: now, ServiceVersion: "1.4.2", DataContentType: event.ContentTypeJSON, DataSchema: "https://x.example/s", Data: []byte("{}"),
	})
	require.NoError(t, err)
	written := slices.Collect(maps.Keys(m.Headers))
	written = append(written, bus.HeaderAttempt, bus.HeaderError, bus.HeaderService, bus.HeaderExchange, bus.HeaderRoutingKey,
		bus.HeaderRedrive, bus.HeaderRedriveOf, bus.HeaderRedriveBy, bus.HeaderRedriveReason)

	text, err := os.ReadFile("../../docs/reference/envelope.md")
	require.NoError(t, err)
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Split(row[1], ", ") {
			if name = strings.Trim(name, "`"); strings.HasPrefix(name, event.Prefix) || strings.HasPrefix(name, "laban-") {
				documented = append(documented, name)
			}
		}
	}
	require.ElementsMatch(t, written, documented)
}
