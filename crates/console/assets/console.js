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

  const replace = (part, fresh) => {
    if (isBusy(part) || part.innerHTML === fresh.innerHTML) return;
    const focused = [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
    part.replaceChildren(...fresh.childNodes);
    if (focused >= 0) part.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
  };

  const refresh = async (address, parts) => {
    const response = await fetch(address, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (response.redirected) {
      // The session ended: the sign-in leads back here.
      location.reload();
      return;
    }
    if (!response.ok) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh) replace(part, fresh);
    }
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
