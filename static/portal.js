"use strict";
// Behaviour that the pages do without when it is missing: colours by the system's choice, menus that close,
// toasts, copying, choosing all rows, a reminder of unsaved changes, a sign that something takes a while.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => { root.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  paint();
  dark.addEventListener("change", paint);

  const say = (text, kind) => {
    const note = document.createElement("p");
    note.className = `toast-note note-${kind || "success"}`;
    note.textContent = text;
    document.getElementById("toasts").append(note);
    setTimeout(() => note.remove(), 8000);
  };

  const boxes = (form) => [...form.querySelectorAll("input[name=push]")];
  const count = (form) => {
    const chosen = boxes(form).filter((box) => box.checked).length;
    const said = form.querySelector("[data-chosen]");
    if (!said) return;
    said.hidden = false;
    said.textContent = chosen ? `${chosen} chosen` : "Nothing chosen";
  };

  const wake = (within) => {
    within.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = !navigator.clipboard; });
    within.querySelectorAll("[data-select-all]").forEach((box) => { box.hidden = false; });
    within.querySelector("[data-focus]")?.focus();
    within.querySelectorAll("[data-keys]").forEach((hint) => { hint.hidden = false; });
    within.querySelectorAll("form[data-select]").forEach(count);
  };

  const closeMenus = (except) => document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });

  document.addEventListener("DOMContentLoaded", () => {
    wake(document);
    document.querySelector(".rooms a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  });
  document.addEventListener("click", async (event) => {
    closeMenus(event.target.closest("details.menu"));
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    say("Copied.");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus();
    menu?.querySelector("summary").focus();
  });

  let unsaved = null;
  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-select-all]");
    if (all) all.closest("form").querySelectorAll("input[name=push], input[name=row]").forEach((box) => { box.checked = all.checked; });
    const form = event.target.closest("form[data-unsaved]");
    if (form) unsaved = form;
    const list = event.target.closest("form[data-select]");
    if (list) count(list);
  });
  document.addEventListener("submit", (event) => { if (event.target === unsaved) unsaved = null; });
  addEventListener("beforeunload", (event) => { if (unsaved?.isConnected) event.preventDefault(); });

  // Rows are chosen like mail: Shift with a click takes all between, j and k move, x chooses; only inside the list.
  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target.closest("form[data-select] input[name=push]");
    if (!box) return;
    const all = boxes(box.form), [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) all.slice(from, to + 1).forEach((each) => { each.checked = box.checked; });
    last = box;
    count(box.form);
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("form[data-select]");
    if (!form || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    const all = boxes(form), at = all.indexOf(event.target.closest("tr")?.querySelector("input[name=push]"));
    const step = { j: 1, k: -1 }[event.key];
    if (step) all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]?.focus();
    else if (event.key === "x" && at >= 0) all[at].click();
    else return;
    event.preventDefault();
  });

  // What takes longer than a moment says so where it was asked for, and cannot be asked for twice meanwhile.
  const rest = (form) => {
    clearTimeout(form.soon);
    form.querySelectorAll(".working").forEach((note) => note.remove());
    form.querySelectorAll("button[data-waited]").forEach((button) => { button.disabled = false; button.removeAttribute("data-waited"); });
  };
  const wait = (form) => {
    const note = document.createElement("div"), bar = document.createElement("progress"), text = document.createElement("p");
    note.className = "working";
    bar.className = "bar";
    text.setAttribute("role", "status");
    bar.setAttribute("aria-label", form.dataset.waits || "Working");
    note.append(text, bar);
    form.append(note);
    setTimeout(() => { text.textContent = `${form.dataset.waits || "Working"}…`; }, 50);
    form.querySelectorAll("button:not(:disabled)").forEach((button) => { button.disabled = true; button.dataset.waited = ""; });
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("method") !== "post" || (event.defaultPrevented && !form.hasAttribute("hx-post"))) return;
    rest(form);
    form.soon = setTimeout(() => wait(form), 800);
  });
  document.addEventListener("htmx:afterRequest", (event) => { if (event.target.matches?.("form")) rest(event.target); });
  addEventListener("pageshow", () => document.querySelectorAll("form").forEach(rest));

  // A list that renews itself waits while somebody chooses rows, reads an open entry or has the focus in it.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const list = event.target;
    if (!list.getAttribute("hx-trigger")?.startsWith("every")) return;
    const busy = list.querySelector("input[name=push]:checked") || list.contains(document.activeElement);
    if (busy || document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", (event) => wake(event.target));
  document.addEventListener("toast", (event) => event.detail.messages.forEach((each) => say(each.text, each.kind)));
  document.addEventListener("htmx:sendError", () => say("The portal did not answer. Check your network and try again.", "danger"));
})();
