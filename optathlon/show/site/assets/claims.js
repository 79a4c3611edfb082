"use strict";
/* The ledger: filters, order, copies; what is chosen is in the address, and a claim's own link leads to it. */
addEventListener("DOMContentLoaded", () => {
  const { state, exports } = Optathlon;
  const form = document.getElementById("filters");
  const list = document.querySelector("ol.claims");
  const items = [...list.children];
  const said = document.getElementById("shown");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    state.set(Object.fromEntries([...form.elements].filter((field) => field.name).map((field) => [field.name, field.value])));
    show();
  });
  const text = (item, name) => item.querySelector(`[data-field="${name}"]`)?.textContent.trim() ?? "";
  const FIELDS = ["source", "statement", "reported", "measured"];
  form.append(exports.buttons(() => ({
    caption: document.title,
    header: ["claim", "verdict", "basis", "scale", "machine", ...FIELDS],
    rows: [...list.children].filter((item) => !item.hidden).map((item) => [item.id, item.querySelector(".badge").lastChild.textContent.trim(),
      item.dataset.basis, item.dataset.scale, item.dataset.machine, ...FIELDS.map((name) => text(item, name))]),
  })));

  function recall() {
    for (const field of form.elements) if (field.name) field.value = state.get(field.name);
    show();
  }

  function show() {
    const chosen = (name) => form.elements[name]?.value ?? "";
    const words = chosen("words").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const fits = ["verdict", "basis", "scale", "machine"].every((name) => !chosen(name) || item.dataset[name] === chosen(name));
      item.hidden = !fits || !words.every((word) => item.textContent.toLowerCase().includes(word));
      shown += item.hidden ? 0 : 1;
    }
    const place = (item) => (chosen("order") === "paper" ? Number(item.dataset.place) : items.indexOf(item));
    list.append(...[...items].sort((a, b) => place(a) - place(b)));
    said.textContent = shown === items.length ? "" : `${shown} of ${items.length} claims`;
  }

  state.onChange(recall);
  recall();
});
