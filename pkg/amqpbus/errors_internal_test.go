package amqpbus

import (
	"crypto/tls"
	"net"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

func TestAConflictNamesWhatDiffersAndTheWayOut(t *testing.T) {
	err := explain(&amqp.Error{Code: amqp.PreconditionFailed, Server: true,
		Reason: "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'payment.retry.1s' in vhost '/': received the value '1000' of type 'long' but current is the value '250' of type 'long'"},
		"queue", "payment.retry.1s")
	var conflict *ConflictError
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, "x-message-ttl", conflict.Argument)
	require.Equal(t, "1000", conflict.Wanted)
	require.Equal(t, "250", conflict.Existing)
	require.ErrorContains(t, err, `queue "payment.retry.1s" exists with x-message-ttl=250, this program wants 1000`)
	require.ErrorContains(t, err, "rabbitmqctl delete_queue payment.retry.1s --if-empty")

	err = explain(&amqp.Error{Code: amqp.PreconditionFailed, Server: true,
		Reason: "PRECONDITION_FAILED - inequivalent arg 'x-max-age' for queue 'events.log' in vhost '/': received none but current is the value '7D' of type 'longstr'"}, "queue", "events.log")
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, "none", conflict.Wanted)
	require.Equal(t, "7D", conflict.Existing)
}

func TestABrokerThatHangsUpMayWantACertificate(t *testing.T) {
	gone := net.ErrClosed
	require.ErrorContains(t, explainTLS(gone, true), "client certificate, and none is configured")
	require.Equal(t, gone, explainTLS(gone, false))
	refused := error(&AccessError{What: "the login", Err: gone})
	require.Equal(t, refused, explainTLS(refused, true))
}

func TestTLSOfADial(t *testing.T) {
	plain, with := &Transport{}, &Transport{cfg: Config{TLS: &tls.Config{Certificates: make([]tls.Certificate, 1), MinVersion: tls.VersionTLS12}}}
	for name, c := range map[string]struct {
		transport *Transport
		url       string
		config    bool // whether the settings are given, not left to the URL
		watched   bool // whether a request for a certificate is noted
	}{
		"no TLS":                   {plain, "amqp://broker", false, false},
		"no TLS, though set up":    {with, "amqp://broker", false, false},
		"the system's authorities": {plain, "amqps://broker", true, true},
		"files in the URL":         {plain, "amqps://broker?cacertfile=ca.pem", false, false},
		"a certificate":            {with, "amqps://broker", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			config, asked := c.transport.tls(c.url)
			require.False(t, *asked)
			require.Equal(t, c.config, config != nil)
			require.Equal(t, c.watched, config != nil && config.GetClientCertificate != nil)
			if c.watched {
				none, err := config.GetClientCertificate(nil)
				require.NoError(t, err)
				require.Empty(t, none.Certificate)
				require.True(t, *asked)
			}
		})
	}
	config, _ := plain.tls("amqps://broker?server_name_indication=other")
	require.Equal(t, "other", config.ServerName)
}
