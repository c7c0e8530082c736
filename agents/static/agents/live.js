// News for an open page: what the server rendered is put in its place, without
// touching what is the same. hx-ws keeps the connection; polling stands in for it.
"use strict";
(() => {
  const MOST_LINES = 2000;
  const MOST_TEXT = 100000;
  const POLL_EVERY = 15000;
  const SAY_EVERY = 5000;
  const REFUSED = { 4400: "Not understood", 4401: "Signed out", 4403: "Not allowed" };

  const byId = (id) => document.getElementById(id);
  let socket = null;
  let open = false;
  let refused = false;
  let paused = false;
  let holding = false;
  let downSince = 0;

  document.documentElement.classList.add("scripted");

  // Times: the server says when, the browser says how long ago.

  const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

  function inWords(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 1) return "";
    const at = UNITS.findIndex(([, length]) => whole >= length);
    const [unit, length] = UNITS[at];
    const first = Math.floor(whole / length);
    const next = UNITS[at + 1];
    const rest = next ? Math.floor((whole % length) / next[1]) : 0;
    // A second unit while the first says little: 1 h 20 min, but 5 h.
    return rest && first < 3 && length > 60 ? `${first} ${unit} ${rest} ${next[0]}` : `${first} ${unit}`;
  }

  function age(root) {
    const now = Date.now();
    const times = root.matches?.("time") ? [root] : root.querySelectorAll("time[datetime]");
    for (const time of times) {
      const seconds = (now - Date.parse(time.dateTime)) / 1000;
      const words = inWords(Math.abs(seconds));
      let text = words ? `${words} ago` : "just now";
      if ("for" in time.dataset) text = words || "a moment";
      else if (seconds < -1) text = `in ${words}`;
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // Swapping in: only what differs is touched, so that focus, selection, ticked
  // boxes and a button that is being pressed stay as they are.

  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(fresh);
      if (fresh.nodeType === Node.ELEMENT_NODE) htmx.process(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      // Whether something is folded is the person's own business.
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const kept = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = child.id && kept.get(child.id);
      if (same && same !== place) old.insertBefore(same, place);
      const here = same || place;
      if (!same && (!here || (here.id && fresh.querySelector(`:scope > #${CSS.escape(here.id)}`)))) {
        old.insertBefore(child, place);
        if (child.nodeType === Node.ELEMENT_NODE) htmx.process(child);
        continue;
      }
      place = here.nextSibling;
      morph(here, child);
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  function apply(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const heard = [];
    for (const fresh of template.content.querySelectorAll("[hx-swap-oob]")) {
      const target = byId(fresh.id);
      const how = fresh.getAttribute("hx-swap-oob");
      fresh.removeAttribute("hx-swap-oob");
      if (!target) continue; // The page has been filtered since.
      if (how === "beforeend") {
        append(target, fresh);
        continue;
      }
      age(fresh);
      const { status, name } = fresh.dataset;
      if (name && status && target.dataset.status !== status) heard.push([name, status]);
      morph(target, fresh);
    }
    if (heard.length) announce(heard);
    document.dispatchEvent(new CustomEvent("agenthub:news"));
  }

  function append(target, fresh) {
    if (target.nodeName === "PRE") {
      appendText(target, fresh.textContent);
      return;
    }
    age(fresh);
    const dividers = fresh.querySelectorAll(".divider[data-run]");
    const newestFirst = target.dataset.order === "newest";
    if (newestFirst) target.prepend(...[...fresh.children].reverse());
    else target.append(...fresh.childNodes);
    for (let excess = target.childElementCount - MOST_LINES; excess > 0; excess--) {
      (newestFirst ? target.lastElementChild : target.firstElementChild).remove();
    }
    for (const divider of dividers) document.dispatchEvent(new CustomEvent("agenthub:run", { detail: divider.dataset.run }));
  }

  // An answer that is being given: one text, of which the end is kept.
  function appendText(target, text) {
    const node = target.firstChild || target.appendChild(new Text());
    node.appendData(text);
    if (node.length > MOST_TEXT * 1.2) node.deleteData(0, node.length - MOST_TEXT);
  }

  // One quiet sentence for screen readers, at most every few seconds.

  const changed = new Map();
  let saying = 0;

  function announce(heard) {
    for (const [name, status] of heard) changed.set(name, status);
    if (saying) return;
    saying = setTimeout(say, 800);
  }

  function say() {
    const counts = new Map();
    for (const status of changed.values()) counts.set(status, (counts.get(status) || 0) + 1);
    const [[name, status]] = changed;
    byId("announcer").textContent = changed.size === 1
      ? `${name} is ${status}`
      : [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
    changed.clear();
    saying = setTimeout(() => {
      saying = 0;
      if (changed.size) say();
    }, SAY_EVERY);
  }

  // What this page shows, in the words of the socket.

  function subscription() {
    const main = byId("main");
    const topics = (main.dataset.topics || "").split(" ").filter(Boolean);
    const shown = document.querySelectorAll('[id^="agent-row-"], [id^="agent-tile-"], [id^="agent-registry-"]');
    const known = byId("agent-list")?.dataset.known || main.dataset.known || "0";
    const tasks = document.querySelectorAll('[id^="task-row-"]');
    const cursor = byId("output-cursor");
    const place = byId("task-cursor");
    const message = {
      type: "subscribe",
      format: "html",
      topics: topics.filter((topic) => !(holding && topic.startsWith("logs:"))),
      after: Number(byId("live-seq").dataset.seq),
      ids: [...shown].map(numberOf),
      task_ids: [...tasks].map(numberOf),
      known: Number(known),
    };
    if (cursor) message.logs = { run: Number(cursor.dataset.run), out: Number(cursor.dataset.out), err: Number(cursor.dataset.err) };
    if (place) {
      const { step, run, offset, thinks } = place.dataset;
      message.task = { step: Number(step), run: Number(run), offset: Number(offset), thinks: thinks === "true" };
    }
    return JSON.stringify(message);
  }

  function numberOf(element) {
    return Number(element.id.slice(element.id.lastIndexOf("-") + 1));
  }

  function subscribe() {
    if (open && !paused) socket.sendImmediately(subscription());
  }

  function acknowledge(frame) {
    if (open && !paused) socket.sendImmediately(JSON.stringify({ type: "ack", frame: Number(frame) }));
  }

  function receive(text) {
    if (paused) return;
    if (text.startsWith("{")) {
      const message = JSON.parse(text);
      for (const [id, [cpu, memory]] of Object.entries(message.numbers)) {
        put(`cpu-${id}`, cpu);
        put(`memory-${id}`, memory);
      }
      acknowledge(message.frame);
      return;
    }
    apply(text);
    acknowledge(byId("live-seq").dataset.frame);
  }

  function put(id, text) {
    const cell = byId(id);
    if (cell && cell.textContent !== text) cell.textContent = text;
  }

  // The pill says how fresh the page is.

  function show() {
    const link = byId("link");
    if (!link) return;
    let state = "live";
    let words = "Live";
    if (refused) [state, words] = ["refused", refused];
    else if (paused) [state, words] = ["paused", "Paused"];
    else if (!open) [state, words] = downSince ? ["down", "Reconnecting…"] : ["connecting", "Connecting…"];
    link.dataset.state = state;
    link.querySelector(".words").textContent = words;
    const button = byId("pause");
    button.hidden = Boolean(refused);
    button.setAttribute("aria-pressed", String(paused));
    button.setAttribute("aria-label", paused ? "Resume updates" : "Pause updates");
    button.title = button.getAttribute("aria-label");
    button.querySelector("use").setAttribute("href", paused ? "#i-start" : "#i-pause");
  }

  async function poll() {
    if (open || paused || refused || document.hidden) return;
    try {
      const answer = await fetch(`/live/poll?message=${encodeURIComponent(subscription())}`);
      if (answer.ok && !open && !paused) apply(await answer.text());
      if (answer.status === 401) {
        refused = REFUSED[4401];
        show();
      }
    } catch {
      // The hub is away; the pill says so already.
    }
  }

  document.addEventListener("htmx:wsOpen", (event) => {
    socket = event.detail.socketWrapper;
    open = true;
    downSince = 0;
    show();
    subscribe();
  });

  document.addEventListener("htmx:wsClose", (event) => {
    open = false;
    downSince ||= Date.now();
    const { code } = event.detail.event;
    if (REFUSED[code]) refused = REFUSED[code];
    // hx-ws comes back by itself after an accident, but not after a polite close.
    else if (![1006, 1011, 1012, 1013].includes(code)) setTimeout(() => event.detail.socketWrapper.reconnect(), 1500);
    show();
  });

  document.addEventListener("htmx:wsBeforeMessage", (event) => {
    event.preventDefault();
    receive(event.detail.message);
  });

  // A filter has put other rows into the list.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "agent-list") return;
    age(event.target);
    subscribe();
  });

  document.addEventListener("agenthub:hold", (event) => {
    holding = event.detail;
    subscribe();
  });

  byId("pause")?.addEventListener("click", () => {
    paused = !paused;
    show();
    subscribe();
  });

  age(document);
  show();
  setInterval(() => age(document), 1000);
  setInterval(poll, POLL_EVERY);
})();
