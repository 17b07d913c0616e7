// Command mailcatcher takes mail by SMTP and shows it on a page; see
// mailcatcher --help. make stack runs it where Mailpit is not installed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/laban-io/laban/internal/mailcatcher"
)

func main() {
	// Mailpit's flags of the same meaning have the same names.
	smtpAddr := flag.String("smtp", "127.0.0.1:1025", "where to take mail")
	pageAddr := flag.String("listen", "127.0.0.1:8025", "where to show it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *smtpAddr, *pageAddr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mailcatcher: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, smtpAddr, pageAddr string) error {
	catcher := &mailcatcher.Catcher{}
	mail := catcher.SMTP()
	pages := &http.Server{Handler: catcher.Handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	listen := net.ListenConfig{}
	smtpListener, err := listen.Listen(ctx, "tcp", smtpAddr)
	if err != nil {
		return fmt.Errorf("listen for mail: %w", err)
	}
	pageListener, err := listen.Listen(ctx, "tcp", pageAddr)
	if err != nil {
		_ = smtpListener.Close()
		return fmt.Errorf("listen for the page: %w", err)
	}
	fmt.Printf("takes mail at %s, shows it at http://%s\n", smtpListener.Addr(), pageListener.Addr())
	ended := make(chan error, 2)
	go func() { ended <- mail.Serve(smtpListener) }()
	go func() { ended <- pages.Serve(pageListener) }()
	var errs []error
	left := 2
	select {
	case <-ctx.Done():
	case err := <-ended:
		left--
		errs = append(errs, err)
	}
	_, _ = mail.Close(), pages.Close() // the mails are gone in any case
	for range left {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
