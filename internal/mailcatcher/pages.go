package mailcatcher

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"
)

//go:embed pages/*.html
var embedded embed.FS

// listed is how many mails a page or an answer has.
const listed = 500

// summary is a mail in a list, in the shape of Mailpit's API.
type summary struct {
	ID      string
	From    Address
	To      []Address
	Subject string
	Created time.Time
	Size    int
	Snippet string
}

// snippet is how much of its text a list shows, in runes.
const snippet = 250

func summaries(mails []Mail) []summary {
	all := make([]summary, len(mails))
	for i, m := range mails {
		text := []rune(m.Text)
		all[i] = summary{m.ID, m.From, m.To, m.Subject, m.Created, m.Size, string(text[:min(len(text), snippet)])}
	}
	return all
}

// Handler serves the pages and the API.
func (c *Catcher) Handler() http.Handler {
	pages := template.Must(template.New("").Funcs(template.FuncMap{"linked": linked}).ParseFS(embedded, "pages/*.html"))
	show := func(w http.ResponseWriter, name string, data any) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = pages.ExecuteTemplate(w, name, data) // who asked has gone
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		domain := r.URL.Query().Get("to")
		mails, total := c.Mails(domain, listed)
		show(w, "mails.html", map[string]any{"Mails": mails, "Total": total, "Domain": domain, "Domains": c.Domains()})
	})
	mux.HandleFunc("GET /view/{id}", func(w http.ResponseWriter, r *http.Request) {
		m, ok := c.Mail(r.PathValue("id"))
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		show(w, "mail.html", m)
	})
	mux.HandleFunc("GET /api/v1/messages", func(w http.ResponseWriter, _ *http.Request) {
		mails, total := c.Mails("", listed*domains)
		answer(w, map[string]any{"messages": summaries(mails), "total": total})
	})
	mux.HandleFunc("GET /api/v1/message/{id}", func(w http.ResponseWriter, r *http.Request) {
		m, ok := c.Mail(r.PathValue("id"))
		if !ok {
			http.Error(w, "there is no such mail, or it was too long ago", http.StatusNotFound)
			return
		}
		answer(w, m)
	})
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// linked makes links of the addresses in a mail's text, and harmless text of the
// rest.
func linked(text string) template.HTML {
	var b strings.Builder
	at := 0
	for _, m := range regexp.MustCompile(`https?://[^\s<>"']+`).FindAllStringIndex(text, -1) {
		address := template.HTMLEscapeString(text[m[0]:m[1]])
		b.WriteString(template.HTMLEscapeString(text[at:m[0]]) + `<a href="` + address + `">` + address + `</a>`)
		at = m[1]
	}
	b.WriteString(template.HTMLEscapeString(text[at:]))
	return template.HTML(b.String()) //nolint:gosec // every part of it is escaped
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // who asked has gone
}
