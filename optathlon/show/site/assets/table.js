"use strict";
/* Plain tables that can be sorted, filtered and copied; every table in a `.table` on the page, and those that scripts make. */
Optathlon.tables = (() => {
  const { h, state, exports } = Optathlon;

  const text = (cell) => cell.dataset.text ?? cell.textContent.replace(/\s+/g, " ").trim();

  function key(cell, numeric) {
    const raw = cell?.dataset.value ?? (cell ? text(cell) : "");
    if (!numeric) return raw.toLowerCase();
    const found = Number.parseFloat(raw);
    return Number.isNaN(found) ? null : found;
  }

  /* Empty cells come last in either direction; equal ones keep their order. */
  function compare(a, b, sign) {
    if (a === b) return 0;
    if (a === null || a === "") return 1;
    if (b === null || b === "") return -1;
    return sign * (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  }

  /* Give a `.table` element its buttons. Its name keeps its state apart in the address. */
  function enhance(box) {
    const table = box.querySelector("table");
    const name = box.dataset.name;
    const limit = Number(box.dataset.limit ?? 0);
    const heads = [...table.tHead.rows[0].cells];
    const labels = heads.map(text);
    const numeric = heads.map((head) => head.dataset.kind === "number");
    const bodies = [...table.tBodies].filter((body) => !body.hasAttribute("data-fixed"));
    const original = bodies.map((body) => [...body.rows]);
    const chosen = { column: -1, sign: 1, words: "", all: false };

    const filter = h("input", { type: "search", placeholder: "filter", "aria-label": `Filter ${table.caption?.textContent ?? "the table"}`,
      oninput: () => { chosen.words = filter.value; show(); remember(); } });
    const count = h("span", { class: "count", role: "status" });
    const more = h("button", { type: "button", class: "more", hidden: true, onclick: () => { chosen.all = true; show(); } });
    const visible = () => bodies.flatMap((body) => [...body.rows]).filter((row) => !row.hidden && row.dataset.words !== undefined);
    const buttons = exports.buttons(() => ({
      caption: table.caption?.textContent ?? "",
      header: labels.filter((_, i) => !heads[i].hasAttribute("data-silent")),
      rows: visible().map((row) => [...row.cells].filter((_, i) => !heads[i]?.hasAttribute("data-silent")).map(text)),
    }));
    box.prepend(h("div", { class: "tools" }, filter, count, buttons));
    box.append(more);

    heads.forEach((head, column) => {
      if (head.hasAttribute("data-silent")) return;
      head.setAttribute("scope", "col");
      const label = h("button", { type: "button", class: "sort", onclick: () => { turn(column); show(); remember(); } }, ...head.childNodes);
      head.append(label);
    });
    for (const row of original.flat()) row.dataset.words = [...row.cells].map(text).join(" ").toLowerCase();

    function turn(column) {
      if (chosen.column !== column) Object.assign(chosen, { column, sign: 1 });
      else if (chosen.sign === 1) chosen.sign = -1;
      else Object.assign(chosen, { column: -1, sign: 1 });
    }

    function show() {
      const words = chosen.words.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      let total = 0;
      bodies.forEach((body, i) => {
        const keyed = original[i].map((row) => [row, chosen.column < 0 ? null : key(row.cells[chosen.column], numeric[chosen.column])]);
        if (chosen.column >= 0) keyed.sort((a, b) => compare(a[1], b[1], chosen.sign));
        body.append(...keyed.map(([row]) => row));
        for (const [row] of keyed) {
          total += 1;
          row.hidden = !words.every((word) => row.dataset.words.includes(word));
          shown += row.hidden ? 0 : 1;
          row.classList.toggle("beyond", limit > 0 && !chosen.all && shown > limit);
        }
      });
      heads.forEach((head, column) => {
        const own = column === chosen.column;
        if (own) head.setAttribute("aria-sort", chosen.sign > 0 ? "ascending" : "descending");
        else head.removeAttribute("aria-sort");
      });
      count.textContent = shown === total ? "" : `${shown} of ${total} rows`;
      more.hidden = !(limit > 0 && !chosen.all && shown > limit);
      more.textContent = `Show all ${shown} rows`;
    }

    function remember() {
      const sort = chosen.column < 0 ? "" : `${labels[chosen.column]}${chosen.sign < 0 ? "-" : ""}`;
      state.set({ [`${name}.sort`]: sort, [`${name}.filter`]: chosen.words });
    }

    function recall() {
      const sort = state.get(`${name}.sort`);
      const bare = labels.includes(sort) ? sort : sort.replace(/-$/, "");
      Object.assign(chosen, { column: labels.indexOf(bare), sign: bare === sort ? 1 : -1, words: state.get(`${name}.filter`) });
      filter.value = chosen.words;
      show();
    }
    state.onChange(() => box.isConnected && recall());
    recall();
    return box;
  }

  addEventListener("DOMContentLoaded", () => document.querySelectorAll(".table").forEach(enhance));
  return { enhance };
})();
