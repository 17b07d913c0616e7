// Keeps the pages up to date, and adds keys and the theme. Pages are whole
// without it. It asks its own origin only, and puts nothing into a page but what
// the server rendered.
"use strict";
(() => {
  const root = document.documentElement;
  root.dataset.script = "";

  // The theme: the system's, light or dark. Set before the page is painted.
  const themes = ["system", "light", "dark"];
  const stored = () => { try { return localStorage.getItem("laban-theme") || "system"; } catch { return "system"; } };
  const paint = (theme) => { if (theme === "system") { delete root.dataset.theme; } else { root.dataset.theme = theme; } };
  paint(stored());
  const nextTheme = () => {
    const theme = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % themes.length];
    try { localStorage.setItem("laban-theme", theme); } catch { /* it holds for this page */ }
    paint(theme);
    named();
  };
  const named = () => {
    const theme = root.dataset.theme || "system";
    const text = "Theme: " + (theme === "system" ? "follows the system" : theme);
    const button = document.getElementById("theme");
    if (button) { button.title = text; button.setAttribute("aria-label", text); }
  };

  // Rows, by j and k.
  const rows = () => [...document.querySelectorAll(".rows tbody tr, ul.rows > li")].filter((r) => r.querySelector("a.open"));
  const step = (by) => {
    const all = rows();
    if (!all.length) { return; }
    const at = all.findIndex((r) => r.classList.contains("here"));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by))];
    all.forEach((r) => r.classList.toggle("here", r === next));
    next.querySelector("a.open").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const places = { f: "/", c: "/choreographies", p: "/parked", h: "/health" };
  let going = 0;
  const key = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) { return; }
    const field = e.target.closest && e.target.closest("input, select, textarea");
    if (field) {
      if (e.key === "Escape") { field.blur(); }
      return;
    }
    if (document.querySelector("dialog[open]")) { return; }
    if (Date.now() - going < 1500 && places[e.key]) { going = 0; location.assign(places[e.key]); return; }
    const search = document.getElementById("q"), help = document.getElementById("help");
    switch (e.key) {
      case "/": if (search) { e.preventDefault(); search.focus(); search.select(); } break;
      case "j": step(1); break;
      case "k": step(-1); break;
      case "g": going = Date.now(); break;
      case "t": nextTheme(); break;
      case "?": if (help) { help.showModal(); } break;
    }
  };

  // Fresh parts: the page is asked for again, and what has changed in it is put
  // in place. Lists of flows keep their rows where they are.
  let fresh = 0, asked = false, timer = 0, again = false;
  const job = () => document.body.dataset.page === "job";
  const pause = () => job() ? 500 : 2000;
  const refresh = async () => {
    timer = 0;
    if (document.hidden) { asked = true; return; }
    asked = false;
    fresh = Date.now();
    // The server counts once a second, and the ledger is a moment behind.
    if (again) { again = false; wish(); }
    let doc;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) { return; }
      doc = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch { return; }
    for (const old of document.querySelectorAll("[data-swap]")) {
      const now = doc.getElementById(old.id);
      if (now) { swap(old, now); }
    }
    const list = document.getElementById("flows"), listed = doc.getElementById("flows");
    if (!list && listed) { location.reload(); return; }
    if (list && listed) {
      let come = 0;
      for (const now of listed.querySelectorAll("tbody tr")) {
        const old = document.getElementById(now.id);
        if (old) { swap(old, now); } else { come++; }
      }
      const news = document.getElementById("news");
      if (news && come) {
        news.hidden = false;
        news.firstChild.href = location.href;
        news.firstChild.textContent = (come >= listed.querySelectorAll("tbody tr").length ? "Many" : come) + " new";
      }
    }
  };
  const swap = (old, now) => {
    for (const open of old.querySelectorAll("details[id]")) {
      const same = now.querySelector("#" + CSS.escape(open.id));
      if (same) { same.open = open.open; }
    }
    const here = old.classList.contains("here");
    if (here) { now.classList.add("here"); }
    for (const box of old.querySelectorAll("input[type=checkbox]")) {
      const same = box.id && now.querySelector("#" + CSS.escape(box.id));
      if (same) { same.toggleAttribute("checked", box.checked); }
    }
    if (old.outerHTML === now.outerHTML || (old.id === "as-of" && old.textContent === now.textContent)) { return; }
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const href = focused && focused.getAttribute("href");
    const scrolled = [...old.querySelectorAll(".scroll")].map((s) => s.scrollLeft);
    const left = old.scrollLeft;
    const put = document.importNode(now, true);
    const live = old.querySelector("#live");
    if (live) { const spot = put.querySelector("#live"); if (spot) { spot.replaceWith(live); } }
    old.replaceWith(put);
    put.scrollLeft = left;
    put.querySelectorAll(".scroll").forEach((s, i) => { s.scrollLeft = scrolled[i] || 0; });
    if (focused) {
      const again = focused.id ? document.getElementById(focused.id) : [...put.querySelectorAll("a")].find((a) => a.getAttribute("href") === href);
      if (again) { again.focus({ preventScroll: true }); }
    }
  };
  const wish = () => {
    if (!timer) { timer = setTimeout(refresh, Math.max(100, fresh + pause() - Date.now())); }
  };
  const follow = () => {
    if (!("live" in document.body.dataset)) { return; }
    const mark = (on) => {
      const live = document.getElementById("live");
      if (!live) { return; }
      live.textContent = on ? "live" : "not connected";
      live.toggleAttribute("data-on", on);
    };
    let source;
    const connect = () => {
      source = new EventSource("/api/v1/events");
      source.addEventListener("open", () => { mark(true); wish(); });
      source.addEventListener("transition", () => { again = true; wish(); });
      source.addEventListener("cut-off", wish);
      source.addEventListener("error", () => mark(false));
    };
    connect();
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (e) => { if (e.persisted) { connect(); } });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && asked) { wish(); } });
    // Time goes on without any change, too: how long something is overdue.
    setInterval(wish, job() ? 500 : document.body.dataset.page === "health" ? 2000 : 10000);
  };

  const copy = async (button) => {
    const said = document.getElementById("copied");
    try {
      const answer = await fetch(button.dataset.from, { credentials: "same-origin" });
      if (!answer.ok) { throw new Error(answer.statusText); }
      await navigator.clipboard.writeText(await answer.text());
      said.textContent = "Copied.";
    } catch {
      said.textContent = "It could not be copied; the link Markdown has it.";
    }
  };

  // Who comes by a link from elsewhere brings no cookie to the first page, though
  // there may be a session.
  const loggedIn = async () => {
    const next = document.querySelector("input[name=next]");
    if (!next || document.querySelector(".error")) { return; }
    const answer = await fetch("/api/v1/status", { credentials: "same-origin" }).catch(() => null);
    if (answer && answer.ok) { location.replace(next.value); }
  };

  document.addEventListener("DOMContentLoaded", () => {
    named();
    document.addEventListener("keydown", key);
    document.addEventListener("click", (e) => {
      const button = e.target.closest("button");
      if (!button) { return; }
      if (button.id === "theme") { nextTheme(); }
      if (button.id === "help-open") { document.getElementById("help").showModal(); }
      if (button.id === "copy") { copy(button); }
    });
    document.addEventListener("change", (e) => {
      if (e.target.id === "only-critical") { document.getElementById("main").classList.toggle("only-critical", e.target.checked); }
      const form = e.target.closest("form.filters");
      if (form) {
        for (const field of form.elements) { if (field.name && !field.value) { field.disabled = true; } }
        form.submit();
      }
    });
    const search = document.querySelector("form.search");
    if (search) { search.addEventListener("submit", (e) => { if (!document.getElementById("q").value.trim()) { e.preventDefault(); location.assign("/"); } }); }
    if (document.body.dataset.page === "login") { loggedIn(); }
    follow();
  });
})();
