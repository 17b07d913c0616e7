package chassis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Bounds of the HTTP server. A request has requestTimeout for its work, and a
// client that sends or reads slowly is cut off.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	requestTimeout    = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 32 << 10
)

// server is the process's HTTP server. It serves from the start of the
// process; the service's own handler joins when the service is built.
type server struct {
	http    http.Server
	service atomic.Pointer[http.Handler]
	serving sync.WaitGroup
	unasked unasked
}

// serveHTTP starts the server on the listener there is.
func (p *process) serveHTTP() {
	if p.opts.Listener == nil {
		return
	}
	s := &server{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", p.health.serveAlive)
	mux.HandleFunc("GET /readyz", p.health.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.opts.Gatherer, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorLog:            slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
	}))
	mux.Handle("/", p.instrument(p.recoverPanics(withTimeout(requestTimeout, s))))
	s.http = http.Server{
		Handler:           mux,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         s.unasked.track,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	p.server = s
	s.serving.Go(func() {
		if err := s.http.Serve(p.opts.Listener); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- fmt.Errorf("serve HTTP: %w", err)
		}
	})
	p.log.Info("listening", "service", p.spec.Name, "address", "http://"+displayAddr(p.opts.Listener.Addr()))
}

// displayAddr writes an address so that a browser takes it.
func displayAddr(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}).String()
	}
	return a.String()
}

// mountService lets requests through to the service.
func (p *process) mountService() {
	if p.server == nil {
		return
	}
	h := p.service.HTTP
	if h == nil {
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			WriteProblem(w, http.StatusNotFound, "this service has no pages but /healthz, /readyz and /metrics")
		})
	}
	p.server.service.Store(&h)
}

// ServeHTTP serves the service's handler, once there is one.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := s.service.Load()
	if h == nil {
		w.Header().Set("Retry-After", "5")
		WriteProblem(w, http.StatusServiceUnavailable, "the service is starting; /readyz says what it waits for")
		return
	}
	(*h).ServeHTTP(w, r)
}

// stop takes no more requests and waits for those under way until ctx ends,
// then cuts them off.
func (s *server) stop(ctx context.Context) error {
	s.unasked.close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.serving.Wait()
	return err
}

// instrument gives each request its span, which continues the caller's trace,
// and its metrics. The server's name and port are fixed: taken from the Host
// header they would be metric labels that any client could fill.
func (p *process) instrument(next http.Handler) http.Handler {
	name := p.spec.Name
	if tcp, ok := p.opts.Listener.Addr().(*net.TCPAddr); ok {
		name = net.JoinHostPort(name, strconv.Itoa(tcp.Port))
	}
	opts := []otelhttp.Option{otelhttp.WithServerName(name)}
	if p.opts.TracerProvider != nil {
		opts = append(opts, otelhttp.WithTracerProvider(p.opts.TracerProvider))
	}
	if p.opts.MeterProvider != nil {
		opts = append(opts, otelhttp.WithMeterProvider(p.opts.MeterProvider))
	}
	if p.opts.Propagator != nil {
		opts = append(opts, otelhttp.WithPropagators(p.opts.Propagator))
	}
	return otelhttp.NewHandler(next, "", opts...)
}

// withTimeout ends a request's context after d.
func withTimeout(d time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), d)
		defer cancel()
		inner := r.WithContext(ctx)
		defer func() { noteRoute(r, inner) }()
		next.ServeHTTP(w, inner)
	})
}

// noteRoute takes over the route that the service's mux has noted in the
// request it was given. The span outside is named after it; its attribute was
// set before the route was known.
func noteRoute(outer, inner *http.Request) {
	outer.Pattern = inner.Pattern
	if i := strings.IndexByte(inner.Pattern, '/'); i >= 0 {
		trace.SpanFromContext(outer.Context()).SetAttributes(semconv.HTTPRoute(inner.Pattern[i:]))
	}
}
