package testenv

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// User makes a user of the vhost with these permissions, each a regular
// expression of names, and returns the vhost's address for it. The user goes
// with the test.
func (b *Broker) User(t testing.TB, configure, write, read string) string {
	t.Helper()
	name, password := "laban-test-"+strings.ToLower(rand.Text()[:12]), rand.Text()
	if err := b.management.createUser(t.Context(), name, password); err != nil {
		t.Fatalf("make a user for the test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		if err := b.management.call(ctx, http.MethodDelete, nil, nil, "users", name); err != nil {
			t.Errorf("delete the test's user: %v", err)
		}
	})
	permissions := map[string]string{"configure": configure, "write": write, "read": read}
	if err := b.management.call(t.Context(), http.MethodPut, permissions, nil, "permissions", b.VHost, name); err != nil {
		t.Fatalf("give the test's user permissions: %v", err)
	}
	b.users = append(b.users, name)
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal("the address of RabbitMQ is not a URL") // err would show the password
	}
	u.User = url.UserPassword(name, password)
	return u.String()
}

func (m management) createUser(ctx context.Context, name, password string) error {
	return m.call(ctx, http.MethodPut, map[string]string{"password": password, "tags": ""}, nil, "users", name)
}
