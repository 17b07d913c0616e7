package amqpbus

import (
	"crypto/tls"
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

func TestABrokerThatHangsUpAfterTheHandshakeMayWantACertificate(t *testing.T) {
	gone := &amqp.Error{Code: amqp.ChannelError, Reason: "channel/connection is not open"}
	bare := &Transport{}
	require.ErrorContains(t, bare.explainTLS(gone, "amqps://broker"), "client certificate")
	require.Equal(t, error(gone), bare.explainTLS(gone, "amqp://broker"))
	refused := &AccessError{What: "the login", Err: gone}
	require.Equal(t, error(refused), bare.explainTLS(refused, "amqps://broker"))
	armed := &Transport{cfg: Config{TLS: &tls.Config{Certificates: make([]tls.Certificate, 1), MinVersion: tls.VersionTLS12}}}
	require.Equal(t, error(gone), armed.explainTLS(gone, "amqps://broker"))
}
