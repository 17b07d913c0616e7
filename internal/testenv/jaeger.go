package testenv

import (
	"net"
	"net/url"
	"os"
	"testing"
)

// JaegerServer is where a Jaeger is reached. It is shared: tests find their
// traces by id, or by names of their own.
type JaegerServer struct {
	// QueryURL is the address of the query API's server, without a path.
	QueryURL string
	// OTLPEndpoint takes OTLP over HTTP. It is what OTEL_EXPORTER_OTLP_ENDPOINT
	// wants: exporters add "/v1/traces" to it.
	OTLPEndpoint string
	// OTLPGRPCEndpoint takes OTLP over gRPC, without TLS.
	OTLPGRPCEndpoint string
}

// Jaeger returns a Jaeger that takes spans and answers queries.
func Jaeger(t testing.TB) *JaegerServer {
	t.Helper()
	needsServer(t)
	query, otlp := os.Getenv("LABAN_TEST_JAEGER_QUERY_URL"), os.Getenv("LABAN_TEST_JAEGER_OTLP_URL")
	if (query == "") != (otlp == "") {
		t.Fatal("one of LABAN_TEST_JAEGER_QUERY_URL and LABAN_TEST_JAEGER_OTLP_URL is set and one is not: set both, or none")
	}
	if query == "" {
		j, err := sharedJaeger()
		if err != nil {
			t.Fatalf("this test needs Jaeger: %v", err)
		}
		return &JaegerServer{QueryURL: j.QueryURL(), OTLPEndpoint: j.OTLPEndpoint(), OTLPGRPCEndpoint: j.OTLPGRPCEndpoint()}
	}
	grpc := os.Getenv("LABAN_TEST_JAEGER_OTLP_GRPC_URL")
	if grpc == "" {
		u, err := url.Parse(otlp)
		if err != nil {
			t.Fatalf("LABAN_TEST_JAEGER_OTLP_URL: %v", err)
		}
		grpc = "http://" + net.JoinHostPort(u.Hostname(), "4317")
	}
	return &JaegerServer{QueryURL: query, OTLPEndpoint: otlp, OTLPGRPCEndpoint: grpc}
}
