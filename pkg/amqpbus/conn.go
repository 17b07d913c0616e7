package amqpbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// connection is a connection whose socket is at hand.
type connection struct {
	*amqp.Connection
	socket *socket
}

// dial opens a fresh connection to one URL. role tells it from the others of
// this client in RabbitMQ's list.
func (t *Transport) dial(ctx context.Context, url, role string) (*connection, error) {
	// Dial gets no context from the library, so a cancelled one closes the
	// socket under the handshake.
	var stop func() bool
	var wire *socket
	dialer := net.Dialer{Timeout: t.cfg.ConnectTimeout, KeepAlive: 15 * time.Second}
	config := amqp.Config{
		Heartbeat:  t.cfg.Heartbeat,
		Properties: amqp.NewConnectionProperties(),
		Dial: func(network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			// The deadline covers TLS and login; the library clears it after.
			if err := conn.SetDeadline(time.Now().Add(t.cfg.ConnectTimeout)); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			stop = context.AfterFunc(ctx, func() { _ = conn.Close() }) // the dial fails with why
			wire = &socket{Conn: conn, timeout: t.cfg.WriteTimeout}
			return wire, nil
		},
	}
	config.Properties.SetClientConnectionName(t.cfg.Name + " " + role)
	var asked *bool
	config.TLSClientConfig, asked = t.tls(url)
	conn, err := amqp.DialConfig(url, config)
	if stop != nil {
		stop()
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", Redact(url), explainTLS(explainDial(err), *asked))
	}
	return &connection{conn, wire}, nil
}

// explainDial returns an AccessError where the broker refused the login.
func explainDial(err error) error {
	var amqpErr *amqp.Error
	switch {
	case errors.Is(err, amqp.ErrCredentials), errors.Is(err, amqp.ErrSASL):
		return &AccessError{What: "the login", Err: err}
	case errors.Is(err, amqp.ErrVhost):
		return &AccessError{What: "the virtual host", Err: err}
	case errors.As(err, &amqpErr) && (amqpErr.Code == amqp.NotAllowed || amqpErr.Code == amqp.AccessRefused):
		return &AccessError{What: "the connection", Err: err}
	}
	return err
}

// tls returns the TLS settings for one dial, nil to leave them to the URL, and
// where that dial notes that the broker asked for a client certificate in vain.
func (t *Transport) tls(url string) (config *tls.Config, asked *bool) {
	asked = new(bool)
	switch uri, err := amqp.ParseURI(url); {
	case err != nil || uri.Scheme != "amqps":
		return nil, asked
	case t.cfg.TLS != nil:
		config = t.cfg.TLS.Clone()
	case uri.CertFile+uri.CACertFile+uri.KeyFile != "":
		return nil, asked // the library reads these files
	default:
		config = &tls.Config{ServerName: uri.ServerName, MinVersion: tls.VersionTLS12}
	}
	if len(config.Certificates) == 0 && config.GetClientCertificate == nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			*asked = true
			return new(tls.Certificate), nil // none, as without this function
		}
	}
	return config, asked
}

// explainTLS says what is meant where a broker that asked for a client
// certificate in vain hangs up. With TLS 1.3 it does so only after the client's
// side of the handshake is done, and whether its alert is read before a write
// fails is a matter of luck.
func explainTLS(err error, asked bool) error {
	if !asked || permanent(err) {
		return err
	}
	return fmt.Errorf("%w; the broker asked for a client certificate, and none is configured", err)
}

// closeTimeout bounds the goodbye to a broker that may not answer any more.
const closeTimeout = 2 * time.Second

// hangUp closes the connection without waiting for long. The library's own
// deadline is not enough: each heartbeat of a broker under alarm extends it.
func (c *connection) hangUp() {
	cut := time.AfterFunc(closeTimeout, func() { _ = c.socket.Close() })
	defer cut.Stop()
	_ = c.CloseDeadline(time.Now().Add(closeTimeout)) // it is gone either way
}
