package source

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// What RabbitMQ 4.0.5 answers with deprecated_features.permit.management_metrics_collection
// set to false, and without.
func TestUnacknowledgedMessagesAreKnownWithoutStatistics(t *testing.T) {
	const (
		names  = `[{"name":"payment"},{"name":"delivery"}]`
		totals = `[{"name":"payment","state":"running","messages":3,"messages_ready":1,"messages_unacknowledged":2},{"name":"delivery","messages":0,"messages_ready":0,"messages_unacknowledged":0}]`
		counts = `[{"name":"payment","messages_ready":1,"messages_unacknowledged":2,"consumers":1},{"name":"delivery"}]`
	)
	for name, statistics := range map[string]string{"with statistics": counts, "without": names, "no queues": "[]"} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			broker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				answer := statistics
				if r.URL.Query().Get("disable_stats") == "true" && r.URL.Query().Get("enable_queue_totals") == "true" {
					answer = totals
				}
				_, _ = fmt.Fprint(w, answer)
			}))
			defer broker.Close()
			m, err := newManagement(broker.URL, "amqp://localhost/", nil)
			require.NoError(t, err)
			defer m.close()
			queues, err := m.queues(t.Context())
			require.NoError(t, err)
			if statistics == "[]" {
				require.Empty(t, queues)
				require.Equal(t, 1, asked)
				return
			}
			require.NotNil(t, queues["payment"].Unacked)
			require.EqualValues(t, 2, *queues["payment"].Unacked)
			require.EqualValues(t, 1, *queues["payment"].Ready)
			require.Equal(t, statistics == names, asked == 2, "totals are asked for only where they are missing")
		})
	}
}
