"use strict";
/* Every run, a page of rows at a time, from columns: a sort is one over numbers, a filter one look at each word. */
addEventListener("DOMContentLoaded", async () => {
  const { h, load, number, state, exports, root, methodPage } = Optathlon;
  const place = document.getElementById("runs");
  const PAGE = 100;
  const { cells, runs } = await load("runs", "runs.js");
  const total = runs.cell.length;
  const cellOf = Uint32Array.from(runs.cell);

  /* A column: its texts by code, or its numbers; `at(i)` is its text for run i, `order` what it is sorted by. */
  function words(name, column, codes) {
    const sorted = column.words.map((word, i) => [word, i]).sort((a, b) => a[0].localeCompare(b[0], undefined, { numeric: true }));
    const ranks = new Float64Array(column.words.length);
    sorted.forEach(([word, i], position) => { ranks[i] = word === "" ? NaN : position; });
    const order = Float64Array.from(codes, (code) => ranks[code]);
    return { name, words: column.words, codes, order, at: (i) => column.words[codes[i]], raw: (i) => column.words[codes[i]] };
  }

  function numbers(name, values) {
    const order = Float64Array.from(values, (value) => value ?? NaN);
    return { name, numeric: true, order, at: (i) => number(values[i], name === "memory" ? 3 : 5), raw: (i) => values[i] };
  }

  const perCell = (name) => words(name, cells[name], Uint32Array.from(cellOf, (cell) => cells[name].codes[cell]));
  const perRun = (name) => words(name, runs[name], Uint32Array.from(runs[name].codes));
  const columns = [
    ...["suite", "workload", "scale", "method", "device", "machine"].map(perCell),
    numbers("seed", runs.seed), perRun("status"), perCell("metric"), numbers("score", runs.score),
    numbers("seconds", runs.seconds), numbers("memory", runs.memory), perRun("commit"), perRun("finished"),
  ];
  const filters = new Map(columns.map((column) => [column.name, ""]));
  const chosen = { sort: "", page: 0 };
  let shown = new Uint32Array(0);

  function test(column, text) {
    if (column.numeric) {
      const found = /^([<>]=?|=)?\s*(.+)$/.exec(text.trim());
      const bound = Number(found?.[2]);
      if (!found || Number.isNaN(bound)) return () => true;
      const by = { "<": (v) => v < bound, ">": (v) => v > bound, "<=": (v) => v <= bound, ">=": (v) => v >= bound }[found[1]] ?? ((v) => v === bound);
      return (i) => by(column.order[i]);
    }
    const parts = text.toLowerCase().split("|").map((part) => part.trim()).filter(Boolean);
    const fits = column.words.map((word) => parts.some((part) => (part.startsWith("=") ? word.toLowerCase() === part.slice(1) : word.toLowerCase().includes(part))));
    return (i) => fits[column.codes[i]];
  }

  function select() {
    const tests = columns.filter((column) => filters.get(column.name).trim()).map((column) => test(column, filters.get(column.name)));
    const found = new Uint32Array(total);
    let n = 0;
    for (let i = 0; i < total; i += 1) if (tests.every((fits) => fits(i))) found[n++] = i;
    shown = found.subarray(0, n);
    const column = columns.find((one) => one.name === chosen.sort.replace(/-$/, ""));
    if (!column) return;
    const sign = chosen.sort.endsWith("-") ? -1 : 1;
    const { order } = column;
    shown.sort((a, b) => {
      const [x, y] = [order[a], order[b]];
      if (x === y || (x !== x && y !== y)) return a - b;
      return x !== x ? 1 : y !== y ? -1 : sign * (x - y);
    });
  }

  const body = h("tbody");
  const said = h("p", { class: "note", role: "status" });
  const inputs = columns.map((column) => h("input", { type: "search", "aria-label": `filter ${column.name}`, name: column.name, autocomplete: "off",
    oninput: (event) => { filters.set(column.name, event.target.value); chosen.page = 0; update(); } }));
  const heads = columns.map((column) => h("th", { scope: "col", class: column.numeric ? "figure" : null }, h("button", { type: "button", class: "sort", onclick: () => turn(column.name) }, column.name)));
  const pager = ["«", "‹", "›", "»"].map((sign, i) => h("button", { type: "button", "aria-label": ["first", "previous", "next", "last"][i] + " page",
    onclick: () => { chosen.page = [0, chosen.page - 1, chosen.page + 1, Infinity][i]; update(); } }, sign));
  const where = h("span", { class: "count" });
  const all = (list) => Array.from(list, (i) => columns.map((column) => String(column.raw(i) ?? "")));
  const table = () => ({ caption: "Runs", header: columns.map((column) => column.name), rows: all(shown) });
  const objects = () => Array.from(shown, (i) => Object.fromEntries(columns.map((column) => [column.name, column.raw(i)])));
  const file = (name, type, make) => h("button", { type: "button", "data-file": name, onclick: () => exports.download(name, type, make()) }, name);
  place.append(
    h("div", { class: "tools" }, said, h("button", { type: "button", onclick: clear }, "Clear filters"), exports.buttons(table),
      file("runs.csv", "text/csv", () => exports.csv(table().header, table().rows)), file("runs.json", "application/json", () => JSON.stringify(objects(), null, 1))),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Runs" },
      h("table", { class: "runs" }, h("caption", { class: "unseen" }, "Runs"), h("thead", {}, h("tr", {}, ...heads), h("tr", { class: "inputs" }, ...inputs.map((input) => h("td", {}, input)))), body)),
    h("div", { class: "tools" }, ...pager, where));

  function turn(name) {
    chosen.sort = chosen.sort === name ? `${name}-` : chosen.sort === `${name}-` ? "" : name;
    update();
  }

  function clear() {
    for (const column of columns) filters.set(column.name, "");
    chosen.page = 0;
    update();
  }

  function update() {
    select();
    show();
    state.set({ ...Object.fromEntries(filters), sort: chosen.sort, page: chosen.page || "" });
  }

  function show() {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    chosen.page = Math.min(Math.max(0, chosen.page), pages - 1);
    columns.forEach((column, i) => {
      if (inputs[i].value !== filters.get(column.name)) inputs[i].value = filters.get(column.name);
      const own = chosen.sort.replace(/-$/, "") === column.name;
      if (own) heads[i].setAttribute("aria-sort", chosen.sort.endsWith("-") ? "descending" : "ascending");
      else heads[i].removeAttribute("aria-sort");
    });
    body.replaceChildren(...Array.from(shown.subarray(chosen.page * PAGE, (chosen.page + 1) * PAGE), line));
    said.textContent = `${shown.length.toLocaleString("en")} of ${total.toLocaleString("en")} runs`;
    where.textContent = `page ${chosen.page + 1} of ${pages}`;
    pager.forEach((button, i) => { button.disabled = i < 2 ? chosen.page === 0 : chosen.page === pages - 1; });
  }

  function line(i) {
    const row = h("tr", {}, ...columns.map((column) => {
      if (column.name === "method") return h("td", {}, h("button", { type: "button", class: "open", "aria-expanded": "false", onclick: (event) => open(event, row, i) }, column.at(i)));
      const kind = column.name === "status" && column.at(i) !== "ok" ? "failed" : column.numeric ? "figure" : null;
      return h("td", { class: kind }, column.at(i));
    }));
    return row;
  }

  /* What else is known of a run, below its row. */
  function open(event, row, i) {
    const button = event.currentTarget;
    const now = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!now));
    if (now) { row.nextSibling.remove(); return; }
    const cell = cellOf[i];
    const [suite, workload, method, device, machine, arithmetic, settings] = ["suite", "workload", "method", "device", "machine", "arithmetic", "settings"].map((name) => cells[name].words[cells[name].codes[cell]]);
    const path = `records/${machine}/${suite}/${workload}/${method}@${device}${arithmetic === "native" ? "" : `+${arithmetic}`}.${cells.key[cell]}.json`;
    const commit = columns.find((column) => column.name === "commit").at(i);
    const reason = runs.reason.words[runs.reason.codes[i]];
    row.after(h("tr", { class: "opened" }, h("td", { colspan: columns.length }, h("p", {},
      h("a", { href: root() + encodeURI(path).replace("#", "%23") }, "raw record"), " · ", h("a", { href: methodPage(suite, method) }, "method"), " · ",
      h("a", { href: `${root()}suite/${suite}/index.html` }, "suite"), commit ? " · " : null, commit ? h("a", { href: `${place.dataset.home}/commit/${commit}` }, `commit ${commit}`) : null),
    h("p", {}, "settings ", h("code", {}, settings)), reason ? h("pre", { tabindex: 0 }, reason) : null)));
  }

  function recall() {
    for (const column of columns) filters.set(column.name, state.get(column.name));
    Object.assign(chosen, { sort: state.get("sort"), page: Math.floor(Number(state.get("page"))) || 0 });
    select();
    show();
  }

  state.onChange(recall);
  recall();
});
