package stack

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// Status is how one part fares.
type Status struct {
	Name, What, Page, Log string
	// PID is 0 where it does not run.
	PID int
	// Trouble is nil where it does its work.
	Trouble error
}

// Status asks all parts.
func (s *Stack) Status(ctx context.Context) []Status {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	parts := s.parts()
	all := make([]Status, len(parts))
	var works sync.WaitGroup
	for i, p := range parts {
		works.Go(func() {
			all[i] = Status{Name: p.name, What: p.what, Page: p.page, Log: s.log(p.name)}
			running := s.process(p.name)
			switch {
			case !running.runs():
				all[i].Trouble = fmt.Errorf("does not run; see %s", s.log(p.name))
				return
			case p.ready != nil:
				all[i].Trouble = p.ready(ctx)
			}
			all[i].PID = running.PID
		})
	}
	works.Wait()
	return all
}

// Write writes how the parts fare, and where people look at them.
func Write(out io.Writer, all []Status) error {
	for _, p := range all {
		how := "ready"
		if p.Trouble != nil {
			how = p.Trouble.Error()
		}
		if _, err := fmt.Fprintf(out, "  %-13s %-24s %-42s %s\n", p.Name, p.Page, p.What, how); err != nil {
			return err
		}
	}
	return nil
}

// Setting returns a variable of the stack: its ports, when they were free ones.
func (s *Stack) Setting(name string) string { return s.settings[name] }

// URL is where the part whose port has that name answers HTTP.
func (s *Stack) URL(port string) string { return s.settings.url(port) }

// AMQPURL is the broker's address, with user and password.
func (s *Stack) AMQPURL() string { return s.amqpURL() }

// DatabaseURL is that of a service's own database, with its password.
func (s *Stack) DatabaseURL(service string) string { return s.databaseURL(services()[service]) }

// LedgerURL is the ledger as Grafana's user sees it, with the password.
func (s *Stack) LedgerURL() string {
	return s.postgresURL("grafana", s.settings["GRAFANA_DB_PASSWORD"], "ledger")
}
