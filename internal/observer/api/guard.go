package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

// TokenVariable names the environment variable with the token.
const TokenVariable = "LABAN_API_TOKEN" //nolint:gosec // its name is no secret

// open tells whether a request is served to everyone: what load balancers and
// Prometheus ask, and what the login needs.
func (a *API) open(r *http.Request) bool {
	path := r.URL.Path
	return path == "/healthz" || path == "/readyz" || path == "/metrics" ||
		a.cfg.Pages != nil && (path == loginPath && r.Method == http.MethodPost || strings.HasPrefix(path, "/assets/"))
}

// FormPath is where the pages' own forms are posted, but for those of the login.
// Whatever is below it has to know its own forms by more than the origin.
const FormPath = "/parked/"

// isForm tells whether a request is one of the pages' own forms.
func (a *API) isForm(r *http.Request) bool {
	return a.cfg.Pages != nil && (r.URL.Path == loginPath || r.URL.Path == logoutPath || strings.HasPrefix(r.URL.Path, FormPath))
}

// guard lets through what may be served.
func (a *API) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if a.cfg.Token == "" {
			// Any page may have a name of its own point here, and would then be
			// served as the same origin: DNS rebinding. Its Host betrays it.
			if !loopbackHost(r.Host) || !loopbackPeer(r.RemoteAddr) {
				writeProblem(w, http.StatusForbidden, "without a token this observer serves only its own host: call it as localhost or 127.0.0.1, or start it with "+TokenVariable+" set and send that token")
				return
			}
		} else if !a.open(r) && !a.inSession(r, time.Now()) {
			authorized, wait := a.authorized(r)
			switch {
			case authorized:
			case wait > 0:
				retryAfter(w, wait)
				writeProblem(w, http.StatusTooManyRequests, tooManyGuesses)
				return
			default:
				a.askForToken(w, r)
				return
			}
		}
		if err := origin.Check(r); err != nil {
			writeProblem(w, http.StatusForbidden, "pages of other sites may not change anything here")
			return
		}
		if r.Method == http.MethodPost && !a.isForm(r) && !isJSON(r) {
			writeProblem(w, http.StatusUnsupportedMediaType, "send Content-Type: application/json")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// askForToken refuses a request that did not bring the token.
func (a *API) askForToken(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Pages != nil && isPage(r) {
		a.cfg.Pages.Login(w, r, ownPage(r.URL.RequestURI()), Asked)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="laban"`)
	writeProblem(w, http.StatusUnauthorized, "send the observer's token: Authorization: Bearer <"+TokenVariable+">")
}

// authorized tells whether a request brings the token, or how long its sender
// has to wait before that is looked at.
func (a *API) authorized(r *http.Request) (authorized bool, wait time.Duration) {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given = strings.TrimSpace(given)
	if given == "" || !strings.EqualFold(scheme, "Bearer") {
		return false, 0
	}
	return a.isToken(r, given)
}

// isToken compares digests, so that neither content nor length of the token can
// be told from the time it takes. It limits guesses.
func (a *API) isToken(r *http.Request, given string) (is bool, wait time.Duration) {
	want, got := sha256.Sum256([]byte(a.cfg.Token)), sha256.Sum256([]byte(given))
	right := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if wait := a.attempts.take(r.RemoteAddr, given, right); wait > 0 {
		return false, wait
	}
	return right, 0
}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// loopbackHost tells whether a Host header names this host itself.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func loopbackPeer(address string) bool {
	peer, err := netip.ParseAddrPort(address)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// recoverPanics answers a request whose handler panicked, and logs why.
func (a *API) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			a.cfg.Log.ErrorContext(r.Context(), "a request panicked", "panic", v, "stack", string(debug.Stack()))
			writeProblem(w, http.StatusInternalServerError, "the observer has a bug; its log says where")
		}()
		next.ServeHTTP(w, r)
	})
}

// inTime bounds how long a request may take. Streams have bounds of their own.
func inTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == eventsPath {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
