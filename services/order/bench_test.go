package order

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/internal/servicetest"
)

// bench is the service on the bench, with its API called in place.
type bench struct {
	*servicetest.Bench
	api http.Handler
}

func newBench(t *testing.T, url string) *bench { return newBenchOf(t, url, func(*chassis.Parts) {}) }

// newBenchOf is newBench with parts that were changed first.
func newBenchOf(t *testing.T, url string, change func(*chassis.Parts)) *bench {
	t.Helper()
	b := &bench{}
	spec := Spec()
	build := spec.Build
	spec.Build = func(ctx context.Context, p chassis.Parts) (chassis.Service, error) {
		change(&p)
		s, err := build(ctx, p)
		b.api = s.HTTP
		return s, err
	}
	b.Bench = servicetest.New(t, url, spec)
	return b
}

// call sends a request until it is answered by something other than a failure
// of ours, as a client would.
func (b *bench) call(t require.TestingT, method, path, key string, body any) answer {
	text, err := json.Marshal(body)
	require.NoError(t, err)
	for range 100 {
		req := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(string(text)))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		res := httptest.NewRecorder()
		b.api.ServeHTTP(res, req)
		if res.Code < http.StatusInternalServerError {
			return answer{status: res.Code, header: res.Header(), body: res.Body.Bytes()}
		}
	}
	require.Fail(t, "a request is never answered")
	return answer{}
}

func (b *bench) place(t require.TestingT) Order {
	a := b.call(t, http.MethodPost, "/orders", event.NewID(), goodOrder())
	require.Equal(t, http.StatusCreated, a.status, "%s", a.body)
	return b.decode(t, a)
}

func (b *bench) get(t require.TestingT, id string) Order {
	a := b.call(t, http.MethodGet, "/orders/"+id, "", nil)
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	return b.decode(t, a)
}

func (b *bench) decode(t require.TestingT, a answer) Order {
	var o Order
	require.NoError(t, json.Unmarshal(a.body, &o))
	return o
}

// quietly panics where a goroutine's request can't be made at all.
type quietly struct{}

// Errorf panics.
func (*quietly) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// FailNow panics.
func (*quietly) FailNow() { panic("failed") }
