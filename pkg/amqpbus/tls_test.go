package amqpbus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
)

// authority makes certificates for a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// issue writes name.pem and name.key and returns what is in them.
func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(a.t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(a.t, err)
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "EC PRIVATE KEY", keyDER)
	cert, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) {
	require.NoError(a.t, os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// terminate serves TLS before the broker, asking for a client certificate, and
// returns the amqps URL.
func (a *authority) terminate(brokerURL string) string {
	a.issue("server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	pair, err := tls.LoadX509KeyPair(a.path("server.pem"), a.path("server.key"))
	require.NoError(a.t, err)
	clients := x509.NewCertPool()
	clients.AddCert(a.cert)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	})
	require.NoError(a.t, err)
	u, err := url.Parse(brokerURL)
	require.NoError(a.t, err)
	upstream := u.Host
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { splice(client, upstream, plainly) })
		}
	})
	a.t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	u.Scheme, u.Host = "amqps", listener.Addr().String()
	return u.String()
}

// splice copies between a client and the broker until either hangs up; what the
// broker says by way of down.
func splice(client net.Conn, upstream string, down func(to io.Writer, from io.Reader) error) {
	defer client.Close()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_ = down(client, server)
}

func plainly(to io.Writer, from io.Reader) error {
	_, err := io.Copy(to, from)
	return err
}

func TestTLSWithACustomAuthorityAndAClientCertificate(t *testing.T) {
	a := newAuthority(t)
	amqps := a.terminate(testenv.RabbitMQ(t).URL)
	a.issue("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})

	cfg, err := amqpbus.LoadTLS(a.path("ca.pem"), a.path("client.pem"), a.path("client.key"))
	require.NoError(t, err)
	transport := open(t, amqps, func(c *amqpbus.Config) { c.TLS = cfg })
	publish(t, newBus(t, transport, "payment"), "a", "1")

	for name, broken := range map[string]struct {
		tls  *tls.Config
		says string
	}{
		"an authority that is not known": {&tls.Config{MinVersion: tls.VersionTLS12}, "certificate signed by unknown authority"},
		"no client certificate":          {&tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12}, "client certificate, and none is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			transport, err := amqpbus.Open(expired(t, 50*time.Millisecond), amqpbus.Config{URLs: []string{amqps}, TLS: broken.tls})
			require.NoError(t, err, "it goes on trying")
			defer transport.Close(t.Context())
			untilItSays(t, transport, broken.says)
		})
	}
}

func TestLoadTLSSaysWhatIsWrong(t *testing.T) {
	a := newAuthority(t)
	_, err := amqpbus.LoadTLS(a.path("missing.pem"), "", "")
	require.ErrorContains(t, err, "read the certificate authority")
	_, err = amqpbus.LoadTLS(a.path("ca.key"), "", "")
	require.ErrorContains(t, err, "holds no PEM certificate")
	_, err = amqpbus.LoadTLS("", a.path("ca.pem"), "")
	require.ErrorContains(t, err, "give both or none")
	_, err = amqpbus.LoadTLS("", a.path("ca.pem"), a.path("missing.key"))
	require.ErrorContains(t, err, "read the client certificate")
}
