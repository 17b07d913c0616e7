package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/choreography"
)

// brokerFlags say which RabbitMQ to read from.
type brokerFlags struct{ url, prefix string }

func (f *brokerFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "amqp", os.Getenv("AMQP_URL"), "read the log of the RabbitMQ at this `URL` (AMQP_URL); AMQP_TLS_CA, AMQP_TLS_CERT and AMQP_TLS_KEY name PEM files for amqps://")
	flags.Lookup("amqp").DefValue = "" // it may contain a password
	flags.StringVar(&f.prefix, "prefix", "events", "of the names of exchanges and of the log, which is prefix.log")
}

// progressAfter is how long reading may take before it is told how far it is.
const progressAfter = 2 * time.Second

// announcements reads what services said of themselves, from the oldest record
// of the log to the one that was the last when reading began.
func (f *brokerFlags) announcements(ctx context.Context, progress io.Writer) ([]choreography.Announcement, error) {
	tls, err := amqpbus.LoadTLS(os.Getenv("AMQP_TLS_CA"), os.Getenv("AMQP_TLS_CERT"), os.Getenv("AMQP_TLS_KEY"))
	if err != nil {
		return nil, fmt.Errorf("AMQP_TLS_…: %w", err)
	}
	var list []choreography.Announcement
	began := time.Now()
	next := time.Now().Add(progressAfter)
	cfg := amqpbus.Config{URLs: []string{f.url}, TLS: tls, Prefix: f.prefix, Name: "laban check"}
	err = amqpbus.ReadLog(ctx, cfg, func(r bus.LogRecord, last uint64) error {
		if now := time.Now(); now.After(next) {
			next = now.Add(progressAfter)
			fmt.Fprintf(progress, "reading the log: record %d of %d\n", r.Offset, last)
		}
		if a, ok := announcement(r); ok {
			if a.Said.After(began) {
				a.Said = began // a clock that is fast must not make the others look old
			}
			list = append(list, a)
		}
		return nil
	})
	return list, err
}

// announcement returns what a record says of a service, if it is an
// announcement. One that can't be read is another program's.
func announcement(r bus.LogRecord) (choreography.Announcement, bool) {
	if r.Malformed != nil || r.Kind != bus.RecordDirect || r.Event.Type != bus.AnnouncementType {
		return choreography.Announcement{}, false
	}
	var a bus.Announcement
	if err := json.Unmarshal(r.Event.Data, &a); err != nil {
		return choreography.Announcement{}, false
	}
	return choreography.Announcement{
		Service: a.Service, Version: a.Version, Instance: a.Instance, Queue: a.Queue, Bindings: a.Bindings, Emits: a.Emits,
		Said: r.Event.Time,
	}, true
}

// leftOut tells which services are taken as stopped.
func leftOut(out io.Writer, stopped []choreography.Announcement) {
	if len(stopped) == 0 {
		return
	}
	var list []string
	for _, a := range stopped {
		list = append(list, a.Title()+" ("+a.Said.UTC().Format("2006-01-02 15:04 UTC")+")")
	}
	fmt.Fprintf(out, "left out, since others announced themselves hours after them, and services do so each hour: %s\n", strings.Join(list, ", "))
}
