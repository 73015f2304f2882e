// Keeps slider and number, and list and code of a poller configuration, in step. The form works without.
"use strict";

(() => {
  for (const slider of document.querySelectorAll("[data-slider-of]")) {
    const number = document.getElementById(slider.dataset.sliderOf);
    if (!number) continue;
    slider.hidden = false;
    slider.addEventListener("input", () => { number.value = slider.value; });
    number.addEventListener("input", () => { slider.value = number.value; });
  }

  const DATES = "datesConfiguration";
  const TEXTS = ["url", "idField"];
  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const textOf = (object, key) => (typeof object[key] === "string" ? object[key].trim() : "");

  const parse = (text) => {
    try {
      const value = text.trim() === "" ? {} : JSON.parse(text);
      return isObject(value) ? value : null;
    } catch {
      return null;
    }
  };

  // Only where it is not as it was shown: a number, say, stays one.
  const set = (object, key, text) => {
    if (textOf(object, key) === text) return;
    if (text === "") delete object[key];
    else object[key] = text;
  };

  const keepInStep = (editor) => {
    const code = document.getElementById(editor.dataset.polling);
    const rows = [...editor.querySelectorAll("[data-resource]")];
    const said = editor.querySelector(".said");
    const inStep = editor.querySelector("[name='poll.in-step']");
    let known = parse(code.value);
    // Without a list, and where both already differ, the buttons decide.
    const base = parse(editor.querySelector("[name='poll.base']").value);
    if (rows.length === 0 || !known || !base || JSON.stringify(known) !== JSON.stringify(base)) return;

    const part = (row, name) => row.querySelector(`[data-part="${name}"]`);
    const dateFields = (row) => [...row.querySelectorAll(".dates [data-part]")];

    const read = (row) => {
      const name = row.dataset.resource;
      if (!part(row, "on").checked) {
        delete known[name];
        return;
      }
      if (!(name in known)) known[name] = parse(part(row, "entry").value) ?? {};
      const entry = known[name];
      if (!isObject(entry)) return;
      for (const key of TEXTS) set(entry, key, part(row, key).value.trim());
      if (part(row, "dates").checked) {
        if (!(DATES in entry)) entry[DATES] = {};
        if (!isObject(entry[DATES])) return;
        for (const input of dateFields(row)) set(entry[DATES], input.dataset.part, input.value.trim());
      } else if (isObject(entry[DATES]) && Object.keys(entry[DATES]).length > 0) {
        delete entry[DATES];
      }
    };

    const show = (row) => {
      const name = row.dataset.resource;
      part(row, "on").checked = name in known;
      const entry = isObject(known[name]) ? known[name] : parse(part(row, "entry").value) ?? {};
      const dates = isObject(entry[DATES]) ? entry[DATES] : {};
      for (const key of TEXTS) part(row, key).value = textOf(entry, key);
      part(row, "dates").checked = Object.keys(dates).length > 0;
      for (const input of dateFields(row)) input.value = textOf(dates, input.dataset.part);
    };

    const say = (text, isWrong) => {
      said.textContent = text;
      said.classList.toggle("wrong", isWrong);
    };

    inStep.value = "true";
    for (const buttons of editor.querySelectorAll("[data-without-script]")) buttons.hidden = true;
    editor.addEventListener("input", (event) => {
      const row = event.target.closest("[data-resource]");
      if (row) {
        // A resource that is edited is one that is wanted.
        if (event.target !== part(row, "on") && event.target.dataset.part) part(row, "on").checked = true;
        read(row);
        code.value = JSON.stringify(known, null, 2);
        code.setCustomValidity("");
        say("", false);
      } else if (event.target === code) {
        const now = parse(code.value);
        const wrong = "This is not a JSON object; the list shows what it was before.";
        code.setCustomValidity(now ? "" : wrong);
        say(now ? "" : wrong, !now);
        if (!now) return;
        known = now;
        rows.forEach(show);
        const others = Object.keys(known).filter((name) => !rows.some((one) => one.dataset.resource === name));
        if (others.length > 0) say(`Only in the code: ${others.join(", ")}.`, false);
      }
    });
  };

  document.querySelectorAll("[data-polling]").forEach(keepInStep);

  // Without a clipboard the text can still be marked.
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      button.textContent = "Copied";
    });
  }
})();
