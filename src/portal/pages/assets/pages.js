// Keeps an open table live: asks for its live part with the page's own address, and morphs the page into the answer,
// so that search, scroll, selection and focus stay. Filters and sorting are the portal's work; this knows none.
"use strict";

(() => {
  const main = () => document.getElementById("main");
  const link = document.getElementById("link");
  if (!main() || !link || !main().dataset.version) return;

  // --- Morphing one element into another ---------------------------------------------------------------------------

  const isControl = (node) => /^(INPUT|SELECT|TEXTAREA)$/.test(node.nodeName) && node.type !== "hidden";
  const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

  function attributes(from, to) {
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name)) from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
  }

  function morph(from, to, force) {
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    if (from.nodeName === "NOSCRIPT") return;
    // What a person types or chooses is theirs, unless they ask for another address.
    const mine = isControl(from) && !force;
    const chosen = from.value;
    if (!mine) attributes(from, to);
    if (from.nodeName === "INPUT") {
      if (!mine) from.value = to.value;
      return;
    }
    children(from, to, force);
    if (from.nodeName === "SELECT") {
      from.value = mine ? chosen : to.value;
      from.classList.toggle("set", from.value !== "");
    }
  }

  function children(from, to, force) {
    const keyed = new Map();
    for (const child of from.childNodes) if (key(child)) keyed.set(key(child), child);
    const kept = new Set([...to.childNodes].map(key));
    let next = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const name = key(wanted);
      while (next && key(next) && !kept.has(key(next))) {
        const gone = next;
        next = next.nextSibling;
        gone.remove();
      }
      const found = name ? keyed.get(name) : next && !key(next) && next.nodeName === wanted.nodeName ? next : null;
      if (!found) {
        from.insertBefore(wanted, next);
      } else {
        if (found === next) next = next.nextSibling;
        else move(from, found, next);
        morph(found, wanted, force);
      }
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  // Moving an element takes its focus away; it gets it back.
  function move(parent, node, before) {
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    parent.insertBefore(node, before);
    if (focused) focused.focus({ preventScroll: true });
  }

  // --- Showing an answer -------------------------------------------------------------------------------------------

  let offset = 0;

  // What a row says, times aside, which change without anything having changed.
  function sayings() {
    const all = new Map();
    for (const row of main().querySelectorAll("tr[data-key]")) {
      all.set(row.dataset.key, [...row.querySelectorAll(":scope > :not(.seen):not([colspan])")].map((cell) => cell.textContent).join("|"));
    }
    return all;
  }

  function show(html, { force = false, highlight = false } = {}) {
    const answer = new DOMParser().parseFromString(html, "text/html").getElementById("main");
    if (!answer) throw new Error("the portal's answer is no page");
    const before = highlight ? sayings() : null;
    for (const row of main().querySelectorAll("tr.changed")) row.classList.remove("changed");
    morph(main(), answer, force);
    if (before) {
      void main().offsetWidth; // starts the animation anew
      for (const [name, text] of sayings()) {
        if (before.get(name) !== text && !name.endsWith(".details")) {
          main().querySelector(`tr[data-key="${CSS.escape(name)}"]`).classList.add("changed");
        }
      }
    }
    offset = Number(main().dataset.now) * 1000 - Date.now();
    tick();
  }

  function status(word, text) {
    link.hidden = false;
    if (link.textContent === text) return;
    link.className = `link ${word}`;
    link.textContent = text;
  }

  // --- Times -------------------------------------------------------------------------------------------------------

  function ago(then) {
    const seconds = Math.floor((Date.now() + offset) / 1000) - Math.floor(then / 1000);
    if (seconds < 10) return "just now";
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    if (seconds < 172800) return "1 day ago";
    if (seconds < 2592000) return `${Math.floor(seconds / 86400)} days ago`;
    return null;
  }

  function tick() {
    for (const time of document.querySelectorAll("time:not(.date)")) {
      const text = ago(Date.parse(time.dateTime));
      if (text && time.textContent !== text) time.textContent = text;
    }
  }

  // --- Asking ------------------------------------------------------------------------------------------------------

  let asking = null;
  let failures = 0;

  const pause = (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
    });

  async function ask(signal, seen) {
    const address = new URL(`${location.pathname.replace(/\/$/, "")}/live${location.search}`, location.origin);
    if (seen !== null) address.searchParams.set("seen", seen);
    const answer = await fetch(address, { signal, cache: "no-store", redirect: "error", credentials: "same-origin" });
    if (answer.status === 401) {
      location.reload();
      await new Promise(() => {});
    }
    if (answer.status === 204) return null;
    if (!answer.ok) throw new Error(`the portal answered ${answer.status}`);
    return answer.text();
  }

  // One loop at a time: it begins with what the address asks for now and follows the changes from there.
  async function follow({ anew = false, force = false } = {}) {
    if (asking) asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    while (!signal.aborted) {
      try {
        const html = await ask(signal, anew ? null : main().dataset.version);
        if (signal.aborted) return;
        if (html) show(html, { force, highlight: !anew || failures > 0 });
        failures = 0;
        status("live", "Live");
        [anew, force] = [false, false];
        if (html) await pause(300, signal);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        anew = true;
        status("lost", "Reconnecting…");
        await pause(Math.min(500 * 2 ** failures, 15000) * (0.75 + Math.random() / 2), signal);
      }
    }
  }

  function go(search, { push = false, force = false } = {}) {
    const address = location.pathname + search;
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    follow({ anew: true, force });
  }

  // --- A person's wishes -------------------------------------------------------------------------------------------

  function wishes() {
    const form = main().querySelector("form.filters");
    const pairs = [...new FormData(form)].filter(([, value]) => value.trim() !== "");
    const search = new URLSearchParams(pairs).toString();
    return search ? `?${search}` : "";
  }

  let typing;
  function wish(event) {
    if (!event.target.closest("form.filters")) return;
    clearTimeout(typing);
    typing = setTimeout(() => go(wishes()), event.type === "input" ? 150 : 0);
  }
  document.addEventListener("input", (event) => event.target.type === "search" && wish(event));
  document.addEventListener("change", (event) => event.target.nodeName === "SELECT" && wish(event));

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.filters")) return;
    event.preventDefault();
    clearTimeout(typing);
    go(wishes());
  });

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    let target = event.target.closest("a");
    if (!target && getSelection().isCollapsed) target = event.target.closest("tr.row")?.querySelector("a.toggle");
    if (!target?.matches("a[data-query]")) return;
    event.preventDefault();
    clearTimeout(typing);
    go(new URL(target.href).search, { push: true, force: true });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.metaKey || event.ctrlKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    main().querySelector("input[type=search]").focus();
  });

  addEventListener("popstate", () => follow({ anew: true, force: true }));
  addEventListener("pageshow", (event) => { if (event.persisted) follow({ anew: true }); });
  addEventListener("online", () => follow({ anew: true }));
  // A hidden page holds no connection: browsers allow six to a portal, and a person may have more tabs than that.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) asking?.abort();
    else follow({ anew: true });
  });

  offset = Number(main().dataset.now) * 1000 - Date.now();
  setInterval(tick, 5000);
  status("live", "Live");
  if (!document.hidden) follow();
})();
