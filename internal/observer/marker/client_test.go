package marker_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/laban-io/laban/internal/observer/marker"
)

// noCollector removes what the environment of the tests may say.
func noCollector(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
	} {
		t.Setenv(name, "")
	}
}

func dial(t *testing.T) marker.Client {
	t.Helper()
	client, wanted, err := marker.Dial(t.Context())
	require.NoError(t, err)
	require.True(t, wanted)
	t.Cleanup(func() { require.NoError(t, client.Stop(context.Background())) })
	return client
}

func TestTheEnvironmentSaysWhetherMarkersAreExported(t *testing.T) {
	for name, c := range map[string]struct {
		env    map[string]string
		wanted bool
	}{
		"nothing is set":      {nil, false},
		"an endpoint":         {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		"one for traces":      {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, true},
		"the exporter":        {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true},
		"no exporter":         {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false},
		"another exporter":    {map[string]string{"OTEL_TRACES_EXPORTER": "console"}, false},
		"all is turned off":   {map[string]string{"OTEL_SDK_DISABLED": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false},
		"gRPC is asked for":   {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, true},
		"traces go otherwise": {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "x", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			noCollector(t)
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			client, wanted, err := marker.Dial(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.wanted, wanted)
			if wanted {
				require.NoError(t, client.Stop(t.Context()))
			}
		})
	}
	noCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	_, _, err := marker.Dial(t.Context())
	require.ErrorContains(t, err, "http/protobuf or grpc")
}

// answers are what a collector can say, and what has to come of three markers.
var answers = map[string]struct {
	http     func(http.ResponseWriter)
	code     codes.Code
	rejected int64
	want     marker.Stats
}{
	"takes them":      {want: marker.Stats{Exported: 3}},
	"takes some":      {rejected: 2, want: marker.Stats{Exported: 1, Rejected: 2}},
	"refuses them":    {http: says(http.StatusBadRequest), code: codes.InvalidArgument, want: marker.Stats{Rejected: 3}},
	"is overloaded":   {http: says(http.StatusServiceUnavailable), code: codes.Unavailable, want: marker.Stats{Backlog: 3, Failures: 1}},
	"asks who it is":  {http: says(http.StatusUnauthorized), code: codes.Unauthenticated, want: marker.Stats{Backlog: 3, Failures: 1}},
	"is not that one": {http: says(http.StatusNotFound), code: codes.Unimplemented, want: marker.Stats{Backlog: 3, Failures: 1}},
}

func says(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, "rpc error: code = InvalidArgument x", code) }
}

func TestWhatACollectorSaysOverHTTP(t *testing.T) {
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			noCollector(t)
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				if answer.http != nil {
					answer.http(w)
					return
				}
				w.Header().Set("Content-Type", "application/x-protobuf")
				body, _ := proto.Marshal(partial(answer.rejected))
				_, _ = w.Write(body)
			}))
			defer server.Close()
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
			flushed(t, dial(t), answer.want)
			require.Positive(t, requests.Load())
		})
	}
}

func partial(rejected int64) *coltracepb.ExportTraceServiceResponse {
	r := &coltracepb.ExportTraceServiceResponse{}
	if rejected > 0 {
		r.PartialSuccess = &coltracepb.ExportTracePartialSuccess{RejectedSpans: rejected, ErrorMessage: "too\nold"}
	}
	return r
}

// service is a collector over gRPC.
type service struct {
	coltracepb.UnimplementedTraceServiceServer
	code     codes.Code
	rejected int64
}

func (s *service) Export(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	if s.code != codes.OK {
		return nil, status.Error(s.code, "no")
	}
	return partial(s.rejected), nil
}

func TestWhatACollectorSaysOverGRPC(t *testing.T) {
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			noCollector(t)
			var listen net.ListenConfig
			listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			server := grpc.NewServer()
			coltracepb.RegisterTraceServiceServer(server, &service{code: answer.code, rejected: answer.rejected})
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(listener) }()
			defer func() {
				server.Stop()
				require.NoError(t, <-ended)
			}()
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())
			flushed(t, dial(t), answer.want)
		})
	}
}

// flushed sends three markers once, as Run does, and says what came of them.
func flushed(t *testing.T, client marker.Client, want marker.Stats) {
	t.Helper()
	s := &shelf{}
	s.add(3)
	e := marker.New(marker.Config{Pending: s, Client: client})
	err := e.Flush(t.Context())
	require.Equal(t, want.Failures > 0, err != nil, "%v", err)
	want.Failures = 0 // counted by Run
	require.Equal(t, want, e.Stats())
	require.Len(t, s.done(), 3-want.Backlog)
}

func TestACollectorThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		s.add(1)
		e := marker.New(marker.Config{Pending: s, Client: hanging{}})
		require.ErrorIs(t, e.Flush(t.Context()), context.DeadlineExceeded)
		require.Empty(t, s.done())
	})
}
