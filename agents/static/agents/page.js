// What a person does on a page: selecting rows, confirming, reading output.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  // A button that makes no sense now keeps its place and its focus, but does nothing.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.('[aria-disabled="true"]');
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // Messages

  let fading = 0;

  function settle() {
    clearTimeout(fading);
    fading = setTimeout(() => {
      for (const one of document.querySelectorAll('#flash .flash[data-level="success"]')) one.remove();
    }, 8000);
  }

  document.addEventListener("click", (event) => {
    event.target.closest?.("[data-dismiss]")?.closest(".flash").remove();
  });

  // Asking: Ctrl+Enter sends, and a choice that filters a list does at once.

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (!event.target.matches?.("textarea[data-sends]")) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submits]")) event.target.form.requestSubmit();
  });

  // An answer that is being given is read at its end, until its reader scrolls back.

  const held = new WeakSet();

  document.addEventListener("scroll", (event) => {
    const box = event.target;
    if (!box.matches?.("[data-end]")) return;
    if (box.scrollHeight - box.scrollTop - box.clientHeight < 24) held.delete(box);
    else held.add(box);
  }, { capture: true, passive: true });

  document.addEventListener("agenthub:news", () => {
    for (const box of document.querySelectorAll("[data-end]")) {
      if (!held.has(box)) box.scrollTop = box.scrollHeight;
    }
  });

  // The dialog: opened by an answer that asks first, closed by the next answer.

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "dialog-body") byId("dialog").showModal();
    if (event.target.id !== "flash") return;
    byId("dialog")?.close();
    settle();
    if (event.detail.elt?.id === "batch" || event.detail.requestConfig?.path.endsWith("/batch")) pick(false);
  });

  document.addEventListener("click", (event) => {
    const dialog = byId("dialog");
    if (!dialog?.open) return;
    const outside = event.target === dialog;
    const link = event.target.closest("[data-close]");
    if (!outside && !link) return;
    event.preventDefault();
    dialog.close();
  });

  document.addEventListener("htmx:sendError", () => {
    const flash = byId("flash");
    const line = document.createElement("p");
    line.className = "flash";
    line.dataset.level = "error";
    line.setAttribute("role", "alert");
    line.textContent = "The hub cannot be reached. Nothing was asked; try again when it is back.";
    flash.replaceChildren(line);
  });

  // Selecting rows

  const boxes = () => [...document.querySelectorAll('.agents tbody input[name="names"]')];
  let last = null;

  function count() {
    const all = boxes();
    const picked = all.filter((box) => box.checked).length;
    const head = byId("pick-all");
    if (byId("picked")) byId("picked").textContent = picked;
    if (!head) return;
    head.checked = picked > 0 && picked === all.length;
    head.indeterminate = picked > 0 && picked < all.length;
  }

  function pick(on) {
    for (const box of boxes()) box.checked = on;
    last = null;
    count();
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") pick(event.target.checked);
    else if (event.target.name === "names") count();
  });

  document.addEventListener("click", (event) => {
    if (event.target.id === "pick-none") pick(false);
    if (event.target.name !== "names" || event.target.type !== "checkbox") return;
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(event.target)].sort((a, b) => a - b);
    if (event.shiftKey && last && from >= 0) for (const box of all.slice(from, to + 1)) box.checked = event.target.checked;
    last = event.target;
    count();
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "agent-list") count();
  });

  // "/" goes to the search field, as everywhere.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const field = byId("q") || document.querySelector("#output-search input[name=q]");
    if (!field) return;
    event.preventDefault();
    field.focus();
  });

  // Where the header is too narrow for all pages, this one's name is in sight.

  const current = document.querySelector(".top nav [aria-current]");
  const bar = current?.parentElement;
  if (bar) bar.scrollLeft = current.offsetLeft - bar.offsetLeft - (bar.clientWidth - current.offsetWidth) / 2;

  // Reading output

  const scroll = byId("output-scroll");
  const follow = byId("follow");
  let following = Boolean(follow);

  function toEnd() {
    if (following && scroll) scroll.scrollTop = scroll.scrollHeight;
  }

  function setFollowing(on) {
    following = on;
    follow?.setAttribute("aria-pressed", String(on));
    toEnd();
  }

  if (scroll) {
    scroll.scrollTop = scroll.scrollHeight;
    document.addEventListener("agenthub:news", toEnd);
    document.addEventListener("change", (event) => {
      if (event.target.name === "show") toEnd();
    });
    follow?.addEventListener("click", () => setFollowing(!following));
    // Only a person's own scrolling lets go or takes hold; new lines do neither.
    let touched = 0;
    for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      scroll.addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
    }
    scroll.addEventListener("scroll", () => {
      if (!follow || Date.now() - touched > 1000) return;
      const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 24;
      if (atEnd !== following) setFollowing(atEnd);
    }, { passive: true });
  }

  const hold = byId("hold");
  hold?.addEventListener("click", () => {
    const on = hold.getAttribute("aria-pressed") !== "true";
    hold.setAttribute("aria-pressed", String(on));
    document.dispatchEvent(new CustomEvent("agenthub:hold", { detail: on }));
  });

  // The downloads are of the run that is shown.
  document.addEventListener("agenthub:run", (event) => {
    byId("downloads").hidden = false;
    for (const stream of ["out", "err"]) {
      const link = byId(`download-${stream}`);
      if (link) link.href = link.getAttribute("href").replace(/\d+\/(out|err)$/, `${event.detail}/${stream}`);
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-clear-search]")) byId("search-results").replaceChildren();
  });

  count();
  settle();
})();
