package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/laban-io/laban/pkg/flow"
)

const eventsPath = "/api/v1/events"

type eventsInput struct {
	Choreography string   `query:"choreography" maxLength:"200" doc:"Only changes of flows of this choreography"`
	Key          string   `query:"key" maxLength:"1024" doc:"Only changes of flows with this key"`
	Kind         []string `query:"kind" maxItems:"12" enum:"started,changed,paid,overdue,reasoned,recovered,lifted,ended,reopened,deviated,closed,forgotten" doc:"Only these kinds of change, with commas between them"`
}

func (in *eventsInput) wants(t *flow.Transition) bool {
	return (in.Choreography == "" || t.Choreography == in.Choreography) &&
		(in.Key == "" || t.Key == in.Key) &&
		(len(in.Kind) == 0 || slices.Contains(in.Kind, t.Kind.String()))
}

// streamEvents tells of transitions as they happen, as server-sent events: each
// an event "transition" with the record's offset as its id.
func (a *API) streamEvents(_ context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	select {
	case a.streams <- struct{}{}:
	default:
		return nil, huma.Error503ServiceUnavailable(fmt.Sprintf("%d clients follow the events already, which is the most there may be", maxStreams))
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { <-a.streams }()
		r, w := humago.Unwrap(ctx)
		a.stream(r.Context(), w, in)
	}}, nil
}

func (a *API) stream(ctx context.Context, w http.ResponseWriter, in *eventsInput) {
	transitions, stop := a.cfg.Observer.Subscribe(streamBuffer)
	defer stop()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies must not hold events back
	w.WriteHeader(http.StatusOK)
	out := &sender{w: w, control: http.NewResponseController(w)}
	beat := time.NewTicker(a.cfg.Heartbeat)
	defer beat.Stop()
	out.comment("the changes of flows from now on")
	behind := false // as many changes have waited as may
	for out.err == nil {
		select {
		case t, ok := <-transitions:
			behind = behind || len(transitions) >= cap(transitions)-1
			switch {
			case !ok && behind:
				out.send("cut-off", "", said{"you read too slowly and have missed changes; call again, and ask for less by choreography, key or kind"})
				return
			case !ok:
				out.bye()
				return
			case in.wants(&t):
				out.send("transition", strconv.FormatUint(t.Offset, 10), transitionFrom(&t))
			}
		case <-beat.C:
			out.comment("heartbeat")
		case <-a.stop:
			out.bye()
			return
		case <-ctx.Done():
			return
		}
	}
}

// said is the data of an event that ends a stream.
type said struct {
	Reason string `json:"reason"`
}

// sender writes server-sent events. After an error it does nothing.
type sender struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *sender) send(event, id string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		s.err = err
		return
	}
	text := "event: " + event + "\n"
	if id != "" {
		text += "id: " + id + "\n"
	}
	s.write(text + "data: " + string(body) + "\n\n")
}

func (s *sender) bye() {
	s.send("bye", "", said{"the observer stops; call again for its successor"})
}

func (s *sender) comment(text string) { s.write(": " + text + "\n\n") }

func (s *sender) write(text string) {
	if s.err != nil {
		return
	}
	// A client that reads nothing for so long is gone.
	if s.err = s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); s.err != nil {
		return
	}
	if _, s.err = s.w.Write([]byte(text)); s.err == nil {
		s.err = s.control.Flush()
	}
}
