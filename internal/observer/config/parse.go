package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/laban-io/laban/internal/nearest"
)

// maxSize is how long a configuration may be, in bytes.
const maxSize = 1 << 20

// Parse reads a configuration. name is the file's, for errors and for the paths
// in it.
func Parse(name string, text []byte, getenv func(string) (string, bool)) (*Config, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s: %d bytes are too much for a configuration", name, len(text))
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := &reader{file: name, getenv: getenv}
	c := &Config{}
	if len(doc.Content) > 0 {
		r.config(doc.Content[0], c)
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	c.setDefaults()
	return c, nil
}

// reader walks the file and notes all that is wrong.
type reader struct {
	file   string
	getenv func(string) (string, bool)
	errs   []error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: %s", r.file, n.Line, n.Column, fmt.Sprintf(format, args...)))
}

// field reads the value of one field.
type field struct {
	name string
	read func(*yaml.Node)
}

func (r *reader) fields(n *yaml.Node, what string, fields ...field) {
	r.pairs(n, what, func(key, value *yaml.Node) {
		var names []string
		for _, f := range fields {
			if f.name == key.Value {
				f.read(value)
				return
			}
			names = append(names, f.name)
		}
		if near, ok := nearest.Of(key.Value, names); ok {
			r.fail(key, "%s has no field %q; did you mean %q?", what, key.Value, near)
		} else {
			r.fail(key, "%s has no field %q; it may have %s", what, key.Value, strings.Join(names, ", "))
		}
	})
}

func (r *reader) pairs(n *yaml.Node, what string, fn func(key, value *yaml.Node)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s has to be a mapping, one key: value in each line", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if line, twice := seen[key.Value]; twice {
			r.fail(key, "%s has %q twice; it is in line %d already", what, key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		fn(key, value)
	}
}

func (r *reader) config(n *yaml.Node, c *Config) {
	r.fields(n, "the configuration",
		field{"amqp", r.list(&c.AMQP)},
		field{"tls", func(n *yaml.Node) {
			r.fields(n, "tls", field{"ca", r.text(&c.TLS.CA)}, field{"cert", r.text(&c.TLS.Cert)}, field{"key", r.text(&c.TLS.Key)})
		}},
		field{"management", r.text(&c.Management)},
		field{"ledger", r.text(&c.Ledger)},
		field{"listen", r.text(&c.Listen)},
		field{"prefix", r.text(&c.Prefix)},
		field{"log", r.text(&c.Log)},
		field{"from", r.text(&c.From)},
		field{"contracts", func(n *yaml.Node) {
			var patterns []string
			r.list(&patterns)(n)
			paths, err := Globs(filepath.Dir(r.file), patterns)
			if err != nil {
				r.fail(n, "contracts: %v", err)
			}
			c.Contracts = paths
		}},
		field{"taps", func(n *yaml.Node) { r.taps(n, c) }},
		field{"queues", func(n *yaml.Node) {
			c.Queues = map[string]string{}
			r.pairs(n, "queues", func(key, value *yaml.Node) {
				var queue string
				r.text(&queue)(value)
				c.Queues[key.Value] = queue
			})
		}},
		field{"retention", func(n *yaml.Node) { r.fields(n, "retention", field{"finished", r.duration(&c.Retention.Finished)}) }},
		field{"payloads", func(n *yaml.Node) {
			r.fields(n, "payloads", field{"keep", r.truth(&c.Payloads.Keep)}, field{"redact", r.list(&c.Payloads.Redact)})
		}},
		field{"links", func(n *yaml.Node) {
			r.fields(n, "links", field{"jaeger", r.text(&c.Links.Jaeger)}, field{"grafana", r.text(&c.Links.Grafana)})
		}},
	)
}

func (r *reader) taps(n *yaml.Node, c *Config) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "taps has to be a list")
		return
	}
	for _, item := range n.Content {
		var t Tap
		r.fields(item, "a tap",
			field{"exchange", r.text(&t.Exchange)}, field{"keys", r.list(&t.Keys)},
			field{"type", r.text(&t.EventType)}, field{"key", r.text(&t.Key)}, field{"id", r.text(&t.ID)},
			field{"causation", r.text(&t.Causation)}, field{"source", r.text(&t.Source)},
			field{"flow", r.text(&t.Flow)}, field{"time", r.text(&t.Time)})
		if t.Exchange == "" {
			r.fail(item, "a tap does not say which exchange; the default exchange, whose name is empty, can't be tapped")
		}
		if t.Key == "" && t.Flow == "" {
			r.fail(item, "a tap does not say where the flow's key is; add key: body:/order/id, say")
		}
		c.Taps = append(c.Taps, t)
	}
}

func (r *reader) text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			r.fail(n, "one text is expected here")
			return
		}
		*to = r.expand(n)
	}
}

// list reads a list of texts, or one.
func (r *reader) list(to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		items := n.Content
		if n.Kind == yaml.ScalarNode {
			items = []*yaml.Node{n}
		} else if n.Kind != yaml.SequenceNode {
			r.fail(n, "a list is expected here")
			return
		}
		for _, item := range items {
			var text string
			r.text(&text)(item)
			*to = append(*to, text)
		}
	}
}

func (r *reader) truth(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, err := strconv.ParseBool(r.expand(n))
		if err != nil {
			r.fail(n, "true or false is expected here")
		}
		*to = value
	}
}

func (r *reader) duration(to *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d, err := ParseDuration(r.expand(n))
		if err != nil {
			r.fail(n, "%v", err)
		}
		*to = d
	}
}

// ParseDuration reads a duration as Go writes it, or whole days such as 30d.
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New("a duration is expected here, such as 30d or 12h")
	}
	return d, nil
}

var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}`)

// expand replaces variables of the environment.
func (r *reader) expand(n *yaml.Node) string {
	return variable.ReplaceAllStringFunc(n.Value, func(match string) string {
		m := variable.FindStringSubmatch(match)
		if value, ok := r.getenv(m[1]); ok {
			return value
		}
		if m[2] != "" {
			return m[2][2:]
		}
		r.fail(n, "the environment has no %s; set it, or write ${%s:-default}", m[1], m[1])
		return ""
	})
}
