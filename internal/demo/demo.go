package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// Errors of [Run] beside those that keep it from running at all.
var (
	// ErrFailed: an order did not end as its fate demands, or an invariant does
	// not hold. The report, which is printed, says which.
	ErrFailed = errors.New("the demo failed")
	// ErrCutOff: ctx ended before the orders had. No report was made.
	ErrCutOff = errors.New("the demo was cut off")
)

// Bounds of what a run waits for.
const (
	startTimeout = 30 * time.Second // for the services to receive events
	drainLimit   = 10 * time.Second // for open orders, once it is stopped
	stopLimit    = 10 * time.Second // for the services to end
	flushLimit   = 5 * time.Second  // for the last spans
)

// Run runs a demo and prints its report. Closing stop lets it drain: no more
// orders are placed, those that are open have a moment to end, and the report
// is printed. Ending ctx ends it at once.
//
// It returns the report where there is one, and ErrFailed if that is not good.
func Run(ctx context.Context, stop <-chan struct{}, cfg Config) (*Report, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	d := &demo{cfg: cfg, stop: stop, started: time.Now(), tracesTo: tracesTo()}
	report, err := d.run(ctx)
	if err != nil && ctx.Err() != nil {
		err = ErrCutOff
	}
	return report, err
}

// demo is one run.
type demo struct {
	cfg      Config
	stop     <-chan struct{}
	started  time.Time
	tracesTo string

	dir      string
	logs     *logs
	broker   broker
	book     *book
	tail     *logTail
	services *services
	watcher  *watcher  // nil: there is no observer
	injector *injector // nil: there are no faults
	client   *client
	api      string
	show     show
	meter    meter
	doing    string
}

func (d *demo) run(ctx context.Context) (report *Report, err error) {
	if d.logs, err = openLogs(d.cfg.LogFile); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.logs.close()) }()
	removeDir, err := d.makeDir()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, removeDir()) }()

	who := customers{run: strconv.FormatInt(d.started.UnixNano(), 36)}
	d.book = newBook(who, 2*(*d.cfg.Think)+50*time.Millisecond, time.Now)
	d.services = newServices(&d.cfg, who)
	if d.broker, err = newBroker(d.cfg.AMQP, d.sayWaiting); err != nil {
		return nil, err
	}
	defer d.broker.close()
	if err := d.print(line{{"laban demo", bold}, {"  five services in this process, " + d.broker.String(), plainText}}); err != nil {
		return nil, err
	}
	transport, err := d.openLog(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.closeLog(transport)) }()
	if err := d.observe(ctx); err != nil {
		return nil, d.explain(err)
	}
	if d.watcher != nil {
		defer func() { err = errors.Join(err, d.watcher.stop()) }()
	}
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(d.explain(err), d.stopServices(ctx))
	}
	defer d.client.close()
	return d.perform(ctx, who)
}

// observe starts the observer, and prepares the faults that it is to find.
func (d *demo) observe(ctx context.Context) (err error) {
	if d.cfg.NoObserver {
		return nil
	}
	if d.watcher, err = d.startWatcher(ctx); err != nil {
		return err
	}
	if len(d.cfg.Faults) > 0 {
		d.injector = newInjector(d.cfg.Faults, deadlinesOf(d.watcher.contract), d.book, d.cfg.Seed)
		d.cfg.wrapTransport = d.injector.wrap
	}
	return nil
}

// makeDir makes the directory of the databases, and returns what removes it.
func (d *demo) makeDir() (remove func() error, err error) {
	if d.cfg.Keep != "" {
		d.dir = d.cfg.Keep
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			return nil, usage("--keep: %w", err)
		}
		found, err := os.ReadDir(d.dir)
		if err != nil {
			return nil, usage("--keep: %w", err)
		}
		if len(found) > 0 {
			return nil, usage("--keep: %s is not empty; the databases of an earlier run would be taken for this one's. Name another directory, or empty it", d.dir)
		}
		return func() error { return nil }, nil
	}
	d.dir, err = os.MkdirTemp("", "laban-demo-*")
	if err != nil {
		return nil, fmt.Errorf("directory for the databases: %w", err)
	}
	return func() error { return os.RemoveAll(d.dir) }, nil
}

// newBroker returns the broker at a URL, or one in memory. waiting is told why
// one does not answer yet.
func newBroker(url string, waiting func(why error)) (broker, error) {
	if url == "" {
		return newMemory(), nil
	}
	r, err := newRabbitMQ(url)
	if err != nil {
		return nil, err
	}
	r.waiting = waiting
	return r, nil
}

// sayWaiting says that the demo waits for its broker.
func (d *demo) sayWaiting(why error) {
	_ = d.print(line{{"  ! ", yellow}, { // what follows can't be printed either, and says so
		fmt.Sprintf("it does not answer yet; waiting up to %v: %v", dialTimeout, why), plainText,
	}})
}

// openLog connects to the broker and begins to read the log.
func (d *demo) openLog(ctx context.Context) (bus.Transport, error) {
	transport, err := d.broker.open(ctx, "view", d.logs.logger())
	if err != nil {
		return nil, err
	}
	err = d.lookAround(ctx)
	if err == nil {
		startCtx, cancel := context.WithTimeout(ctx, startTimeout)
		defer cancel()
		d.tail, err = startTail(startCtx, transport, d.book.apply)
	}
	if err != nil {
		return nil, errors.Join(err, transport.Close(context.WithoutCancel(ctx)))
	}
	return transport, nil
}

// lookAround says what others have left on the broker.
func (d *demo) lookAround(ctx context.Context) error {
	left, err := d.broker.leftovers(ctx, d.services.names())
	if err != nil {
		return err
	}
	for _, what := range left {
		if err := d.print(line{{"  ! ", yellow}, {what, plainText}}); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) closeLog(t bus.Transport) error {
	stopErr := d.tail.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return errors.Join(stopErr, t.Close(ctx))
}

// start starts the services and says where everything is.
func (d *demo) start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.cfg.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w; is another demo running? Without --listen a free port is taken", d.cfg.Listen, err)
	}
	d.api = "http://" + listener.Addr().String()
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		d.api = "http://127.0.0.1:" + strconv.Itoa(tcp.Port)
	}
	d.client = newClient(d.api, min(d.cfg.Concurrency, 256))
	for _, l := range d.opening() {
		if err := d.print(l); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	startCtx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the services did not receive events within %v", startTimeout))
	defer cancel()
	introduced := d.book.introductions(d.services.names())
	if err := d.services.start(startCtx, &d.cfg, d.broker, d.dir, d.logs, listener); err != nil {
		return err
	}
	select {
	case <-introduced:
		return nil
	case <-startCtx.Done():
		return fmt.Errorf("wait until every service has said in the log what it listens to: %w", context.Cause(startCtx))
	}
}

// perform places the orders, waits for their ends, stops everything and
// reports.
func (d *demo) perform(ctx context.Context, who customers) (*Report, error) {
	d.show = d.newShow()
	defer d.show.close()
	err := d.placeAndWait(ctx, who)
	if err != nil {
		d.show.close()
		return nil, errors.Join(d.explain(err), d.stopServices(ctx))
	}
	d.doing = doingCheck
	e := d.gather(ctx)
	stopErr := d.stopServices(ctx)
	catchUp, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := d.tail.catchUp(catchUp); err != nil {
		stopErr = errors.Join(stopErr, fmt.Errorf("read the log to its end: %w", err))
	}
	refreshErr := d.refresh()
	d.show.close()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := errors.Join(stopErr, refreshErr); err != nil {
		return nil, d.explain(err)
	}
	// What the outside world saw is complete only now.
	e.captures, e.parcels, e.mails = d.services.provider.Captures(), d.services.carrier.Parcels(), d.services.mailbox.received()
	return d.conclude(ctx, e)
}

func (d *demo) newShow() show {
	if d.cfg.Screen != nil {
		return liveShow{d.cfg.Screen}
	}
	return &lineShow{out: d.cfg.Out, colours: d.cfg.Colours}
}

// placeAndWait returns when all orders have ended, or have had their time.
func (d *demo) placeAndWait(ctx context.Context, who customers) error {
	placingCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &placer{
		book: d.book, client: d.client, run: who.run,
		shop:   newShop(who, d.cfg.Mix, d.cfg.Orders, d.cfg.Seed),
		orders: d.cfg.Orders, rate: *d.cfg.Rate, slots: make(chan struct{}, d.cfg.Concurrency),
	}
	if d.injector != nil {
		d.injector.begin(time.Now())
	}
	placed := make(chan struct{})
	go func() {
		defer close(placed)
		p.place(placingCtx, d.stop)
	}()
	defer func() { cancel(); <-placed }()
	d.doing = doingPlace
	return d.watch(ctx, placed)
}

// watch refreshes the show until nothing is left to wait for.
func (d *demo) watch(ctx context.Context, placed <-chan struct{}) error {
	frames := time.NewTicker(d.every())
	defer frames.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	var (
		stop     = d.stop
		deadline <-chan time.Time
		isPlaced bool
	)
	for {
		select {
		case <-frames.C:
			if err := d.refresh(); err != nil {
				return err
			}
		case <-look.C:
			over := isPlaced && d.book.open() == 0
			if over && (d.cfg.Exit || stop == nil) && !d.caughtUp(time.Now()) {
				continue
			}
			if over && (d.cfg.Exit || stop == nil) {
				return d.refresh()
			}
			if over {
				d.doing = doingNothing // but serve the API
			} else if d.doing == doingNothing {
				d.doing = doingWait // for an order that somebody has placed
			}
		case <-placed:
			placed, isPlaced = nil, true
			if stop != nil {
				d.doing = doingWait
			}
			if d.cfg.Exit && deadline == nil {
				deadline = time.After(d.cfg.Timeout)
			}
		case <-stop:
			stop, d.doing = nil, doingDrain
			deadline = time.After(min(drainLimit, d.cfg.Timeout))
		case <-deadline:
			return d.refresh()
		case err := <-d.services.failed:
			return err
		case <-d.watcherEnded():
			return errors.New("the observer ended by itself")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// watcherEnded is closed when the observer has ended.
func (d *demo) watcherEnded() <-chan struct{} {
	if d.watcher == nil {
		return nil
	}
	return d.watcher.done
}

func (d *demo) every() time.Duration {
	if d.cfg.Screen != nil {
		return frameEvery
	}
	return linesEvery
}

// refresh shows how things are.
func (d *demo) refresh() error {
	s := d.book.snapshot(len(feed{}.entries))
	s.started, s.api, s.broker, s.tracesTo = d.started, d.api, d.broker.String(), d.tracesTo
	s.target, s.doing = d.cfg.Orders, d.doing
	if d.watcher != nil {
		s.pages = d.watcher.address
	}
	s.rate = d.meter.rate(s.now, s.settled)
	if d.doing == doingPlace && *d.cfg.Rate > 0 && s.open >= d.cfg.Concurrency {
		s.limited = d.cfg.Concurrency
	}
	if err := d.show.refresh(s, d.book.takeNews()); err != nil {
		return fmt.Errorf("show what happens: %w", err)
	}
	return nil
}
