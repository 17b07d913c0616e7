package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/payment/gateway"
)

func TestATokenIsNeverShown(t *testing.T) {
	r := gateway.CaptureRequest{IdempotencyKey: "k", Token: "tok_visible", Amount: 1, Currency: "EUR"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		require.NotContains(t, fmt.Sprintf(verb, r), "tok_visible", verb)
		require.NotContains(t, fmt.Sprintf(verb, r.Token), "tok_visible", verb)
		require.NotContains(t, fmt.Sprintf(verb, r.Token), fmt.Sprintf("%x", "tok_visible"), verb)
	}
	var b bytes.Buffer
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&b, nil)), slog.New(slog.NewJSONHandler(&b, nil))} {
		log.Info("charge", "token", r.Token, "request", r)
	}
	require.NotContains(t, b.String(), "tok_visible")
	require.Contains(t, b.String(), "[redacted]")
}

func TestATokenIsReadFromJSON(t *testing.T) {
	var data struct {
		Token gateway.Token `json:"payment_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"payment_token":"tok_visible"}`), &data))
	require.Equal(t, "tok_visible", string(data.Token))
}
