package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A browser can't send the token with a page load or an EventSource. The login
// turns it into a cookie that scripts can't read and other sites can't use. The
// cookie is not the token: it is the time at which it ends, signed with the
// token, so that another token ends all sessions.
const (
	sessionCookie = "laban_session"
	sessionLasts  = 12 * time.Hour
	loginPath     = "/login"
	logoutPath    = "/logout"
	maxLogin      = 8 << 10
)

// session returns a cookie's value that holds until a time.
func (a *API) session(until time.Time) string {
	text := strconv.FormatInt(until.Unix(), 10)
	return text + "." + a.sign(text)
}

func (a *API) sign(text string) string {
	mac := hmac.New(sha256.New, []byte(a.cfg.Token))
	mac.Write([]byte("laban session 1:" + text))
	return hex.EncodeToString(mac.Sum(nil))
}

// inSession tells whether a request comes from a browser that has logged in.
func (a *API) inSession(r *http.Request, now time.Time) bool {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	text, signature, _ := strings.Cut(cookie.Value, ".")
	if subtle.ConstantTimeCompare([]byte(signature), []byte(a.sign(text))) != 1 {
		return false
	}
	until, err := strconv.ParseInt(text, 10, 64)
	return err == nil && now.Before(time.Unix(until, 0))
}

// login turns the token of a form into a session, and leads on to the page that
// was asked for.
func (a *API) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	next := ownPage(r.PostFormValue("next"))
	if a.cfg.Token != "" {
		is, wait := a.isToken(r, r.PostFormValue("token"))
		switch {
		case wait > 0:
			a.cfg.Log.WarnContext(r.Context(), "too many logins with wrong tokens", "peer", r.RemoteAddr, "wait", wait)
			retryAfter(w, wait)
			a.cfg.Pages.Login(w, r, next, TooOften)
			return
		case !is:
			a.cfg.Log.WarnContext(r.Context(), "a login with a wrong token", "peer", r.RemoteAddr)
			a.cfg.Pages.Login(w, r, next, Wrong)
			return
		}
	}
	a.setSession(w, r, a.session(time.Now().Add(sessionLasts)), int(sessionLasts/time.Second))
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // ownPage lets only paths of this observer through
}

// logout ends the session of this browser.
func (a *API) logout(w http.ResponseWriter, r *http.Request) {
	a.setSession(w, r, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *API) setSession(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is set where TLS is spoken; on loopback it is not
		Name: sessionCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// Behind a proxy that speaks TLS it is the proxy that says so.
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	})
}

// ownPage returns a path of this observer, whatever was asked for.
func ownPage(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// isPage tells whether a browser asks for a page, and not for data.
func isPage(r *http.Request) bool {
	return r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}
