package api

import (
	"html/template"
	"net/http"
)

// page is a page whose address is fixed already, though it shows little yet.
type page struct {
	Title, Shows, JSON, Address string
}

// pageTemplate has no style and no script, which its policy would not load.
func pageTemplate() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} · Laban</title>
</head>
<body>
<header><nav aria-label="Pages"><a href="/">Flows</a> · <a href="/parked">Parked messages</a></nav></header>
<main>
<h1>{{.Title}}</h1>
<p>{{.Shows}}</p>
<p>The same as JSON: <a href="{{.Address}}">{{.JSON}}</a></p>
</main>
<footer><p><a href="/openapi.json">The API's description</a></p></footer>
</body>
</html>
`))
}

// pages serves the observer's pages, and returns their patterns.
func (a *API) pages(mux *http.ServeMux) []string {
	if a.cfg.Pages != nil {
		mux.HandleFunc("POST "+loginPath, a.login)
		mux.HandleFunc("POST "+logoutPath, a.logout)
		return a.cfg.Pages.Mount(mux)
	}
	t := pageTemplate()
	serve := func(pattern string, of func(*http.Request) page) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			if err := t.Execute(w, of(r)); err != nil {
				a.cfg.Log.DebugContext(r.Context(), "a page was not read to its end", "error", err)
			}
		})
	}
	at := func(title, shows, path string) page { return page{title, shows, path, path} }
	serve("/{$}", func(*http.Request) page {
		return at("Flows", "This page will list the flows: those that are stuck first, with the service whose turn it is, since when and why.", "/api/v1/flows")
	})
	serve("/parked", func(*http.Request) page {
		return at("Parked messages", "This page will show the messages that services gave up on, and the flows that wait for them.", "/api/v1/flows?cause=parked")
	})
	serve("/flows/{id}", func(r *http.Request) page {
		id := Plain(r.PathValue("id"))
		return at("Flow "+id, "This page will show the journey of one flow: its events in the order of their causes, where the time went, and what is missing.", "/api/v1/flows/"+escape(r.PathValue("id")))
	})
	serve("/choreographies/{name}", func(r *http.Request) page {
		name := Plain(r.PathValue("name"))
		return at("Choreography "+name, "This page will draw the choreography, with the live figures of each reaction.", "/api/v1/choreographies/"+escape(r.PathValue("name")))
	})
	return []string{"/{$}", "/parked", "/flows/{id}", "/choreographies/{name}"}
}
