package testenv

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL returns the address of a fresh, empty database, with user and
// password. The database is dropped when the test has ended, also if something
// is still connected to it.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	needsServer(t)
	admin := os.Getenv("LABAN_TEST_POSTGRES_URL")
	if admin == "" {
		server, err := sharedPostgreSQL()
		if err != nil {
			t.Fatalf("this test needs PostgreSQL: %v", err)
		}
		admin = server.URL()
	}
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal("LABAN_TEST_POSTGRES_URL is not a URL") // err would show the password
	}
	name := "laban_test_" + strings.ToLower(rand.Text()[:12])
	if err := execute(admin, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// execute runs one statement on a connection of its own.
func execute(address, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}
