package choreography

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// What a file may have at most. The bounds are far above what a person writes,
// and keep a hostile file from costing more than its reading.
const (
	MaxSize        = 1 << 20 // bytes of a file
	MaxReactions   = 1000
	MaxEventTypes  = 2000 // in one list, and in the whole file
	MaxName        = 255  // bytes of a name, as of an event's attributes
	MaxDescription = 4096 // bytes
)

// DefaultIdle is the idle time of a choreography that has no deadline at all
// and does not give one.
const DefaultIdle = time.Minute

// Parse reads a contract. name is the file's, for errors. The error is an
// [Errors] with everything that is wrong.
func Parse(name string, text []byte) (*Choreography, error) {
	d := &decoder{file: name}
	root := d.load(text)
	if root == nil {
		return nil, d.errors()
	}
	var doc document
	d.fields(root, &doc, "the file")
	c := doc.build(name)
	c.Text = string(text)
	sum := sha256.Sum256(text)
	c.Hash = hex.EncodeToString(sum[:])
	d.validate(&doc, c)
	if len(d.problems) > 0 {
		return nil, d.errors()
	}
	return c, nil
}

// errors returns what is wrong, in order. Where that was too much to keep, the
// last one says so.
func (d *decoder) errors() Errors {
	all := inOrder(d.problems)
	if more := d.total - len(all); more > 0 {
		last := &all[len(all)-1]
		last.Code, last.Message = CodeLimit, countOf(more+1, "problem")+" more, from here on"
		last.Hint = "mend those above first: some of the others may follow from them"
	}
	return all
}

// ParseFile reads a contract from a file; see [Parse].
func ParseFile(path string) (*Choreography, error) {
	f, err := os.Open(path) //nolint:gosec // reading the file that the caller names is what it is for
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	return Parse(path, text)
}

// load returns the document's root, or nil if there is none.
func (d *decoder) load(text []byte) *node {
	if len(text) > MaxSize {
		d.failAt(CodeLimit, Position{1, 1}, fmt.Sprintf("the file has more than %d bytes", MaxSize), "is this a contract?")
		return nil
	}
	reader := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := reader.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			d.failAt(CodeSyntax, Position{1, 1}, "the file is empty", "begin with choreography: and a name")
		} else {
			d.syntax(err, text)
		}
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		d.failAt(CodeSyntax, Position{1, 1}, "the file is empty", "begin with choreography: and a name")
		return nil
	}
	var second yaml.Node
	switch err := reader.Decode(&second); {
	case err == nil:
		d.failAt(CodeSyntax, Position{max(second.Line, 1), max(second.Column, 1)}, "the file has a second YAML document", "write one choreography in each file")
		return nil
	case !errors.Is(err, io.EOF):
		d.syntax(err, text)
		return nil
	}
	if found := sharing(doc.Content[0]); found != nil {
		d.fail(CodeSyntax, found, "the file uses a YAML anchor, alias or tag", "a contract is to be read as it stands: write the values out")
		return nil
	}
	return (*node)(doc.Content[0])
}

// sharing returns the first anchor, alias or tag of one's own, or nil.
func sharing(n *yaml.Node) *node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return (*node)(n)
	}
	for _, c := range n.Content {
		if found := sharing(c); found != nil {
			return found
		}
	}
	return nil
}

// indentation is what a line begins with before its first word.
func indentation(line []byte) []byte { return line[:len(line)-len(bytes.TrimLeft(line, " \t"))] }

// syntax notes what the YAML parser says.
func (d *decoder) syntax(err error, file []byte) {
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if parts := regexp.MustCompile(`(?s)^line (\d+): (.*)$`).FindStringSubmatch(text); parts != nil {
		if n, err := strconv.Atoi(parts[1]); err == nil {
			line, text = max(n, 1), parts[2]
		}
	}
	hint := "look at indentation, quotes and brackets, here and in the line before"
	if lines := bytes.SplitN(file, []byte("\n"), line+1); line <= len(lines) && bytes.ContainsRune(indentation(lines[line-1]), '\t') {
		hint = "indent with spaces: YAML takes no tabs there"
	}
	d.failAt(CodeSyntax, Position{line, 1}, "this is not YAML: "+strconv.Quote(clip(text)), hint)
}

// namePattern is what a choreography may be called.
func namePattern() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) }
