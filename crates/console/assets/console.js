// Brings the parts of a page that are marked `data-live` up to date. Everything else works without this file.
"use strict";

(() => {
  const EVERY_MS = 4000;
  // A page that can't be had is not asked for at the same pace.
  const SLOWEST_MS = 60000;
  let wait = EVERY_MS;

  const addressOf = (part) => part.dataset.live || location.href;

  // Whoever types, has something open, or marks text to copy is not disturbed.
  const isBusy = (part) => {
    const active = document.activeElement;
    const selection = document.getSelection();
    return (
      (part.contains(active) && active.matches("input, select, textarea")) ||
      part.querySelector("details[open], dialog[open]") !== null ||
      (selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode))
    );
  };

  const FOCUSABLE = "a[href], button, summary, [tabindex]";

  const keyed = (part, key) => part.querySelector(`[data-key="${CSS.escape(key)}"]`);

  // Focus stays with what it was on: with its row, wherever that is now, and outside of rows with its place.
  const focusIn = (part) => {
    const active = document.activeElement;
    if (!part.contains(active)) return () => {};
    const row = active.closest("[data-key]");
    const key = row?.dataset.key;
    const place = [...(row ?? part).querySelectorAll(FOCUSABLE)].indexOf(active);
    return () => {
      const within = key === undefined ? part : keyed(part, key);
      within?.querySelectorAll(FOCUSABLE)[place]?.focus({ preventScroll: true });
    };
  };

  // What was ticked stays ticked.
  const ticksIn = (part) => {
    const ticked = new Set([...part.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value));
    return () => {
      for (const box of part.querySelectorAll("input[type=checkbox]")) box.checked = ticked.has(box.value);
    };
  };

  const replace = (part, fresh) => {
    if (isBusy(part) || part.innerHTML === fresh.innerHTML) return;
    const [focus, ticks] = [focusIn(part), ticksIn(part)];
    part.replaceChildren(...fresh.childNodes);
    ticks();
    focus();
  };

  // New rows of a log wait until somebody asks for them, so that nothing moves under a reader; known ones are brought up
  // to date where they stand.
  const rowsOf = (part) => [...part.querySelectorAll("tr[data-key]")];

  const hold = (part, fresh) => {
    const known = rowsOf(part);
    const keys = new Set(known.map((row) => row.dataset.key));
    const came = rowsOf(fresh).filter((row) => !keys.has(row.dataset.key));
    if (known.length === 0 || came.length === 0) {
      part.querySelector(".came")?.remove();
      replace(part, fresh);
      return;
    }
    if (isBusy(part)) return;
    const focus = focusIn(part);
    for (const row of known) keyed(fresh, row.dataset.key) && row.replaceWith(keyed(fresh, row.dataset.key).cloneNode(true));
    focus();
    const old = part.querySelector(".came");
    const button = old ?? document.createElement("button");
    button.className = "came";
    button.type = "button";
    button.textContent = `${came.length} new`;
    button.onclick = () => {
      button.remove();
      part.replaceChildren(...fresh.childNodes);
      part.querySelector("tr[data-key] a[href]")?.focus({ preventScroll: true });
    };
    if (!old) part.prepend(button);
  };

  // What times are called changes by itself: "3 s ago" needs no answer.
  const span = (seconds) =>
    seconds < 60 ? `${seconds} s`
    : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
    : seconds < 172800 ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86400)} days`;

  const age = () => {
    for (const time of document.querySelectorAll("[data-live] time[datetime]:not([data-within], [data-exact])")) {
      const seconds = Math.trunc((Date.now() - Date.parse(time.dateTime)) / 1000);
      const relative = Math.abs(seconds) < 2 ? "now" : seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
      const words = time.dataset.lasting === undefined ? relative : `for ${span(Math.max(seconds, 0))}`;
      if (time.textContent !== words) time.textContent = words;
    }
  };

  // The page as it came last, by its address: the same is not sent again.
  const tags = new Map();

  const refresh = async (address, parts) => {
    const headers = { accept: "text/html", "x-carillon-live": "1" };
    if (tags.has(address)) headers["if-none-match"] = tags.get(address);
    const response = await fetch(address, { headers, credentials: "same-origin" });
    if (response.status === 304) return;
    if (response.redirected) {
      // The session ended: the sign-in leads back here.
      location.reload();
      return;
    }
    if (!response.ok) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh && part.dataset.rows === "held") hold(part, fresh);
      else if (fresh) replace(part, fresh);
    }
    if (!parts.some(isBusy)) tags.set(address, response.headers.get("etag") ?? "");
  };

  // What stands on the page is as old as the last answer: then it says so.
  let answered = new Date();
  const NOTICE = "disconnected";

  const disconnected = (is) => {
    const shown = document.getElementById(NOTICE);
    if (!is) {
      answered = new Date();
      shown?.remove();
    } else if (!shown) {
      const notice = document.createElement("p");
      notice.id = NOTICE;
      notice.className = "notice bad";
      notice.setAttribute("role", "alert");
      notice.textContent = `Disconnected since ${answered.toLocaleTimeString()}: this page shows what was true then.`;
      document.getElementById("main").prepend(notice);
    }
  };

  const tick = async () => {
    const parts = [...document.querySelectorAll("[data-live][id]")];
    if (!document.hidden && parts.length > 0) {
      const byAddress = Map.groupBy(parts, addressOf);
      try {
        for (const [address, group] of byAddress) await refresh(address, group);
        wait = EVERY_MS;
        disconnected(false);
        age();
      } catch {
        disconnected(true);
        wait = Math.min(wait * 2, SLOWEST_MS);
      }
    }
    setTimeout(tick, wait);
  };

  setTimeout(tick, EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    wait = EVERY_MS;
  });
})();
