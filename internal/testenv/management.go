package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// requestTimeout is how long RabbitMQ may take to answer.
const requestTimeout = 30 * time.Second

// management is a client of RabbitMQ's management API.
type management struct {
	base *url.URL
	user *url.Userinfo
}

func newManagement(rawURL string) (management, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return management{}, errors.New("the address of RabbitMQ's management API is not a URL")
	}
	user := u.User
	u.User = nil
	return management{base: u.JoinPath("api"), user: user}, nil
}

func (m management) createVHost(ctx context.Context, name string) error {
	if err := m.call(ctx, http.MethodPut, nil, nil, "vhosts", name); err != nil {
		return err
	}
	everything := map[string]string{"configure": ".*", "write": ".*", "read": ".*"}
	return m.call(ctx, http.MethodPut, everything, nil, "permissions", name, m.user.Username())
}

func (m management) deleteVHost(ctx context.Context, name string) error {
	return m.call(ctx, http.MethodDelete, nil, nil, "vhosts", name)
}

// connections returns the names of a user's connections to the vhost. The list of
// all of a vhost would lack the newest: it is made of statistics, which are
// collected now and then.
func (m management) connections(ctx context.Context, user, vhost string) ([]string, error) {
	var list []struct {
		Name  string `json:"name"`
		VHost string `json:"vhost"`
	}
	if err := m.call(ctx, http.MethodGet, nil, &list, "connections", "username", user); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list))
	for _, c := range list {
		if c.VHost == vhost {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

func (m management) closeConnection(ctx context.Context, name string) error {
	err := m.call(ctx, http.MethodDelete, nil, nil, "connections", name)
	var status statusError
	if errors.As(err, &status) && status.code == http.StatusNotFound {
		return nil // it is closed already, or too new to be found
	}
	return err
}

// alarms tells whether the node has a memory or disk alarm.
func (m management) alarms(ctx context.Context) (bool, error) {
	err := m.call(ctx, http.MethodGet, nil, nil, "health", "checks", "local-alarms")
	var status statusError
	if errors.As(err, &status) && status.code == http.StatusServiceUnavailable {
		return true, nil
	}
	return false, err
}

// statusError is an answer that is not a success.
type statusError struct {
	code int
	text string
}

func (e statusError) Error() string { return e.text }

// call makes a request with the path's elements, sends in and reads out as
// JSON where they are not nil.
func (m management) call(ctx context.Context, method string, in, out any, path ...string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
	}
	for i := range path {
		path[i] = url.PathEscape(path[i])
	}
	target := m.base.JoinPath(path...)
	req, err := http.NewRequestWithContext(ctx, method, target.String(), &body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if m.user != nil {
		password, _ := m.user.Password()
		req.SetBasicAuth(m.user.Username(), password)
	}
	// Kept connections would keep goroutines.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask RabbitMQ's management API: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("read the answer of RabbitMQ's management API: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return statusError{resp.StatusCode, fmt.Sprintf("%s %s: %s: %s", method, target.Path, resp.Status, bytes.TrimSpace(text))}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the answer of RabbitMQ's management API: %w", err)
	}
	return nil
}
