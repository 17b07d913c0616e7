package benchmarks

import (
	"context"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	watermillamqp "github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"github.com/wagslane/go-rabbitmq"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

const (
	window    = 1024
	bodyBytes = 512
	eventType = "bench.happened"
	queueName = "bench"
)

// sample is the event that everyone publishes.
func sample() event.Event {
	body := make([]byte, bodyBytes)
	for i := range body {
		body[i] = 'a' + byte(i%26)
	}
	return event.Event{Type: eventType, Subject: "1042", DataContentType: "text/plain", Data: body}
}

// stage is a virtual host with Laban's topology and one quorum queue in it.
type stage struct {
	b   *testing.B
	url string
	ch  *amqp.Channel
}

func newStage(b *testing.B) *stage {
	s := newEmptyStage(b)
	_, err := s.ch.QueueDeclare(queueName, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	require.NoError(b, err)
	require.NoError(b, s.ch.QueueBind(queueName, eventType, "events.route", false, nil))
	return s
}

func newEmptyStage(b *testing.B) *stage {
	s := &stage{b: b, url: testenv.RabbitMQ(b).URL}
	s.ch = s.channel()
	require.NoError(b, s.open().Close(b.Context()))
	return s
}

// newConsumerStage is a stage whose queue is one that Laban consumes.
func newConsumerStage(b *testing.B) *stage {
	s := newEmptyStage(b)
	ctx, cancel := context.WithCancel(b.Context())
	declared, err := bus.New(bus.Config{Service: queueName}, s.open())
	require.NoError(b, err)
	declared.HandleFunc(func(context.Context, event.Event) error { return nil }, eventType)
	go func() {
		<-declared.Consuming()
		cancel()
	}()
	require.NoError(b, declared.Run(ctx))
	return s
}

func (s *stage) channel() *amqp.Channel {
	conn, err := amqp.Dial(s.url)
	require.NoError(s.b, err)
	s.b.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	require.NoError(s.b, err)
	return ch
}

func (s *stage) open() *amqpbus.Transport {
	t, err := amqpbus.Open(s.b.Context(), amqpbus.Config{URLs: []string{s.url}, Window: window})
	require.NoError(s.b, err)
	s.b.Cleanup(func() { t.Close(context.Background()) })
	return t
}

// purge empties the queue, so that every turn begins alike.
func (s *stage) purge(int) {
	_, err := s.ch.QueuePurge(queueName, false)
	require.NoError(s.b, err)
}

func (s *stage) bus(hooks ...bus.Hook) *bus.Bus {
	b, err := bus.New(bus.Config{Service: "bench", Version: "1.0.0", Hooks: hooks}, s.open())
	require.NoError(s.b, err)
	return b
}

// raw publishes by amqp091-go alone, as well as it can be done: pipelined, one
// goroutine taking the confirms.
func (s *stage) raw(name, exchange string, p amqp.Publishing) contender {
	ch := s.channel()
	require.NoError(s.b, ch.Confirm(false))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation))
	slots := make(chan struct{}, window)
	return contender{name: name, prepare: s.purge, run: func(n int) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range n {
				if c := <-confirms; !c.Ack {
					s.b.Error("nack")
				}
				<-slots
			}
		}()
		for range n {
			slots <- struct{}{}
			require.NoError(s.b, ch.PublishWithContext(context.Background(), exchange, eventType, true, false, p))
		}
		<-done
	}}
}

// publishing returns the very message that Laban sends.
func (s *stage) publishing(hooks ...bus.Hook) amqp.Publishing {
	ch := s.channel()
	deliveries, err := ch.Consume(queueName, "", false, false, false, false, nil)
	require.NoError(s.b, err)
	require.NoError(s.b, s.bus(hooks...).Publish(context.Background(), sample()))
	d := <-deliveries
	require.NoError(s.b, d.Ack(false))
	require.NoError(s.b, ch.Close())
	return amqp.Publishing{
		Headers: d.Headers, ContentType: d.ContentType, DeliveryMode: d.DeliveryMode, CorrelationId: d.CorrelationId,
		MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId, Body: d.Body,
	}
}

// laban publishes by the bus, pipelined from one goroutine.
func (s *stage) laban(name string, hooks ...bus.Hook) contender {
	b, e := s.bus(hooks...), sample()
	return contender{name: name, prepare: s.purge, run: func(n int) {
		var wg sync.WaitGroup
		wg.Add(n)
		for range n {
			b.PublishAsync(context.Background(), e, func(err error) {
				if err != nil {
					s.b.Error(err)
				}
				wg.Done()
			})
		}
		wg.Wait()
	}}
}

// callers publishes from many goroutines that each wait for the confirm.
func (s *stage) callers(name string, callers int, publish func() error) contender {
	return contender{name: name, prepare: s.purge, run: func(n int) {
		work := make(chan struct{})
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range work {
					if err := publish(); err != nil {
						s.b.Error(err)
					}
				}
			})
		}
		for range n {
			work <- struct{}{}
		}
		close(work)
		wg.Wait()
	}}
}

func (s *stage) watermill(callers int, name string) contender {
	cfg := watermillamqp.NewDurablePubSubConfig(s.url, nil)
	cfg.Exchange.GenerateName = func(string) string { return "events" }
	cfg.Exchange.Type = "topic"
	cfg.Publish.GenerateRoutingKey = func(topic string) string { return topic }
	cfg.Publish.ConfirmDelivery = true
	cfg.Publish.ChannelPoolSize = callers
	p, err := watermillamqp.NewPublisher(cfg, watermill.NopLogger{})
	require.NoError(s.b, err)
	s.b.Cleanup(func() { p.Close() })
	body := sample().Data
	return s.callers(name, callers, func() error {
		return p.Publish(eventType, message.NewMessage(watermill.NewUUID(), body))
	})
}

func (s *stage) wagslane() contender {
	conn, err := rabbitmq.NewConn(s.url)
	require.NoError(s.b, err)
	s.b.Cleanup(func() { conn.Close() })
	p, err := rabbitmq.NewPublisher(conn, rabbitmq.WithPublisherOptionsConfirm)
	require.NoError(s.b, err)
	s.b.Cleanup(p.Close)
	body := sample().Data
	return contender{name: "wagslane/go-rabbitmq", prepare: s.purge, run: func(n int) {
		pending := make(chan rabbitmq.PublisherConfirmation, window)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for confirms := range pending {
				for _, c := range confirms {
					if !c.Wait() {
						s.b.Error("nack")
					}
				}
			}
		}()
		for range n {
			c, err := p.PublishWithDeferredConfirmWithContext(context.Background(), body, []string{eventType},
				rabbitmq.WithPublishOptionsExchange("events"), rabbitmq.WithPublishOptionsPersistentDelivery,
				rabbitmq.WithPublishOptionsMandatory, rabbitmq.WithPublishOptionsContentType("text/plain"))
			require.NoError(s.b, err)
			pending <- c
		}
		close(pending)
		<-done
	}}
}

// BenchmarkPublish compares confirmed publishing of 512 bytes to a quorum queue
// beside the log. Each way of Laban's is compared with amqp091-go sending the
// same bytes: what is traced, with a traceparent among the headers.
func BenchmarkPublish(b *testing.B) {
	s := newStage(b)
	sampledOut, sampled := s.telemetry()
	labanCallers := s.bus()
	e := sample()
	contest(b, rounds,
		s.raw("amqp091-go", "events", s.publishing()),
		s.raw("amqp091-go, traceparent", "events", s.publishing(sampled)),
		s.laban("laban"),
		s.laban("laban, traced, sampled out", sampledOut).against("amqp091-go, traceparent"),
		s.laban("laban, traced, all exported", sampled).against("amqp091-go, traceparent"),
		s.callers("laban, 64 callers", 64, func() error { return labanCallers.Publish(context.Background(), e) }),
		s.watermill(1, "watermill-amqp, 1 caller"),
		s.watermill(64, "watermill-amqp, 64 callers"),
		s.wagslane(),
	)
}

const rounds = 7

// BenchmarkLogTax compares publishing with and without the log's stream: what
// Laban sends, and beside it the same body with no header at all (ADR 11).
func BenchmarkLogTax(b *testing.B) {
	s := newStage(b)
	require.NoError(b, s.ch.ExchangeDeclare("alone", "topic", true, false, false, false, nil))
	require.NoError(b, s.ch.QueueBind(queueName, eventType, "alone", false, nil))
	p := s.publishing()
	bare := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: p.Body}
	contest(b, rounds,
		s.raw("queue alone", "alone", p),
		s.raw("queue and log", "events", p),
		s.raw("bare message, queue alone", "alone", bare),
		s.raw("bare message, queue and log", "events", bare).against("bare message, queue alone"),
	)
}
